package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline"
	"deixis/pipeline/outfile"
	"deixis/pipeline/record"
)

// A turn is held by whoever uses something that may change meanwhile.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits until nobody else holds it, or ctx ends.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }

// How long a change, and the end, wait for an output that hangs.
const (
	longestTurn = 5 * time.Second
	lastTurn    = 2 * time.Second
)

// soon takes the turn, unless its owner hangs.
func (t turn) soon(limit time.Duration) bool {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	return t.take(ctx) == nil
}

// A tape records what is shown to one file after the other, or to none, as settings say
// while the line runs. It is a Sink of frames without overlay.
type tape struct {
	draw   func(f *camera.Frame, views []pipeline.View)
	finish func(r *record.Recorder) error

	turn   turn
	to     *record.Recorder // nil for none
	frame  camera.Frame     // a copy to draw on
	failed error            // why it records no more
}

// Show records f. An error ends the recording, which is finished, and comes again with
// each frame until another one is begun.
func (t *tape) Show(ctx context.Context, f *camera.Frame, views []pipeline.View) error {
	if err := t.turn.take(ctx); err != nil {
		return err
	}
	defer t.turn.leave()
	if t.to == nil {
		return t.failed
	}
	f.CopyTo(&t.frame)
	t.draw(&t.frame, views)
	err := t.to.Show(ctx, &t.frame, views)
	if err != nil && ctx.Err() == nil {
		t.failed = errors.Join(err, t.finish(t.to))
		t.to = nil
	}
	return err
}

// set records to r from now on, nil for nothing. The turn is held. What was recorded is
// finished by the function that it returns.
func (t *tape) set(r *record.Recorder) (finish func() error) {
	before := t.to
	t.to, t.failed = r, nil
	return func() error {
		if before == nil {
			return nil
		}
		return t.finish(before)
	}
}

// on says whether anything is recorded, or would be.
func (t *tape) on() bool {
	select {
	case t.turn <- struct{}{}:
		defer t.turn.leave()
		return t.to != nil || t.failed != nil
	default:
		return true // it records this moment
	}
}

// Close finishes the recording. Its error is also what one failed with.
func (t *tape) Close() error {
	if !t.turn.soon(lastTurn) {
		return errors.New("recording: it hangs, and is not finished")
	}
	failed := t.failed
	finish := t.set(nil)
	t.turn.leave()
	return errors.Join(failed, finish())
}

// An outlet is where events go, which may change while the line runs; nowhere before.
type outlet struct {
	turn turn
	to   io.WriteCloser // nil for nowhere
}

// Write writes to where it leads now.
func (o *outlet) Write(p []byte) (int, error) {
	if err := o.turn.take(context.Background()); err != nil {
		return 0, err
	}
	defer o.turn.leave()
	if o.to == nil {
		return len(p), nil
	}
	return o.to.Write(p)
}

// set leads to another place from now on, nil for nowhere. The turn is held. The place of
// before is closed by the function that it returns.
func (o *outlet) set(to io.WriteCloser) (finish func() error) {
	before := o.to
	o.to = to
	return func() error {
		if before == nil {
			return nil
		}
		return before.Close()
	}
}

// on says whether events go anywhere.
func (o *outlet) on() bool {
	select {
	case o.turn <- struct{}{}:
		defer o.turn.leave()
		return o.to != nil
	default:
		return true // it is being written to
	}
}

// Close closes where it leads.
func (o *outlet) Close() error {
	if !o.turn.soon(lastTurn) {
		return errors.New("events: who reads them hangs; what was not read is lost")
	}
	finish := o.set(nil)
	o.turn.leave()
	return finish()
}

// openEventFile opens where --events leads.
func (s *show) openEventFile(ctx context.Context, name string) (io.WriteCloser, error) {
	if name == "-" {
		return keptOpen{s.g.Stdout}, nil
	}
	f, err := outfile.Grow(ctx, name, s.g.Log)
	if err != nil {
		return nil, app.Output(fmt.Errorf("write events: %w", err))
	}
	return f, nil
}

// keptOpen is a writer that is another's to close.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

// recordingTo and eventsTo change these outputs: what can fail first, which can be taken
// back.
func recordingTo(s *show, to *cli) (step, error) {
	var r *record.Recorder
	if name := to.Live.Record; name != "" {
		var err error
		if r, err = record.New(name, record.Options{FPS: s.from.Info().FPS, Log: s.g.Log}); err != nil {
			return step{}, err
		}
	}
	return step{
		holds: s.tape.turn, what: "recording",
		do: func() (func() error, error) { return s.tape.set(r), nil },
		undo: func() {
			if r != nil {
				r.Close()
			}
		},
	}, nil
}

func eventsTo(s *show, to *cli) (step, error) {
	var w io.WriteCloser
	if name := to.Live.Events; name != "" {
		ctx, stop := context.WithTimeout(context.Background(), longestTurn)
		defer stop()
		var err error
		if w, err = s.openEventFile(ctx, name); err != nil {
			return step{}, err
		}
	}
	return step{
		holds: s.outlet.turn, what: "events",
		do: func() (func() error, error) { return s.outlet.set(w), nil },
		undo: func() {
			if w != nil {
				w.Close()
			}
		},
	}, nil
}
