package onnx

import (
	"context"
	"errors"
	"fmt"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/camera"
	"deixis/model"
)

// makeTensors makes the tensors whose shape never changes, and lets Close free all.
func (g *Grounder) makeTensors() error {
	if g.layers <= 0 || g.width <= 0 || g.visual[1] <= 0 || g.visual[2] <= 0 {
		return fmt.Errorf("%w: ground's words and visual need fixed sizes", ErrContract)
	}
	side := int64(g.bundle.Image.Size)
	g.free.Add(g.prefetch.free)
	g.free.Add(g.phrases.free)
	err := g.prefetch.make(side)
	g.idle = make(chan *buffers, inFlight)
	for range cap(g.idle) {
		buf := &buffers{}
		g.free.Add(buf.free)
		err = errors.Join(err, buf.image.resize(1, side, side, 3), buf.visual.resize(g.visual...))
		g.idle <- buf
	}
	return err
}

// warmUp runs each graph once, so that the first frame is as fast as the next.
func (g *Grounder) warmUp(ctx context.Context) error {
	p, err := g.bundle.Phrase("thing")
	if err != nil {
		return err
	}
	buf, err := g.acquire()
	if err != nil {
		return err
	}
	defer g.release(buf)
	clear(buf.image.data())
	if err := g.runFrame(ctx, &buf.image, &buf.visual); err != nil {
		return err
	}
	e, _, err := g.encodePhrase(ctx, p)
	if err != nil {
		return err
	}
	return g.runGround(ctx, buf, []*embedding{e})
}

// Ground says where each phrase is in f: one run over the picture and one over
// all phrases, which share their Took but for Phrase. It answers in the order
// asked, boxes in f's pixels. It keeps nothing of f. Errors are ErrClosed, ctx's own,
// those of Options.Square, and ErrRun. When ctx is done, the run under way ends.
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
	buf, err := g.acquire()
	if err != nil {
		return nil, fmt.Errorf("ground frame %d: %w", f.Seq, err)
	}
	defer g.release(buf)
	answers, err := g.answer(ctx, buf, f, phrases)
	if err != nil {
		return nil, fmt.Errorf("ground frame %d: %w", f.Seq, err)
	}
	return answers, nil
}

func (g *Grounder) answer(ctx context.Context, buf *buffers, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	took, err := g.encodeFrame(ctx, buf, f)
	if err != nil {
		return nil, err
	}
	embeddings, encoding := make([]*embedding, len(phrases)), make([]time.Duration, len(phrases))
	for i, p := range phrases {
		var err error
		if embeddings[i], encoding[i], err = g.encodePhrase(ctx, p); err != nil {
			return nil, err
		}
	}
	grounding := time.Now()
	if err := g.runGround(ctx, buf, embeddings); err != nil {
		return nil, err
	}
	took.Ground = time.Since(grounding)
	answers := make([]model.Answer, len(phrases))
	for i, p := range phrases {
		took.Phrase = encoding[i]
		answers[i] = model.Answer{Phrase: p.Text, Seq: f.Seq, At: f.At, Took: took}
		if err := g.decode(buf, &answers[i], i, f); err != nil {
			return nil, fmt.Errorf("phrase %q: %w", p.Text, err)
		}
	}
	return answers, nil
}

// encodeFrame runs frame.onnx on f, resized now unless it was prepared.
func (g *Grounder) encodeFrame(ctx context.Context, buf *buffers, f *camera.Frame) (took model.Took, err error) {
	image := &buf.image
	if in := g.prefetch.take(f); in != nil {
		defer g.prefetch.release(in, vacant)
		image, took.Resize = &in.image, in.took
	} else {
		began := time.Now()
		if err := g.square(f, g.bundle.Image.Size, image.data()); err != nil {
			return took, err
		}
		took.Resize = time.Since(began)
	}
	began := time.Now()
	err = g.runFrame(ctx, image, &buf.visual)
	took.Frame = time.Since(began)
	return took, err
}

// runFrame runs frame.onnx: image to visual.
func (g *Grounder) runFrame(ctx context.Context, image *tensor[uint8], visual *tensor[float32]) error {
	if err := g.frameRun.Run(ctx, []ort.Value{image.value}, []ort.Value{visual.value}); err != nil {
		return fmt.Errorf("run frame graph: %w", err)
	}
	return nil
}
