// Package cvat writes "CVAT for video 1.1" XML, and the labels to paste into the raw
// view of CVAT's label constructor before the file is uploaded.
//
// Frames count from 0. Only the keyframes that CVAT's linear interpolation needs are
// written; a box with outside="1" ends a track or begins a gap in it.
package cvat

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"deixis/pipeline/annotate"
)

type (
	attribute struct {
		Name string `xml:"name,attr"`
		Text string `xml:",chardata"`
	}
	box struct {
		Frame      int         `xml:"frame,attr"`
		Outside    int         `xml:"outside,attr"`
		Occluded   int         `xml:"occluded,attr"`
		Keyframe   int         `xml:"keyframe,attr"`
		X1         string      `xml:"xtl,attr"`
		Y1         string      `xml:"ytl,attr"`
		X2         string      `xml:"xbr,attr"`
		Y2         string      `xml:"ybr,attr"`
		Z          int         `xml:"z_order,attr"`
		Attributes []attribute `xml:"attribute"`
	}
	track struct {
		ID     int    `xml:"id,attr"`
		Label  string `xml:"label,attr"`
		Source string `xml:"source,attr"`
		Boxes  []box  `xml:"box"`
	}
	kind struct {
		Name    string `xml:"name"`
		Mutable string `xml:"mutable"`
		Input   string `xml:"input_type"`
		Default string `xml:"default_value"`
		Values  string `xml:"values"`
	}
	label struct {
		Name       string `xml:"name"`
		Type       string `xml:"type"`
		Attributes []kind `xml:"attributes>attribute"`
	}
	task struct {
		Name   string  `xml:"name"`
		Size   int     `xml:"size"`
		Mode   string  `xml:"mode"`
		Start  int     `xml:"start_frame"`
		Stop   int     `xml:"stop_frame"`
		Labels []label `xml:"labels>label"`
		Width  int     `xml:"original_size>width"`
		Height int     `xml:"original_size>height"`
	}
	meta struct {
		Task   task   `xml:"task"`
		Source string `xml:"source"`
	}
)

// The attributes of each label: the phrase in full, and the score at a keyframe.
const (
	phraseName = "phrase"
	scoreName  = "score"
)

// longestLabel is how many letters a label of CVAT's may have.
const longestLabel = 64

// Write writes v.
func Write(w io.Writer, v *annotate.Video) error {
	names := Labels(v.Phrases)
	about := meta{Source: v.Source, Task: task{
		Name: v.Name, Size: len(v.Frames), Mode: "interpolation", Stop: max(0, len(v.Frames)-1), Width: v.Width, Height: v.Height,
	}}
	for i, name := range names {
		about.Task.Labels = append(about.Task.Labels, label{name, "rectangle", []kind{
			{phraseName, "False", "text", v.Phrases[i], v.Phrases[i]}, {scoreName, "True", "text", "", ""},
		}})
	}
	if _, err := io.WriteString(w, xml.Header+"<annotations>\n"); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent(" ", " ")
	element := func(name string, v any) error {
		return enc.EncodeElement(v, xml.StartElement{Name: xml.Name{Local: name}})
	}
	if err := errors.Join(element("version", "1.1"), element("meta", about)); err != nil {
		return err
	}
	for i := range v.Tracks { // one by one: all together may be a gigabyte
		if err := element("track", trackOf(v, i, names)); err != nil {
			return err
		}
	}
	if err := enc.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n</annotations>\n")
	return err
}

// trackOf is a track as CVAT interpolates it.
func trackOf(v *annotate.Video, i int, names []string) track {
	t := &v.Tracks[i]
	out := track{ID: i, Label: names[t.Phrase], Source: "auto"}
	for _, s := range t.Spans() {
		for _, k := range s.Keys {
			out.Boxes = append(out.Boxes, boxOf(k, k.Frame, 0, v.Phrases[t.Phrase]))
		}
		if s.Last+1 < len(v.Frames) {
			out.Boxes = append(out.Boxes, boxOf(s.Keys[len(s.Keys)-1], s.Last+1, 1, v.Phrases[t.Phrase]))
		}
	}
	return out
}

func boxOf(b annotate.Box, frame, outside int, phrase string) box {
	n := func(x float32) string { return fmt.Sprintf("%.2f", x) }
	return box{frame, outside, 0, 1, n(b.X1), n(b.Y1), n(b.X2), n(b.Y2), 0, []attribute{
		{phraseName, phrase}, {scoreName, fmt.Sprintf("%.3f", b.Score)},
	}}
}

// Labels are short names for the phrases, no two alike.
func Labels(phrases []string) []string {
	var names []string
	taken := map[string]bool{}
	for _, p := range phrases {
		short := []rune(p)
		short = short[:min(len(short), longestLabel)]
		name := string(short)
		for n := 2; taken[name]; n++ {
			end := fmt.Sprintf(" %d", n)
			name = string(short[:min(len(short), longestLabel-len(end))]) + end
		}
		taken[name] = true
		names = append(names, name)
	}
	return names
}

// WriteLabels writes the labels as CVAT's label constructor takes them.
func WriteLabels(w io.Writer, v *annotate.Video) error {
	type attribute struct {
		Name    string   `json:"name"`
		Input   string   `json:"input_type"`
		Mutable bool     `json:"mutable"`
		Default string   `json:"default_value"`
		Values  []string `json:"values"`
	}
	type label struct {
		Name       string      `json:"name"`
		Type       string      `json:"type"`
		Attributes []attribute `json:"attributes"`
	}
	labels := []label{}
	for i, name := range Labels(v.Phrases) {
		labels = append(labels, label{name, "rectangle", []attribute{
			{phraseName, "text", false, v.Phrases[i], []string{v.Phrases[i]}}, {scoreName, "text", true, "", []string{""}},
		}})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(labels)
}
