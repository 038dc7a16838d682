package main

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
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/listen"
	"deixis/pipeline/overlay"
)

// spokenArgs are the flags of bench that are about speech.
type spokenArgs struct {
	Spoken string        `placeholder:"REFS.jsonl" help:"Measure instead how often the right thing is boxed when phrases are spoken, against the same phrases typed: expressions as for eval, spoken by other programs."`
	Limit  int           `default:"100" help:"With --spoken: so many expressions."`
	Split  string        `default:"val" placeholder:"NAME" help:"With --spoken: of this split."`
	Voices []string      `default:"espeak-ng:en-us,espeak-ng:en-gb,espeak-ng:en-us+f3,espeak-ng:en-gb-scotland" help:"With --spoken: who speaks, in turns; espeak-ng:NAME or flite:NAME."`
	Clips  string        `placeholder:"DIR" help:"With --spoken: keep the clips there, and take those that are there."`
	Live   bool          `help:"With --spoken: say and type them to a deixis live of its own, in real time, and how even its frames come."`
	Sink   string        `placeholder:"NAME" help:"With --live: play the clips to this PulseAudio sink, and listen to the microphone with its name."`
	Joint  bool          `name:"listen-joint" default:"true" negatable:"" help:"With --live: hold readings against the picture."`
	Noise  time.Duration `placeholder:"TIME" help:"Measure instead how many phrases are understood in so much noise without a word, such as 1h."`
	weightFlags
	earFlags
}

// A spokenTrial is one measurement of --spoken in progress.
type spokenTrial struct {
	*globals
	by      *grounder
	ears    *ears
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

// spoken measures --spoken.
func (c *benchCmd) spoken(ctx context.Context, g *globals) (err error) {
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
		return &outputError{fmt.Errorf("--clips: %w", err)}
	}
	voices := clipper{dir: dir, voices: c.Voices}
	if c.Live {
		r, err := c.live(ctx, g, refs, &voices)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(g.Stdout, r)
		}
		return r.print(g.Stdout)
	}
	t := &spokenTrial{globals: g}
	if t.by, err = g.openGrounder(ctx, wants{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.by.Close()) }()
	if t.ears, err = g.openEars(ctx, c.earFlags); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.ears.Close()) }()
	t.chooser = listen.Chooser{
		By: t.by, Newest: t.newest, Phrase: t.by.Bundle.Phrase, Most: t.by.Bundle.Limits.MaxPhrases, Weights: c.weights(),
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
		return writeJSON(g.Stdout, report)
	}
	return report.print(g.Stdout)
}

// spokenRefs are expressions whose thing is in the picture, from all over the file.
func (c *benchCmd) spokenRefs() ([]ref, error) {
	if c.Limit < 1 {
		return nil, &usageError{errors.New("--limit must be above 0")}
	}
	refs, err := readRefs(c.Spoken, c.Split, 0)
	if err != nil {
		return nil, err
	}
	refs = slices.DeleteFunc(refs, func(r ref) bool { return r.Box == nil })
	if len(refs) == 0 {
		return nil, &inputError{fmt.Errorf("read expressions %s: none of split %q has a box", c.Spoken, c.Split)}
	}
	n := min(c.Limit, len(refs))
	some := make([]ref, n)
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
func (t *spokenTrial) one(ctx context.Context, r ref, pcm []float32) error {
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
	t.sums.wrongFirst += wordErrors(want, strings.Fields(first))
	t.sums.wrongJoint += wordErrors(want, strings.Fields(joint))
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
func (t *spokenTrial) points(ctx context.Context, text string, r ref, p *part) (int, error) {
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
	t.overlay.Draw(&drawn, []pipeline.View{viewOf(a)})
	p.Draw += inMS(time.Since(began))
	p.Phrase += inMS(a.Took.Phrase)
	p.Frame += inMS(a.Took.Resize + a.Took.Frame)
	p.Ground += inMS(a.Took.Ground)
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
	sound, end := inRoom(pcm)
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
		p = part{Wait: inMS(u.Decided - end), Recognise: inMS(tr.Took), Choose: inMS(time.Since(began))}
	}
	return first, joint, p, nil
}

// inRoom puts silence that is not quite silent around a clip, and says when its
// last word ends.
func inRoom(pcm []float32) (sound []float32, end time.Duration) {
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
