package onnx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deixis/camera"
	"deixis/model"

	ort "github.com/yalue/onnxruntime_go"
)

// makeTensors makes the tensors whose shape never changes, and lets Close free all.
func (g *Grounder) makeTensors() error {
	if g.layers <= 0 || g.width <= 0 || g.visual[1] <= 0 || g.visual[2] <= 0 {
		return fmt.Errorf("%w: ground's words and visual need fixed sizes", ErrContract)
	}
	side := int64(g.bundle.Image.Size)
	g.free.add(g.ahead.free)
	g.free.add(g.words.free)
	err := g.ahead.make(side)
	g.lanes = make(chan *lane, lanes)
	for range cap(g.lanes) {
		l := &lane{}
		g.free.add(l.free)
		err = errors.Join(err, l.image.resize(1, side, side, 3), l.visual.resize(g.visual...))
		g.lanes <- l
	}
	return err
}

// warmUp runs each graph once, so that the first frame is as fast as the next.
func (g *Grounder) warmUp() error {
	p, err := g.bundle.Phrase("thing")
	if err != nil {
		return err
	}
	l, err := g.claim()
	if err != nil {
		return err
	}
	defer g.release(l)
	clear(l.image.data())
	if err := g.see(&l.image, &l.visual); err != nil {
		return err
	}
	s, _, err := g.read(p)
	if err != nil {
		return err
	}
	return g.point(l, []*state{s})
}

// Ground says where each phrase is in f: one run over the picture and one over
// all phrases, which share their Took but for Phrase. It answers in the order
// asked, boxes in f's pixels. It keeps nothing of f. Errors are ErrClosed, ctx's own,
// those of Options.Square, and a graph's.
func (g *Grounder) Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(phrases) == 0:
		return nil, nil
	case len(phrases) > g.bundle.Limits.MaxPhrases:
		return nil, fmt.Errorf("ground frame %d: %d phrases, and %d fit in one run", f.Seq, len(phrases), g.bundle.Limits.MaxPhrases)
	case f.Width <= 0 || f.Height <= 0 || len(f.Pix) != 3*f.Width*f.Height:
		return nil, fmt.Errorf("ground frame %d: %d bytes are no picture of %d by %d pixels", f.Seq, len(f.Pix), f.Width, f.Height)
	}
	l, err := g.claim()
	if err != nil {
		return nil, fmt.Errorf("ground frame %d: %w", f.Seq, err)
	}
	defer g.release(l)
	answers, err := g.answer(l, f, phrases)
	if err != nil {
		return nil, fmt.Errorf("ground frame %d: %w", f.Seq, err)
	}
	return answers, nil
}

func (g *Grounder) answer(l *lane, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	took, err := g.look(l, f)
	if err != nil {
		return nil, err
	}
	states, reading := make([]*state, len(phrases)), make([]time.Duration, len(phrases))
	for i, p := range phrases {
		var err error
		if states[i], reading[i], err = g.read(p); err != nil {
			return nil, err
		}
	}
	pointing := time.Now()
	if err := g.point(l, states); err != nil {
		return nil, err
	}
	took.Ground = time.Since(pointing)
	answers := make([]model.Answer, len(phrases))
	for i, p := range phrases {
		took.Phrase = reading[i]
		answers[i] = model.Answer{Phrase: p.Text, Seq: f.Seq, At: f.At, Took: took}
		if err := g.fill(l, &answers[i], i, f); err != nil {
			return nil, fmt.Errorf("phrase %q: %w", p.Text, err)
		}
	}
	return answers, nil
}

// look runs frame.onnx on f, resized now unless it was prepared.
func (g *Grounder) look(l *lane, f *camera.Frame) (took model.Took, err error) {
	image := &l.image
	if s := g.ahead.take(f); s != nil {
		defer g.ahead.release(s, vacant)
		image, took.Resize = &s.image, s.took
	} else {
		began := time.Now()
		if err := g.square(f, g.bundle.Image.Size, image.data()); err != nil {
			return took, err
		}
		took.Resize = time.Since(began)
	}
	began := time.Now()
	err = g.see(image, &l.visual)
	took.Frame = time.Since(began)
	return took, err
}

// see runs frame.onnx: image to visual.
func (g *Grounder) see(image *slot[uint8], visual *slot[float32]) error {
	if err := g.frameRun.Run([]ort.Value{image.tensor}, []ort.Value{visual.tensor}); err != nil {
		return fmt.Errorf("run frame graph: %w: %w", ErrRun, err)
	}
	return nil
}
