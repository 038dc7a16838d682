// Package review writes a page on which a person judges tracks, and reads what was
// judged.
package review

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
)

// A Card is one track to judge.
type Card struct {
	Input  string  `json:"input"` // name of its results
	File   string  `json:"file"`  // source, as in run.json
	Phrase string  `json:"phrase"`
	Track  int     `json:"track"`
	Start  float64 `json:"start"` // seconds
	End    float64 `json:"end"`
	Score  float64 `json:"score"`
	Unsure float64 `json:"unsure"` // share of its boxes
	Stills []Still `json:"stills"`
}

// A Still is one picture of a track.
type Still struct {
	What    string     `json:"what"` // start, middle, end or least sure
	Frame   int        `json:"frame"`
	Time    float64    `json:"time"`    // seconds
	Picture string     `json:"picture"` // its file, relative to where the downloaded lines are kept
	Width   int        `json:"width"`   // pixels of the frame
	Height  int        `json:"height"`
	Box     [4]float64 `json:"box"` // corners, pixels of the frame
	JPEG    []byte     `json:"-"`   // of any size, in the page itself
}

//go:embed page.html
var page string

var tmpl = template.Must(template.New("page").Parse(page))

// Write writes the page, which needs no other file. The cards are the first of so many,
// the least sure first.
func Write(w io.Writer, title string, cards []Card, of int) error {
	type still struct {
		Still
		Source string `json:"src"`
	}
	type card struct {
		Card
		Stills []still `json:"stills"`
	}
	data := struct {
		Title string
		Data  struct {
			Cards []card `json:"cards"`
			Of    int    `json:"of"`
		}
	}{Title: title}
	data.Data.Of, data.Data.Cards = of, []card{}
	for _, c := range cards {
		one := card{Card: c}
		for _, s := range c.Stills {
			one.Stills = append(one.Stills, still{s, "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(s.JPEG)})
		}
		data.Data.Cards = append(data.Data.Cards, one)
	}
	if _, err := json.Marshal(data.Data); err != nil { // the template would write it into the page
		return err
	}
	return tmpl.Execute(w, data)
}
