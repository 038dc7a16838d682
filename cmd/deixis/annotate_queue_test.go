package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
)

// natsServer starts a server for queues.
func natsServer(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = -1
	}
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

// A lineWaiter is an output whose lines are waited for.
type lineWaiter struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func newLineWaiter() *lineWaiter { return &lineWaiter{more: make(chan struct{}, 1)} }

func (w *lineWaiter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	select {
	case w.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (w *lineWaiter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// wait waits until what was written contains word; false where over is closed first.
func (w *lineWaiter) wait(word string, over <-chan struct{}) bool {
	for !strings.Contains(w.String(), word) {
		select {
		case <-w.more:
		case <-over:
			return strings.Contains(w.String(), word)
		}
	}
	return true
}

// A process is deixis as a process of its own.
type process struct {
	cmd   *exec.Cmd
	errs  *lineWaiter
	ended chan struct{}
}

func startProcess(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), errs: newLineWaiter(), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "DEIXIS_AS_PROGRAM=1")
	p.cmd.Stderr = p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() { p.cmd.Process.Kill(); <-p.ended }

// inputs are recordings of all kinds: videos, one of them cut short, pictures, one of them
// broken, a sequence and a pattern.
func kindsOfInput(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	filmed(t, in("long.mp4"), "-f lavfi -i testsrc2=size=96x64:rate=5:duration=13 -c:v libx264 -bf 2 -g 10 -pix_fmt yuv420p")
	filmed(t, in("whole.mp4"), "-f lavfi -i testsrc2=size=96x64:rate=5:duration=9 -c:v mjpeg -movflags +faststart")
	whole := read(t, in("whole.mp4"))
	if err := os.WriteFile(in("cut.mp4"), []byte(whole[:len(whole)*4/5]), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(in("photos"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		ref, err := camera.Parse("pattern://80x60?frames=1")
		if err != nil {
			t.Fatal(err)
		}
		var f camera.Frame
		if err := camera.NewPattern(ref).Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
		if err := opencv.WriteImage(in(fmt.Sprintf("photos/%d.png", i)), &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(in("photos/1.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{in("long.mp4"), in("cut.mp4"), in("photos"), "pattern://64x48@5?frames=23"}
}

// TestQueueSameBytes: whoever answers, the results are those of one machine.
func TestQueueSameBytes(t *testing.T) {
	noDesktop(t)
	b := network(t)
	args := append([]string{"annotate"}, kindsOfInput(t)...)
	args = append(args, "-p", "red square; the disc", "--segment", "7", "--format", "jsonl,cvat,mp4", "--bundle", b.Dir, "--threads", "1", "--log-level", "warn", "--out")
	single := t.TempDir()
	code, _, said := deixis(t, append(args, single)...)
	if code != app.ExitInput || !strings.Contains(said, "2 of 4 inputs are broken") {
		t.Fatalf("code %d, %s", code, said)
	}
	want := tree(t, single)
	for name, tt := range map[string]struct {
		workers int
		kill    bool
		more    []string
	}{
		"one worker":                  {1, false, nil},
		"two, one killed":             {2, true, nil},
		"four, one killed":            {4, true, nil},
		"uploaded":                    {1, false, []string{"--upload"}},
		"answers at a rate, uploaded": {1, false, []string{"--fps", "2", "--upload"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := natsServer(t, &server.Options{JetStream: true})
			want := want
			if len(tt.more) > 1 {
				out := t.TempDir()
				deixis(t, append(append(args, out), tt.more[:2]...)...)
				want = tree(t, out)
			}
			out := t.TempDir()
			submit := append(append(args, out, "--submit", s.ClientURL(), "--part", "3s"), tt.more...)
			submitter := startProcess(t, submit...)
			var workers []*process
			for range tt.workers {
				workers = append(workers, startProcess(t, "worker", s.ClientURL(), "--bundle", b.Dir, "--threads", "1", "--log-level", "debug", "--worker-timeout", "1s"))
			}
			if tt.kill {
				if !workers[0].errs.wait("job begun", submitter.ended) {
					t.Fatalf("the first worker got no job\n%s\n%s", workers[0].errs, submitter.errs)
				}
				workers[0].kill()
			}
			<-submitter.ended
			if code := submitter.cmd.ProcessState.ExitCode(); code != app.ExitInput {
				t.Fatalf("code %d, %s\n%s", code, submitter.errs, workers[len(workers)-1].errs)
			}
			sameTree(t, tree(t, out), want)
			for _, w := range workers {
				t.Log(w.errs.String())
			}
		})
	}
}
