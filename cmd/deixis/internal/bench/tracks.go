package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench/scene"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/annotate"
	"deixis/pipeline/track"
)

// TracksReport is what `bench tracks --json` prints.
type TracksReport struct {
	Scenes []sceneTracks `json:"scenes"`
	Mean   sceneTracks   `json:"mean"` // of right; sums of the others
}

type sceneTracks struct {
	Name   string     `json:"name"`
	Raw    tracksCase `json:"raw"`    // every answer as it is
	Locked tracksCase `json:"locked"` // by the rules of the live lock
	Whole  tracksCase `json:"whole"`  // tracks of the whole recording
}

// A tracksCase is how one scene went.
type tracksCase struct {
	Right  float64 `json:"right"`  // share of frames with the box on the thing, or without one where it is hidden
	Jumps  int     `json:"jumps"`  // from one thing to another between two frames that show a box
	Breaks int     `json:"breaks"` // from a box to none, or back
}

// TracksCmd is `deixis bench tracks`.
type TracksCmd struct {
	trialFlags
	MOT string `placeholder:"DIR" help:"Also write truth and boxes of each scene into folders there, as MOTChallenge text: gt.txt, raw.txt, lock.txt, whole.txt."`
}

// Run measures the tracks of whole recordings against answers as they are and
// against the live lock, all of the same answers.
func (c *TracksCmd) Run(ctx context.Context, g *app.Globals) error {
	if err := c.validate(); err != nil {
		return err
	}
	trials, err := (&LockCmd{c.trialFlags}).lockTrials(ctx, g)
	if err != nil {
		return err
	}
	r := TracksReport{Mean: sceneTracks{Name: "mean"}}
	for _, t := range trials {
		one, err := c.judge(t)
		if err != nil {
			return err
		}
		r.Scenes = append(r.Scenes, one)
		for _, p := range []struct{ sum, of *tracksCase }{{&r.Mean.Raw, &one.Raw}, {&r.Mean.Locked, &one.Locked}, {&r.Mean.Whole, &one.Whole}} {
			p.sum.Right += p.of.Right / float64(len(trials))
			p.sum.Jumps += p.of.Jumps
			p.sum.Breaks += p.of.Breaks
		}
	}
	for _, k := range []*tracksCase{&r.Mean.Raw, &r.Mean.Locked, &r.Mean.Whole} {
		k.Right = model.Round(k.Right, 3)
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, r)
	}
	return r.Print(g.Stdout)
}

// A motFile is boxes as MOTChallenge text: frame, track, left, top, width, height,
// score, class, visibility; frames and tracks from 1.
type motFile struct{ bytes.Buffer }

func (m *motFile) add(frame, track int, b model.Box, score float32) {
	fmt.Fprintf(m, "%d,%d,%.2f,%.2f,%.2f,%.2f,%.3f,1,1\n", frame+1, track, b.X1, b.Y1, b.X2-b.X1, b.Y2-b.Y1, score)
}

// written are the boxes of one scene, by name of file.
type written map[string]*motFile

// view adds what a view shows. An answer as it is has no track: the phrase is one.
func (w written) view(name string, frame int, v pipeline.View) {
	if v.HasBox() {
		w[name].add(frame, max(1, v.Track), v.Box, v.Score)
	}
}

// save writes the files of a scene that has so many frames.
func (w written) save(dir, scene string, frames int) error {
	dir = filepath.Join(dir, strings.Map(func(r rune) rune {
		if r == os.PathSeparator || r == ' ' {
			return '_'
		}
		return r
	}, scene))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return app.Output(err)
	}
	errs := []error{os.WriteFile(filepath.Join(dir, "seqinfo.ini"), fmt.Appendf(nil, "[Sequence]\nseqLength=%d\n", frames), 0o644)}
	for name, m := range w {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), m.Bytes(), 0o644))
	}
	if err := errors.Join(errs...); err != nil {
		return app.Output(err)
	}
	return nil
}

// judge goes through one scene, frame by frame.
func (c *TracksCmd) judge(t lagTrial) (sceneTracks, error) {
	phrase := t.phrase.Text
	s := annotate.DefaultSettings
	s.Present = t.present
	found := annotate.NewCollector(t.name, t.name, []string{phrase}, s, nil)
	var locks track.Targets
	locks.SetPhrases([]model.Phrase{t.phrase})
	var raw, locked, whole tally
	var times []time.Duration
	files := written{"gt.txt": {}, "raw.txt": {}, "lock.txt": {}, "whole.txt": {}}
	c.each(t, func(f *camera.Frame, a model.Answer) {
		times = append(times, f.PTS)
		found.Take(f, []model.Answer{a}) // into memory, which does not fail
		asItIs := track.ViewOf(&a)
		raw.add(t, asItIs, f.PTS)
		locks.Update([]model.Answer{a}, f, 0)
		lock := locks.Views(f.At)[0]
		locked.add(t, lock, f.PTS)
		frame := len(times) - 1
		files.view("raw.txt", frame, asItIs)
		files.view("lock.txt", frame, lock)
		if truth, seen := t.truth(phrase, f.PTS.Seconds()); seen >= hidden {
			files["gt.txt"].add(frame, 1, truth, 1)
		}
	})
	v, err := found.Video()
	if err != nil {
		return sceneTracks{}, err
	}
	err = v.Views(func(frame int, views []pipeline.View) error {
		whole.add(t, views[0], times[frame])
		files.view("whole.txt", frame, views[0])
		return nil
	})
	if err == nil && c.MOT != "" {
		err = files.save(c.MOT, t.name, len(times))
	}
	return sceneTracks{t.name, raw.result(), locked.result(), whole.result()}, err
}

// each hands over every frame, without its pixels, and its answer.
func (c *TracksCmd) each(t lagTrial, yield func(f *camera.Frame, a model.Answer)) {
	start := time.Unix(0, 0)
	f := camera.Frame{Width: 1 << 15, Height: 1 << 15} // boxes lie in the frame whatever its size
	for n := 0; ; n++ {
		f.Seq, f.PTS = uint64(n+1), time.Duration(float64(n)/scene.FPS*float64(time.Second))
		if t.said != nil {
			if n == len(t.said) {
				return
			}
			f.PTS = t.said[n].At.Sub(time.Time{})
		} else if f.PTS.Seconds() >= c.Seconds {
			return
		}
		f.At = start.Add(f.PTS)
		a := t.answer(t.phrase.Text, &f)
		a.Phrase, a.Seq, a.At = t.phrase.Text, f.Seq, f.At
		yield(&f, a)
	}
}

// A tally counts over one scene.
type tally struct {
	n, right, jumps, breaks int
	last                    *pipeline.View
}

func (k *tally) add(t lagTrial, v pipeline.View, pts time.Duration) {
	truth, seen := t.truth(t.phrase.Text, pts.Seconds())
	k.n++
	if v.HasBox() && seen >= hidden && v.Box.IoU(truth) >= 0.5 || !v.HasBox() && seen <= plainly {
		k.right++
	}
	if k.last != nil {
		switch {
		case v.HasBox() != k.last.HasBox():
			k.breaks++
		case v.HasBox() && v.Box.IoU(k.last.Box) < track.DefaultPathRules.Same:
			k.jumps++
		}
	}
	k.last = &v
}

func (k *tally) result() tracksCase {
	return tracksCase{model.Round(float64(k.right)/float64(max(1, k.n)), 3), k.jumps, k.breaks}
}

// Print writes the report for people.
func (r *TracksReport) Print(w io.Writer) error {
	wide := 20
	for _, s := range r.Scenes {
		wide = max(wide, len(s.Name))
	}
	_, err := fmt.Fprintf(w, "share of frames right, jumps to another thing, breaks\n%-*s %20s %20s %20s\n", wide, "scene", "answers as they are", "live lock", "whole recording")
	for _, s := range append(r.Scenes, r.Mean) {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-*s %12.3f %3d %3d %12.3f %3d %3d %12.3f %3d %3d\n", wide, s.Name,
				s.Raw.Right, s.Raw.Jumps, s.Raw.Breaks, s.Locked.Right, s.Locked.Jumps, s.Locked.Breaks, s.Whole.Right, s.Whole.Jumps, s.Whole.Breaks)
		}
	}
	return err
}
