package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/listen"
	"deixis/pipeline/web"
)

// photosEvery is how often a photo is shown again, as a camera would.
const photosEvery = time.Second / 15

// An easel is a network camera, motion JPEG over HTTP, before which photos are put.
type easel struct {
	server http.Server
	at     net.Addr
	mu     sync.Mutex
	photo  []byte // JPEG
}

// open serves the camera on loopback until Close.
func (e *easel) open(ctx context.Context) error {
	at, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve photos: %w", err)
	}
	e.at, e.server.Handler = at.Addr(), e
	e.server.ReadHeaderTimeout = 10 * time.Second
	go e.server.Serve(at) // until Close
	return nil
}

func (e *easel) url() string { return "http://" + e.at.String() + "/photos.mjpeg" }

// Close ends the streams, too.
func (e *easel) Close() error { return e.server.Close() }

func (e *easel) set(jpeg []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.photo = jpeg
}

func (e *easel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=photo")
	to := http.NewResponseController(w)
	tick := time.NewTicker(photosEvery)
	defer tick.Stop()
	for r.Context().Err() == nil {
		e.mu.Lock()
		jpeg := e.photo
		e.mu.Unlock()
		if _, err := fmt.Fprintf(w, "--photo\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(jpeg), jpeg); err != nil {
			return
		}
		if err := to.Flush(); err != nil {
			return
		}
		<-tick.C
	}
}

// A studio is a microphone in a room that is not quite quiet, in which clips
// are played: raw sound, s16le, one channel, 16 kHz.
type studio struct {
	mu    sync.Mutex
	clip  []float32
	noise *rand.Rand
}

// play begins a clip, and says when.
func (s *studio) play(pcm []float32) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clip = append([]float32(nil), pcm...)
	return time.Now()
}

// record writes sound in its own time until ctx ends or nobody reads.
func (s *studio) record(ctx context.Context, to io.Writer) {
	began, given := time.Now(), 0
	s.noise = rand.New(rand.NewPCG(1, 1))
	pcm, raw := make([]float32, listen.Rate/50), make([]byte, listen.Rate/25)
	for camera.Sleep(ctx, time.Until(began.Add(time.Duration(given)*time.Second/listen.Rate))) == nil {
		s.mu.Lock()
		n := copy(pcm, s.clip)
		s.clip = s.clip[n:]
		s.mu.Unlock()
		clear(pcm[n:])
		for i := range pcm {
			x := pcm[i] + roomNoise*float32(s.noise.NormFloat64())
			v := int16(32767 * max(-1, min(1, x)))
			raw[2*i], raw[2*i+1] = byte(v), byte(v>>8)
		}
		if _, err := to.Write(raw); err != nil {
			return
		}
		given += len(pcm)
	}
}

// A judge reads statuses, knows where the thing is, and watches the pace.
type judge struct {
	mu      sync.Mutex
	on      bool           // between expect and the end of wait
	truth   model.Box      // as part of the picture's width and height
	typed   string         // what is looked for; "" where it is said
	since   time.Time      // when a right box was shown first, and has been since; zero: none is
	heard   *pipeline.Said // the last utterance
	seq     uint64         // of the last frame
	last    time.Time      // when it was shown
	state   string         // of the listening
	end     bool           // no more statuses come
	typing  []float64      // ms from frame to frame, while phrases are typed
	talking []float64      // while they are said
}

// expect says where the next thing is, as part of the picture, and what is typed; "": it is said.
func (j *judge) expect(b model.Box, typed string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.on, j.truth, j.typed, j.since = true, b, typed, time.Time{}
}

// see judges what is shown.
func (j *judge) see(s *web.Status, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s.Speech != nil {
		j.heard, j.state = s.Speech.Said, s.Speech.State
	}
	if s.Seq == j.seq {
		return
	}
	if j.on {
		gaps := &j.typing
		if j.typed == "" {
			gaps = &j.talking
		}
		*gaps = append(*gaps, app.MS(now.Sub(j.last)))
	}
	j.seq, j.last = s.Seq, now
	right := false
	if len(s.Targets) == 1 && s.Targets[0].Box != nil && (j.typed == "" || s.Targets[0].Phrase == j.typed) {
		b := s.Targets[0].Box
		shown := model.Box{X1: float32(b[0]), Y1: float32(b[1]), X2: float32(b[2]), Y2: float32(b[3])}
		right = partOf(shown, s.Size[0], s.Size[1]).IoU(j.truth) >= 0.5
	}
	switch {
	case !right:
		j.since = time.Time{}
	case j.since.IsZero():
		j.since = now
	}
}

// partOf is a box in pixels as part of a picture's width and height.
func partOf(b model.Box, width, height int) model.Box {
	w, h := float32(max(1, width)), float32(max(1, height))
	return model.Box{X1: b.X1 / w, Y1: b.Y1 / h, X2: b.X2 / w, Y2: b.Y2 / h}
}

// stop says that no more statuses come.
func (j *judge) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.end = true
}

// said is the last utterance; nil before the first.
func (j *judge) said() *pipeline.Said {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.heard
}

// errSilent says that a `deixis live` does not hear.
var errSilent = errors.New("`deixis live` does not hear")

// quiet waits until frames come and the program has listened for a while, in
// which nobody spoke; a microphone that is not there shows late. Errors are
// errSilent, and that no statuses come.
func (j *judge) quiet(ctx context.Context, while, most time.Duration) error {
	since := time.Now()
	for end := since.Add(most); ; {
		j.mu.Lock()
		seq, state, over := j.seq, j.state, j.end
		j.mu.Unlock()
		switch {
		case over:
			return errors.New("`deixis live` tells no more what it does")
		case seq == 0 || state != "listening":
			since = time.Now()
		case time.Since(since) >= while:
			return nil
		}
		if time.Now().After(end) {
			return app.Input(fmt.Errorf("%w: at frame %d it is %q (is --sink there, and nothing else played?)", errSilent, seq, state))
		}
		if err := camera.Sleep(ctx, photosEvery); err != nil {
			return err
		}
	}
}

// wait waits until a right box has stayed a while, and says since when it has
// been shown; false where none is by the end.
func (j *judge) wait(ctx context.Context, end time.Time) (since time.Time, right bool) {
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.on = false
	}()
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
		camera.Sleep(ctx, photosEvery/2)
	}
	return since, false
}
