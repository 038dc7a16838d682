package bench

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
)

// endless is a source that begins anew when it is dry.
type endless struct {
	ref camera.Ref
	log *app.Globals
	src opencv.Source
}

// Next opens the source when it must.
func (e *endless) Next(ctx context.Context, f *camera.Frame) error {
	for try := 0; ; try++ {
		if e.src == nil {
			src, err := opencv.Open(ctx, e.ref, e.log.Sources())
			if err != nil {
				return err
			}
			e.src = src
		}
		err := e.src.Next(ctx, f)
		if !errors.Is(err, io.EOF) || try > 0 { // dry at once: there is nothing in it
			return err
		}
		if err := e.Close(); err != nil {
			return err
		}
	}
}

// Close closes what is open.
func (e *endless) Close() error {
	if e.src == nil {
		return nil
	}
	src := e.src
	e.src = nil
	return src.Close()
}

// limited is a source that ends after a while, but not before its first frame.
type limited struct {
	from  pipeline.Source
	long  time.Duration
	began time.Time
}

// Next is io.EOF when the time is over.
func (l *limited) Next(ctx context.Context, f *camera.Frame) error {
	if l.began.IsZero() {
		l.began = time.Now()
	} else if time.Since(l.began) >= l.long {
		return io.EOF
	}
	return l.from.Next(ctx, f)
}

// A metronome gives frames at an even rate, as a camera does: a frame that
// nobody took in time is not made up for.
type metronome struct {
	from  pipeline.Source
	every time.Duration
	due   time.Time
	seq   uint64 // a recording that begins anew counts on
}

// Next waits for the next beat and stamps the frame with it.
func (m *metronome) Next(ctx context.Context, f *camera.Frame) error {
	if err := m.from.Next(ctx, f); err != nil {
		return err
	}
	now := time.Now()
	m.due = m.due.Add(m.every)
	if m.due.Before(now) {
		m.due = now
	}
	if err := camera.Sleep(ctx, time.Until(m.due)); err != nil {
		return err
	}
	m.seq++
	f.Seq, f.At = m.seq, time.Now()
	return nil
}

// A standIn is a network that takes its time and no CPU, one frame after the
// other as a GPU does. Frames are resized for it as for the real one, beforehand
// where the line prepares them.
type standIn struct {
	delay  time.Duration
	runs   sync.Mutex // held while it takes its time
	side   int
	square func(f *camera.Frame, side int, rgb []byte) error

	mu    sync.Mutex
	rgb   []byte
	ready map[uint64]bool // numbers of frames that are resized
}

// Prepare resizes f.
func (s *standIn) Prepare(f *camera.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rgb == nil {
		s.rgb = make([]byte, 3*s.side*s.side)
	}
	s.ready[f.Seq] = true
	return s.square(f, s.side, s.rgb)
}

// need resizes f unless it was prepared.
func (s *standIn) need(f *camera.Frame) error {
	s.mu.Lock()
	prepared := s.ready[f.Seq]
	s.mu.Unlock()
	var err error
	if !prepared {
		err = s.Prepare(f)
	}
	s.mu.Lock()
	delete(s.ready, f.Seq)
	s.mu.Unlock()
	return err
}

// Ground waits and finds the whole frame.
func (s *standIn) Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	if err := s.need(f); err != nil {
		return nil, err
	}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	answers := make([]model.Answer, len(phrases))
	for i, p := range phrases {
		answers[i] = model.Answer{
			Phrase: p.Text, Present: true, Presence: 1,
			Boxes: []model.Box{{X2: float32(f.Width), Y2: float32(f.Height)}}, Scores: []float32{1},
		}
	}
	return answers, nil
}

func (s *standIn) wait(ctx context.Context) error {
	s.runs.Lock()
	defer s.runs.Unlock()
	return camera.Sleep(ctx, s.delay)
}
