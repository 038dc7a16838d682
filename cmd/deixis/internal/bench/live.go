package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/listen"
)

// Times of one phrase in a live trial.
const (
	settles    = 600 * time.Millisecond  // a new photo, before anybody speaks
	typedFor   = 1500 * time.Millisecond // for the answer to a typed phrase
	spokenFor  = 2500 * time.Millisecond // after the end of speech, for that to a spoken one
	afterwards = 500 * time.Millisecond  // a box that is right must stay
)

// A liveTrial speaks to a `deixis live` of its own, which looks at photos by a
// network stream, and sees by the page's API where its boxes are.
type liveTrial struct {
	*app.Globals
	photos easel
	studio studio
	sink   string // of PulseAudio that clips are played to; "" gives them to the program as raw sound
	told   judge
	line   *program

	report LiveReport
	whole  []float64
	typed  []float64
	parts  map[string][]float64
	words  int
	wrong  int
}

// live measures --live.
func (c *SpeechCmd) live(ctx context.Context, g *app.Globals, refs []app.Ref, voices *clipper) (_ *LiveReport, err error) {
	t := &liveTrial{Globals: g, sink: c.Sink, parts: map[string][]float64{}}
	if _, err := t.photos.put(&refs[0]); err != nil {
		return nil, err
	}
	if err := t.photos.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.photos.Close()) }()
	args := append([]string{"live", t.photos.url(), "--headless", "--http", "127.0.0.1:0", "--corrections", "", "--listen", "always"}, g.Args()...)
	args = append(args, c.EarFlags.Args()...)
	args = append(args, c.WeightFlags.Args()...)
	if !c.Joint {
		args = append(args, "--no-listen-joint")
	}
	room := &t.studio
	if t.sink == "" {
		args = append(args, "--listen-file", "-")
	} else {
		args, room = append(args, "--listen-mic", t.sink), nil
	}
	if t.line, err = startProgram(ctx, g, args, room); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.line.Close()) }()
	if err := t.line.watch(ctx, &t.told); err != nil {
		return nil, err
	}
	if err := t.told.quiet(ctx, time.Second, 30*time.Second); err != nil {
		return nil, err
	}
	if err := t.all(ctx, refs, voices); err != nil {
		return nil, err
	}
	return t.finish(ctx, c.Voices)
}

// all plays one phrase after the other: spoken, then typed.
func (t *liveTrial) all(ctx context.Context, refs []app.Ref, voices *clipper) error {
	said := time.Now()
	for i, r := range refs {
		pcm, err := voices.clip(ctx, i, r.Phrase)
		if err != nil {
			return err
		}
		if err := t.one(ctx, &r, pcm, voices.file(i, r.Phrase)); err != nil {
			return fmt.Errorf("line %d: %w", r.Line, err)
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			t.Log.Info("listening", "done", i+1, "of", len(refs))
		}
	}
	return nil
}

func (t *liveTrial) one(ctx context.Context, r *app.Ref, pcm []float32, file string) error {
	truth, err := t.photos.put(r)
	if err != nil {
		return err
	}
	if err := t.clear(ctx); err != nil {
		return err
	}
	before := t.told.said()
	t.told.expect(truth, "")
	end, err := t.say(ctx, pcm, file)
	if err != nil {
		return err
	}
	if err := camera.Sleep(ctx, time.Until(end)); err != nil {
		return err
	}
	at, right := t.told.wait(ctx, end.Add(spokenFor))
	said := t.told.said()
	if said != nil && before != nil && said.N == before.N {
		said = nil
	}
	t.count(r, said, at.Sub(end), right)

	if err := t.clear(ctx); err != nil {
		return err
	}
	t.told.expect(truth, r.Phrase)
	began := time.Now()
	if err := t.line.ask(ctx, r.Phrase); err != nil {
		return err
	}
	if at, right = t.told.wait(ctx, began.Add(typedFor)); right {
		t.report.Right.Typed++
		t.typed = append(t.typed, app.MS(at.Sub(began)))
	}
	return ctx.Err()
}

// clear forgets the phrase before, and waits until nothing is left of it.
func (t *liveTrial) clear(ctx context.Context) error {
	if err := t.told.quiet(ctx, settles, 30*time.Second); err != nil {
		return err
	}
	if err := t.line.ask(ctx); err != nil {
		return err
	}
	return camera.Sleep(ctx, settles)
}

// count notes what came of a spoken phrase.
func (t *liveTrial) count(r *app.Ref, said *pipeline.Said, took time.Duration, right bool) {
	t.report.Phrases++
	want, got := strings.Fields(listen.Normalise(r.Phrase)), []string(nil)
	if said != nil {
		got = strings.Fields(said.Phrase)
	}
	t.words += len(want)
	t.wrong += app.WordErrors(want, got)
	if said != nil && said.Phrase != "" {
		t.report.Heard++
	}
	if !right || said == nil {
		return
	}
	t.report.Right.Spoken++
	t.whole = append(t.whole, app.MS(took))
	for part, ms := range map[string]float64{"wait": said.Took.Wait, "queue": said.Took.Queue, "recognise": said.Took.Recognise, "choose": said.Took.Choose} {
		t.parts[part] = append(t.parts[part], ms)
	}
}

// say plays a clip and tells when its last word ends.
func (t *liveTrial) say(ctx context.Context, pcm []float32, file string) (end time.Time, err error) {
	last := lastWord(pcm)
	if t.sink == "" {
		return t.studio.play(pcm).Add(last), nil
	}
	began := time.Now()
	out, err := exec.CommandContext(ctx, "paplay", "--latency-msec=50", "-d", t.sink, file).CombinedOutput()
	if err != nil {
		return end, app.Input(fmt.Errorf("play to --sink %s: %w: %s", t.sink, err, firstOf(string(out))))
	}
	return began.Add(last), nil
}

// photoSide is the size of every photo shown, pixels: a stream keeps its size,
// and the network makes a square of any picture.
const photoSide = 640

// put shows a photo from now on, stretched to a square, and says where its thing
// is, as part of it.
func (e *easel) put(r *app.Ref) (model.Box, error) {
	var f camera.Frame
	if err := opencv.ReadImage(r.Image, &f); err != nil {
		return model.Box{}, err
	}
	sq := opencv.NewSquarer()
	defer sq.Close()
	shown := camera.Frame{Width: photoSide, Height: photoSide, Pix: make([]byte, 3*photoSide*photoSide)}
	if err := sq.Square(&f, photoSide, shown.Pix); err != nil {
		return model.Box{}, err
	}
	for i := 0; i < len(shown.Pix); i += 3 { // to blue, green, red
		shown.Pix[i], shown.Pix[i+2] = shown.Pix[i+2], shown.Pix[i]
	}
	jpeg, err := opencv.EncodeJPEG(&shown, 95)
	if err != nil {
		return model.Box{}, err
	}
	e.set(jpeg)
	return partOf(*r.Box, f.Width, f.Height), nil
}
