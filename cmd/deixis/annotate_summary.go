package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/runfile"
	"deixis/pipeline/track"
)

// annotateSummary is what `annotate --json` prints.
type annotateSummary struct {
	Out     string        `json:"out"`
	Phrases []string      `json:"phrases"`
	Inputs  []inputReport `json:"inputs"`
	Doubts  []doubt       `json:"doubts"` // all tracks, the least sure first
}

// An inputReport is what is known of an input, and how fast it was annotated.
type inputReport struct {
	runfile.Input
	FPS float64 `json:"fps,omitempty"` // frames a second, all in all; none where nothing was left to do
}

// A doubt is a track that somebody should look at, and where.
type doubt struct {
	Input string `json:"input"`
	runfile.Track
}

// mostDoubts are printed for people.
const mostDoubts = 10

func (a *annotation) report() annotateSummary {
	s := annotateSummary{Out: a.c.Out, Phrases: a.settings.Phrases, Inputs: []inputReport{}, Doubts: []doubt{}}
	for _, in := range a.inputs {
		s.Inputs = append(s.Inputs, inputReport{in.state, in.fps})
		for _, t := range in.state.Tracks {
			s.Doubts = append(s.Doubts, doubt{in.state.Name, t})
		}
	}
	slices.SortStableFunc(s.Doubts, func(a, b doubt) int {
		return cmp.Or(cmp.Compare(b.Unsure, a.Unsure), cmp.Compare(a.Score, b.Score))
	})
	return s
}

// tracksOf are the tracks of v as a summary tells of them.
func tracksOf(v *annotate.Video) []runfile.Track {
	all := []runfile.Track{}
	for i := range v.Tracks {
		t := &v.Tracks[i]
		first, last := t.Boxes[0].Frame, t.Boxes[len(t.Boxes)-1].Frame
		one := runfile.Track{
			ID: t.ID, Phrase: v.Phrases[t.Phrase], Boxes: len(t.Boxes),
			Start: model.Round(v.Frames[first].At.Seconds(), 3), End: model.Round(v.End(last).Seconds(), 3),
		}
		worst := 0
		for n, b := range t.Boxes {
			one.Score += float64(b.Score) / float64(len(t.Boxes))
			if track.StateOf(b.Score, b.Margin) == pipeline.Unsure {
				one.Unsure += 1 / float64(len(t.Boxes))
			}
			if b.Score < t.Boxes[worst].Score && v.Frames[b.Frame].Asked {
				worst = n
			}
		}
		one.Score, one.Unsure = model.Round(one.Score, 3), model.Round(one.Unsure, 3)
		one.Worst = model.Round(v.Frames[t.Boxes[worst].Frame].At.Seconds(), 3)
		one.Stills = stillsOf(v, t, worst)
		all = append(all, one)
	}
	return all
}

// summary prints what there is now, and what of it to look at first.
func (a *annotation) summary() error {
	s := a.report()
	if a.c.JSON {
		return app.WriteJSON(a.g.Stdout, s)
	}
	w := tabwriter.NewWriter(a.g.Stdout, 0, 0, 2, ' ', 0)
	for _, in := range s.Inputs {
		if in.State != runfile.Done {
			continue
		}
		fmt.Fprintf(w, "%s\t%d frames\t%s\t%d tracks\t%s\n", filepath.Join(s.Out, in.Name), in.Frames, playerClock(in.Seconds), len(in.Tracks), joined(in.Files))
	}
	if len(s.Doubts) > 0 {
		fmt.Fprintf(w, "look first at\n")
	}
	for _, d := range s.Doubts[:min(mostDoubts, len(s.Doubts))] {
		fmt.Fprintf(w, "%s\t%s to %s\ttrack %d\t%q\tunsure %.0f %%, score %.2f, worst at %s\n", d.Input, playerClock(d.Start), playerClock(d.End), d.ID, d.Phrase, 100*d.Unsure, d.Score, playerClock(d.Worst))
	}
	return w.Flush()
}

// joined are the endings of files, for one line.
func joined(files []string) string {
	var line string
	for i, f := range files {
		if i > 0 {
			line += " "
		}
		line += f
	}
	return line
}

// playerClock is a time in a recording as players show it.
func playerClock(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond)
	return fmt.Sprintf("%d:%02d:%04.1f", int(d.Hours()), int(d.Minutes())%60, (d % time.Minute).Seconds())
}
