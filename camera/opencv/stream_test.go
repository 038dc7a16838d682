package opencv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
)

// feed is an MJPEG camera on the network that a test switches off and on.
type feed struct {
	addr string
	jpeg []byte
	web  *http.Server
}

// on serves n pictures to each who asks, then says nothing more: it ends the
// answer, or holds it open when it is stuck.
func (f *feed) on(t *testing.T, n int, stuck bool) {
	t.Helper()
	addr := f.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	f.addr = ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	var answers atomic.Int32 // under way
	f.web = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers.Add(1)
		defer answers.Add(-1)
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=next")
		for range n {
			fmt.Fprintf(w, "--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(f.jpeg), f.jpeg)
			if http.NewResponseController(w).Flush() != nil || camera.Sleep(r.Context(), 10*time.Millisecond) != nil {
				return // its reader has left
			}
		}
		if stuck {
			select {
			case <-r.Context().Done():
			case <-ctx.Done():
			}
		}
	})}
	f.web.RegisterOnShutdown(stop)
	web := f.web
	done := make(chan struct{})
	go func() { defer close(done); web.Serve(ln) }()
	t.Cleanup(func() {
		stop()
		web.Close()
		for <-done; answers.Load() > 0; time.Sleep(time.Millisecond) {
		}
	})
}

func (f *feed) off() { f.web.Close() }

func newFeed(t *testing.T) *feed {
	t.Helper()
	jpeg, err := EncodeJPEG(picture(64, 48), 80)
	if err != nil {
		t.Fatal(err)
	}
	return &feed{jpeg: jpeg}
}

func (f *feed) ref(t *testing.T) camera.Ref {
	t.Helper()
	r, err := camera.Parse("http://me:secret@" + f.addr + "/a.mjpg")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStreamComesBack(t *testing.T) {
	f := newFeed(t)
	f.on(t, 400, false)
	var log bytes.Buffer
	s, err := Open(t.Context(), f.ref(t), Options{Reconnect: true, Log: slog.New(slog.NewTextHandler(&log, nil)), ReadTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var frame camera.Frame
	for range 20 {
		before := frame.Seq
		if err := s.Next(t.Context(), &frame); err != nil || frame.Seq <= before {
			t.Fatalf("frame %d after %d: %v", frame.Seq, before, err)
		}
	}
	if frame.Width != 64 || frame.Height != 48 || frame.Seq > 400 { // a gap is a drop; 400 are sent
		t.Errorf("frame %d of %dx%d", frame.Seq, frame.Width, frame.Height)
	}
	f.off()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	read := make(chan error, 1)
	go func() {
		var err error
		for after := 0; after < 5 && err == nil; {
			if err = s.Next(ctx, &frame); strings.Contains(log.String(), "source is back") {
				after++
			}
		}
		read <- err
	}()
	time.Sleep(700 * time.Millisecond) // so that it tries in vain, too
	f.on(t, 400, false)
	if err := <-read; err != nil {
		t.Fatalf("after frame %d: %v\n%s", frame.Seq, err, &log)
	}
	if !strings.Contains(log.String(), "source is back") || strings.Contains(log.String(), "secret") {
		t.Errorf("log says\n%s", &log)
	}
}

func TestStreamThatStops(t *testing.T) {
	for name, stuck := range map[string]bool{"ends": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t)
			f.on(t, 30, stuck)
			o := Options{ReadTimeout: time.Minute}
			if stuck {
				o.ReadTimeout = 2 * time.Second
			}
			s, err := Open(t.Context(), f.ref(t), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var frame camera.Frame
			for err == nil {
				err = s.Next(t.Context(), &frame)
			}
			if !errors.Is(err, camera.ErrLost) || frame.Seq < 20 || frame.Seq > 30 { // the newest wins, so the last of 30 comes
				t.Errorf("%d frames, then %v", frame.Seq, err)
			}
		})
	}
}

func TestOpenStreamErrors(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for name, addr := range map[string]string{"silent": silent.Addr().String(), "nobody there": gone.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			ref, err := camera.Parse("tcp://" + addr)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), ref, Options{OpenTimeout: 300 * time.Millisecond}) // the silent one never answers
			if !errors.Is(err, camera.ErrLost) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Open = %v, want ErrLost in one line", err)
			}
		})
	}
	ref, err := camera.Parse("tcp://" + silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := Open(ctx, ref, Options{OpenTimeout: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open with a context that ends = %v", err)
	}
}
