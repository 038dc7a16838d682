package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/listen"
	"deixis/pipeline/overlay"
	"deixis/pipeline/track"
)

// SpeechCmd is `deixis bench speech`.
type SpeechCmd struct {
	Refs   string   `arg:"" placeholder:"REFS.jsonl" help:"Expressions as for eval."`
	JSON   bool     `help:"Print JSON."`
	Limit  int      `default:"100" help:"So many expressions."`
	Split  string   `default:"val" placeholder:"NAME" help:"Of this split."`
	Voices []string `default:"espeak-ng:en-us,espeak-ng:en-gb,espeak-ng:en-us+f3,espeak-ng:en-gb-scotland" help:"Who speaks, in turns; espeak-ng:NAME or flite:NAME."`
	Clips  string   `placeholder:"DIR" help:"Keep the clips there, and take those that are there."`
	Live   bool     `help:"Say and type them to a deixis live of its own, in real time, and how even its frames come."`
	Sink   string   `placeholder:"NAME" help:"With --live: play the clips to this PulseAudio sink, and listen to the microphone with its name."`
	Joint  bool     `name:"listen-joint" default:"true" negatable:"" help:"With --live: hold readings against the picture."`
	app.WeightFlags
	app.EarFlags
}

// A spokenTrial is one measurement of spoken phrases in progress.
type spokenTrial struct {
	*app.Globals
	by      *app.Network
	ears    *app.Ears
	chooser listen.Chooser
	frame   camera.Frame
	overlay overlay.Overlay
	seconds []part
	sums    spokenSums
}

// spokenSums are what is counted over all phrases.
type spokenSums struct {
	n, heard, typed, first, joint int // right, and n in all; heard: of which a phrase was understood
	changed                       int // the picture took another reading than the first
	words, wrongFirst, wrongJoint int
}

// part are the times of one phrase, ms.
type part struct{ Wait, Recognise, Choose, Phrase, Frame, Ground, Draw, Whole float64 }

// Run measures phrases that are spoken.
func (c *SpeechCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if c.Sink != "" && !c.Live {
		return app.Usage(errors.New("--sink needs --live"))
	}
	refs, err := c.spokenRefs()
	if err != nil {
		return err
	}
	dir := c.Clips
	if dir == "" {
		if dir, err = os.MkdirTemp("", "deixis-clips"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return app.Output(fmt.Errorf("--clips: %w", err))
	}
	voices := clipper{dir: dir, voices: c.Voices}
	if c.Live {
		r, err := c.live(ctx, g, refs, &voices)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.WriteJSON(g.Stdout, r)
		}
		return r.Print(g.Stdout)
	}
	t := &spokenTrial{Globals: g}
	if t.by, err = g.OpenNetwork(ctx, app.Wants{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.by.Close()) }()
	if t.ears, err = g.OpenEars(ctx, c.EarFlags); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.ears.Close()) }()
	t.chooser = listen.Chooser{
		By: t.by, Newest: t.newest, Phrase: t.by.Bundle.Phrase, Most: t.by.Bundle.Limits.MaxPhrases, Weights: c.Weights(),
	}
	said := time.Now()
	for i, r := range refs {
		pcm, err := voices.clip(ctx, i, r.Phrase)
		if err != nil {
			return err
		}
		if err := t.one(ctx, r, pcm); err != nil {
			return fmt.Errorf("line %d: %w", r.Line, err)
		}
		if time.Since(said) > time.Second {
			said = time.Now()
			g.Log.Info("listening", "done", i+1, "of", len(refs))
		}
	}
	report := t.report(c.Voices)
	if c.JSON {
		return app.WriteJSON(g.Stdout, report)
	}
	return report.Print(g.Stdout)
}

// spokenRefs are expressions whose thing is in the picture, from all over the file.
func (c *SpeechCmd) spokenRefs() ([]app.Ref, error) {
	if c.Limit < 1 {
		return nil, app.Usage(errors.New("--limit must be above 0"))
	}
	refs, err := app.ReadRefs(c.Refs, c.Split, 0)
	if err != nil {
		return nil, err
	}
	refs = slices.DeleteFunc(refs, func(r app.Ref) bool { return r.Box == nil })
	if len(refs) == 0 {
		return nil, app.Input(fmt.Errorf("read expressions %s: none of split %q has a box", c.Refs, c.Split))
	}
	n := min(c.Limit, len(refs))
	some := make([]app.Ref, n)
	for i := range some {
		some[i] = refs[i*len(refs)/n]
	}
	return some, nil
}

// newest is the photo, as a live line would see it.
func (t *spokenTrial) newest(f *camera.Frame) bool {
	t.frame.CopyTo(f)
	return true
}

// one measures one phrase: spoken first, so that it is new to the network.
func (t *spokenTrial) one(ctx context.Context, r app.Ref, pcm []float32) error {
	if err := opencv.ReadImage(r.Image, &t.frame); err != nil {
		return err
	}
	t.frame.Seq++
	first, joint, p, err := t.listen(ctx, pcm)
	if err != nil {
		return err
	}
	want := strings.Fields(listen.Normalise(r.Phrase))
	t.sums.n++
	t.sums.words += len(want)
	t.sums.wrongFirst += app.WordErrors(want, strings.Fields(first))
	t.sums.wrongJoint += app.WordErrors(want, strings.Fields(joint))
	if joint != "" {
		right, err := t.points(ctx, joint, r, &p)
		if err != nil {
			return err
		}
		t.sums.heard++
		t.sums.joint += right
		if p.Whole = p.Wait + p.Recognise + p.Choose + p.Phrase + p.Frame + p.Ground + p.Draw; right == 1 {
			t.seconds = append(t.seconds, p)
		}
		if joint != first {
			t.sums.changed++
			if right, err = t.points(ctx, first, r, &part{}); err != nil {
				return err
			}
		}
		t.sums.first += right
	}
	right, err := t.points(ctx, r.Phrase, r, &part{})
	t.sums.typed += right
	t.Log.Debug("spoken", "phrase", r.Phrase, "first", first, "joint", joint)
	return err
}

// points is 1 where a phrase points at the right thing, else 0; a phrase that is
// too long points nowhere. It adds what it took to p.
func (t *spokenTrial) points(ctx context.Context, text string, r app.Ref, p *part) (int, error) {
	phrase, err := t.by.Bundle.Phrase(text)
	if errors.Is(err, model.ErrLongPhrase) || errors.Is(err, model.ErrEmptyPhrase) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	answers, err := t.by.Ground(ctx, &t.frame, []model.Phrase{phrase})
	if err != nil {
		return 0, err
	}
	a := &answers[0]
	began := time.Now()
	var drawn camera.Frame
	t.frame.CopyTo(&drawn)
	t.overlay.Draw(&drawn, []pipeline.View{track.ViewOf(a)})
	p.Draw += app.MS(time.Since(began))
	p.Phrase += app.MS(a.Took.Phrase)
	p.Frame += app.MS(a.Took.Resize + a.Took.Frame)
	p.Ground += app.MS(a.Took.Ground)
	if a.Boxes[0].IoU(*r.Box) >= 0.5 { // whether presence would refuse it or not, as in eval
		return 1, nil
	}
	return 0, nil
}

// Silence around a clip: the room of a microphone that is not quite quiet.
const (
	roomBefore = time.Second
	roomAfter  = 1500 * time.Millisecond
	roomNoise  = 1e-3
)

// listen writes a clip down as the live line does. first is the phrase by ear
// alone, joint the one that the picture helps to choose.
func (t *spokenTrial) listen(ctx context.Context, pcm []float32) (first, joint string, p part, err error) {
	sound, end := InRoom(pcm)
	t.ears.VAD.Reset()
	s := listen.NewSegmenter(t.ears.VAD, listen.DefaultSegmenting)
	us, err := s.Push(sound)
	if err != nil {
		return "", "", p, err
	}
	if u, ok := s.Flush(); ok {
		us = append(us, u)
	}
	for _, u := range us { // the last that is understood stands
		tr, err := t.ears.By.Transcribe(ctx, u.PCM)
		if err != nil {
			return "", "", p, err
		}
		cs := listen.English.Candidates(tr, listen.PushToTalk)
		if len(cs) == 0 {
			continue
		}
		began := time.Now()
		best, _, err := t.chooser.Choose(ctx, cs)
		if err != nil {
			return "", "", p, err
		}
		first, joint = cs[0].Phrase, cs[best].Phrase
		p = part{Wait: app.MS(u.Decided - end), Recognise: app.MS(tr.Took), Choose: app.MS(time.Since(began))}
	}
	return first, joint, p, nil
}

// InRoom puts silence that is not quite silent around a clip, and says when its
// last word ends.
func InRoom(pcm []float32) (sound []float32, end time.Duration) {
	r := rand.New(rand.NewPCG(1, uint64(len(pcm))))
	samples := func(d time.Duration) int { return int(d.Seconds() * listen.Rate) }
	sound = make([]float32, samples(roomBefore)+len(pcm)+samples(roomAfter))
	copy(sound[samples(roomBefore):], pcm)
	for i := range sound {
		sound[i] += roomNoise * float32(r.NormFloat64())
	}
	return sound, roomBefore + lastWord(pcm)
}

// lastWord is when the last word of a clip ends.
func lastWord(pcm []float32) time.Duration {
	last := 0
	loud := slices.Max(pcm) / 50
	for i, x := range pcm {
		if x > loud {
			last = i
		}
	}
	return time.Duration(last) * time.Second / listen.Rate
}
