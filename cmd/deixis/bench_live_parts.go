package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/listen"
)

// slideEvery is how often a photo is shown again, as a camera would.
const slideEvery = time.Second / 15

// A slide is a camera before which photos are put.
type slide struct {
	mu    sync.Mutex
	photo camera.Frame
	seq   uint64
	next  time.Time
	began time.Time
}

func (s *slide) set(f *camera.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.CopyTo(&s.photo)
}

// Next is the photo of the moment.
func (s *slide) Next(ctx context.Context, f *camera.Frame) error {
	if s.next.IsZero() {
		s.began, s.next = time.Now(), time.Now()
	}
	if err := camera.Sleep(ctx, time.Until(s.next)); err != nil {
		return err
	}
	s.next = s.next.Add(slideEvery)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.photo.CopyTo(f)
	s.seq++
	f.Seq, f.At = s.seq, time.Now()
	f.PTS = f.At.Sub(s.began)
	return nil
}

// A studio is a microphone in a room that is not quite quiet, in which clips
// are played.
type studio struct {
	mu    sync.Mutex
	clip  []float32
	given int
	began time.Time
	noise *rand.Rand
}

// play begins a clip, and says when.
func (s *studio) play(pcm []float32) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clip = append([]float32(nil), pcm...)
	return time.Now()
}

// Read gives sound in its own time.
func (s *studio) Read(ctx context.Context, pcm []float32) (int, error) {
	if s.began.IsZero() {
		s.began, s.noise = time.Now(), rand.New(rand.NewPCG(1, 1))
	}
	due := s.began.Add(time.Duration(s.given+len(pcm)) * time.Second / listen.Rate)
	if err := camera.Sleep(ctx, time.Until(due)); err != nil {
		return 0, err
	}
	s.given += len(pcm)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(pcm, s.clip)
	s.clip = s.clip[n:]
	clear(pcm[n:])
	for i := range pcm {
		pcm[i] += roomNoise * float32(s.noise.NormFloat64())
	}
	return len(pcm), nil
}

// Close does nothing.
func (s *studio) Close() error { return nil }

// A judge is a sink that knows where the thing is, and watches the pace.
type judge struct {
	mu      sync.Mutex
	truth   model.Box
	spoken  bool      // what is looked for was said
	since   time.Time // when a right box was shown first, and has been since; zero: none is
	last    time.Time // when a frame was shown
	typing  []float64 // ms from frame to frame, while phrases are typed
	talking []float64 // while they are said
}

// expect says where the next thing is.
func (j *judge) expect(b model.Box, spoken bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.truth, j.spoken, j.since = b, spoken, time.Time{}
}

// Show judges what is shown.
func (j *judge) Show(_ context.Context, _ *camera.Frame, views []pipeline.View) error {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.last.IsZero() {
		gaps := &j.typing
		if j.spoken {
			gaps = &j.talking
		}
		*gaps = append(*gaps, inMS(now.Sub(j.last)))
	}
	j.last = now
	switch right := len(views) == 1 && views[0].HasBox() && views[0].Box.IoU(j.truth) >= 0.5; {
	case !right:
		j.since = time.Time{}
	case j.since.IsZero():
		j.since = now
	}
	return nil
}

// wait waits until a right box has stayed a while, and says since when it has
// been shown; false where none is by the end.
func (j *judge) wait(ctx context.Context, end time.Time) (since time.Time, right bool) {
	for ctx.Err() == nil {
		j.mu.Lock()
		since := j.since
		j.mu.Unlock()
		if !since.IsZero() && time.Since(since) > afterwards {
			return since, true
		}
		if time.Now().After(end) {
			return since, !since.IsZero()
		}
		camera.Sleep(ctx, slideEvery/2)
	}
	return since, false
}
