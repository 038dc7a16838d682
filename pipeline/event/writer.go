package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

// A Writer is a Sink that writes a JSON line for each phrase and frame. Boxes of a
// mirrored frame are turned back to the source's own pixels. Any goroutine may call
// its methods.
type Writer struct {
	W      io.Writer
	Source string      // as in Event
	Camera string      // as in Event
	Boot   string      // as in Event
	Lost   func() bool // for Watch: whether the source is away

	mu    sync.Mutex
	last  camera.Frame // the newest, without its pixels; Seq 0 before the first
	views []pipeline.View
}

// lastWrite is how long the reader of events may still take when the line ends.
const lastWrite = time.Second

// Show writes the lines of one frame. Its error is that of the writer, or of
// ctx where a reader has stopped reading.
func (e *Writer) Show(ctx context.Context, f *camera.Frame, views []pipeline.View) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last, e.views = *f, views
	e.last.Pix = nil
	return e.show(ctx, f, views)
}

// show is Show with e.mu locked.
func (e *Writer) show(ctx context.Context, f *camera.Frame, views []pipeline.View) error {
	var lines []byte
	for i := range views {
		v := views[i]
		if f.Mirrored && v.HasBox() {
			v.Box = v.Box.Mirror(f.Width)
		}
		line := NewEvent(e.Source, f, &v)
		line.Camera, line.Boot = e.Camera, e.Boot
		raw, err := json.Marshal(line)
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		lines = append(append(lines, raw...), '\n')
	}
	if len(lines) == 0 {
		return nil
	}
	return e.write(ctx, lines)
}

// Say writes the line of one utterance between those of the frames.
func (e *Writer) Say(ctx context.Context, said pipeline.Said) error {
	raw, err := json.Marshal(SpeechEvent{V: 1, Source: e.Source, T: time.Now().UTC().Format(timeFormat), Speech: said})
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.write(ctx, append(raw, '\n'))
}

// write leaves a writer that hangs to itself once ctx has ended: a pipe that
// nobody reads must not keep the program from its end.
func (e *Writer) write(ctx context.Context, lines []byte) error {
	wrote := make(chan error, 1)
	go func() {
		_, err := e.W.Write(lines)
		wrote <- err
	}()
	var err error
	select {
	case err = <-wrote:
	case <-ctx.Done():
		late := time.NewTimer(lastWrite)
		defer late.Stop()
		select {
		case err = <-wrote:
		case <-late.C:
			return ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

// watchEvery is how soon a loss is told.
const watchEvery = 200 * time.Millisecond

// Watch tells each loss of the source until ctx ends: who steers by boxes must not
// wait for a frame to learn that there are none. Every phrase is lost, on the last
// frame that there was. Its error is that of the writer.
func (e *Writer) Watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	was := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		is := e.Lost()
		if is && !was {
			if err := e.tellLoss(ctx); err != nil {
				if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
					return nil
				}
				return err
			}
		}
		was = is
	}
}

func (e *Writer) tellLoss(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last.Seq == 0 {
		return nil
	}
	var lost []pipeline.View
	for _, v := range e.views {
		lost = append(lost, pipeline.View{Phrase: v.Phrase, State: pipeline.Lost, Track: v.Track, Age: time.Since(e.last.At)})
	}
	return e.show(ctx, &e.last, lost)
}
