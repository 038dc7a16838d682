package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/annotate/queue/jetstream"
	"deixis/pipeline/natsconn"
	"deixis/pipeline/natsconn/natstest"
)

// natsServer starts a server for queues.
func natsServer(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	if o.Port == 0 {
		o.Port = -1
	}
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	return natstest.Start(t, o)
}

// patient gives decoders time, however slow this machine is: an input that a run gives up
// is not what is tested.
func patient(t *testing.T) { t.Setenv("DEIXIS_READER_TIMEOUT", "10m") }

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

// kindsOfInput are recordings of all kinds: videos, one of them cut short, pictures, one of them
// broken, a sequence and a pattern.
func kindsOfInput(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	filmed(t, in("long.mp4"), "-f lavfi -i testsrc2=size=96x64:rate=3:duration=13 -c:v libx264 -bf 2 -g 10 -pix_fmt yuv420p")
	filmed(t, in("whole.mp4"), "-f lavfi -i testsrc2=size=96x64:rate=3:duration=9 -c:v mjpeg -movflags +faststart")
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
	return []string{in("long.mp4"), in("cut.mp4"), in("photos"), "pattern://64x48@3?frames=14"}
}

// TestQueueSameBytes: whoever answers, the results are those of one machine.
func TestQueueSameBytes(t *testing.T) {
	noDesktop(t)
	patient(t)
	b := network(t)
	args := append([]string{"annotate"}, kindsOfInput(t)...)
	args = append(args, "-p", "red square; the disc", "--segment", "7", "--format", "jsonl,cvat,mp4", "--bundle", b.Dir, "--threads", "1", "--log-level", "warn", "--out")
	single := t.TempDir()
	code, _, said := deixis(t, append(args, single)...)
	if code != app.ExitInput || !strings.Contains(said, "2 of 4 inputs are broken") {
		t.Fatalf("code %d, %s", code, said)
	}
	want, shared := tree(t, single), t.TempDir()
	for name, tt := range map[string]struct {
		workers int
		kill    bool // a worker, and the one who submits
		more    []string
		long    bool // only where runs are killed often (-kills)
	}{
		"one worker":                  {1, false, nil, true},
		"two, one killed":             {2, true, nil, false},
		"four, one killed":            {4, true, nil, true},
		"answers at a rate, uploaded": {1, false, []string{"--fps", "2", "--sequence", "--upload", "--results", shared}, false},
	} {
		if tt.long && *kills <= 5 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := natsServer(t, &server.Options{JetStream: true})
			want := want
			if len(tt.more) > 1 {
				out := t.TempDir()
				deixis(t, append(append(args, out), tt.more[:3]...)...)
				want = tree(t, out)
			}
			out := t.TempDir()
			submit := append(append(args, out, "--submit", s.ClientURL(), "--part", "3s"), tt.more...)
			submitter := startProcess(t, submit...)
			patience := "10m"
			if tt.kill {
				patience = "10s"
			}
			var workers []*process
			for n := range tt.workers {
				workers = append(workers, startProcess(t, "worker", s.ClientURL(), "--bundle", b.Dir, "--threads", "1", "--log-level", "debug", "--worker-timeout", patience))
				if tt.kill && n == 0 && !workers[0].errs.wait("job begun", submitter.ended) { // before the others take them all
					t.Fatalf("the first worker got no job\n%s\n%s", workers[0].errs, submitter.errs)
				}
			}
			if tt.kill {
				workers[0].kill()
				submitter.kill()
				submitter = startProcess(t, submit...)
			}
			<-submitter.ended
			if code := submitter.cmd.ProcessState.ExitCode(); code != app.ExitInput || !strings.Contains(submitter.errs.String(), "2 of 4 inputs are broken") {
				t.Fatalf("code %d, %s\n%s", code, submitter.errs, workers[len(workers)-1].errs)
			}
			sameTree(t, tree(t, out), want)
			if left, err := os.ReadDir(shared); err != nil || len(left) > 0 {
				t.Errorf("the shared folder still has %v, %v", left, err)
			}
			var left struct{ Waiting, Working, Results int }
			if err := json.Unmarshal([]byte(must(t, "queue", s.ClientURL(), "--json")), &left); err != nil || !tt.kill && left.Waiting+left.Working+left.Results != 0 {
				t.Errorf("the queue still has %+v, %v", left, err)
			}
		})
	}
}

// TestQueueTrouble: what is wrong with a queue is one line, and nothing is lost.
func TestQueueTrouble(t *testing.T) {
	noDesktop(t)
	patient(t)
	b := network(t)
	plain := natsServer(t, &server.Options{})
	guarded := natsServer(t, &server.Options{JetStream: true, Username: "me", Password: "hunter2"})
	args := []string{"annotate", "pattern://64x48?frames=3", "-p", "x", "--format", "jsonl", "--bundle", b.Dir, "--threads", "1", "--log-level", "error", "--out"}
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"no JetStream":   {append(args, t.TempDir(), "--submit", plain.ClientURL()), "no JetStream"},
		"wrong password": {append(args, t.TempDir(), "--submit", guarded.ClientURL(), "--nats-user", "me", "--nats-password-file", written(t, "password", "wrong")), "--nats-password-file"},
		"in the address": {append(args, t.TempDir(), "--submit", strings.Replace(guarded.ClientURL(), "//", "//me:hunter3@", 1)), "--nats-password"},
		"nobody there":   {[]string{"queue", "nats://127.0.0.1:1"}, "nats-server"},
		"for a worker":   {[]string{"worker", plain.ClientURL(), "--bundle", b.Dir, "--threads", "1", "--log-level", "error"}, "no JetStream"},
	} {
		code, _, errs := deixis(t, tt.args...)
		if code != app.ExitFailed || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, tt.says) || strings.Contains(errs, "hunter3") {
			t.Errorf("%s: code %d, %s", name, code, errs)
		}
		t.Log(errs)
	}
	for _, more := range [][]string{{"--collect"}, {"--submit", "nats://x", "--detach", "--collect"}, {"--submit", "nats://x", "--part", "1ms"}, {"--submit", "nats://x", "--replicas", "0"}} {
		if code, _, errs := deixis(t, append(append(args, t.TempDir()), more...)...); code != app.ExitUsage || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: code %d, %s", more, code, errs)
		}
	}
}

// TestQueueDeadLetter: a job that no worker can do is reported by who collects, and is done
// once it can be.
func TestQueueDeadLetter(t *testing.T) {
	noDesktop(t)
	patient(t)
	b := network(t)
	s := natsServer(t, &server.Options{JetStream: true})
	file := clip(t, filepath.Join(t.TempDir(), "a.mp4"), "12")
	args := []string{"annotate", file, "-p", "x", "--format", "jsonl", "--bundle", b.Dir, "--threads", "1", "--log-level", "error", "--submit", s.ClientURL(), "--out", t.TempDir()}
	must(t, append(args, "--detach")...)
	if code, _, errs := deixis(t, append(args, "--collect")...); code != app.ExitFailed || !strings.Contains(errs, "not all of its jobs are done") {
		t.Errorf("before a worker is there: code %d, %s", code, errs)
	}
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	worker := startProcess(t, "worker", s.ClientURL(), "--bundle", b.Dir, "--threads", "1", "--worker-timeout", "1s")
	if !worker.errs.wait("times=3", worker.ended) {
		t.Fatal(worker.errs)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	code, _, errs := deixis(t, append(args, "--collect")...)
	if code != app.ExitFailed || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "failed 3 times") || !strings.Contains(errs, "is not on this machine") {
		t.Errorf("code %d, %s", code, errs)
	}
	t.Log(errs)
	if said := must(t, "queue", s.ClientURL()); !strings.Contains(said, "3 failures, 1 dead letters") || !strings.Contains(said, "1 jobs\t") && !strings.Contains(said, "frames/s") {
		t.Error(said)
	}
	must(t, args...)
}

// TestQueueAnyWorker: with --any-worker run.json says that whoever has the bundle answered,
// and such a run is not mixed with one that says more.
func TestQueueAnyWorker(t *testing.T) {
	noDesktop(t)
	patient(t)
	b := network(t)
	s := natsServer(t, &server.Options{JetStream: true})
	args := []string{"annotate", "pattern://64x48@5?frames=9", "-p", "x", "--format", "jsonl", "--bundle", b.Dir, "--threads", "1", "--log-level", "error", "--out"}
	single, out := t.TempDir(), t.TempDir()
	must(t, append(args, single)...)
	startProcess(t, "worker", s.ClientURL(), "--bundle", b.Dir, "--threads", "1")
	must(t, append(args, out, "--submit", s.ClientURL(), "--any-worker")...)
	got, want := tree(t, out), tree(t, single)
	if !strings.Contains(got["run.json"], `"provider": "any"`) || got["pattern.jsonl"] != want["pattern.jsonl"] {
		t.Errorf("%s", got["run.json"])
	}
	if code, _, errs := deixis(t, append(args, out)...); code != app.ExitUsage || !strings.Contains(errs, "any") {
		t.Errorf("without it: code %d, %s", code, errs)
	}
}

// TestQueueRangeApart: a result that does not begin where the one before it ended is not
// merged, and the range is answered again from the recording's beginning.
func TestQueueRangeApart(t *testing.T) {
	noDesktop(t)
	patient(t)
	b := network(t)
	s := natsServer(t, &server.Options{JetStream: true})
	file := filepath.Join(t.TempDir(), "a.mp4")
	filmed(t, file, "-f lavfi -i testsrc2=size=96x64:rate=2:duration=12 -c:v mpeg4")
	args := []string{"annotate", file, "-p", "x", "--format", "jsonl", "--bundle", b.Dir, "--threads", "1", "--log-level", "error", "--out"}
	single, out := t.TempDir(), t.TempDir()
	must(t, append(args, single)...)

	g := &app.Globals{Common: app.Common{BundleDir: b.Dir, Provider: "auto", Precision: "auto", Threads: 1}, Stderr: io.Discard}
	g.Log = slog.New(slog.DiscardHandler)
	by, err := g.OpenNetwork(t.Context(), app.Wants{})
	if err != nil {
		t.Fatal(err)
	}
	defer by.Close()
	q, err := jetstream.Dial(t.Context(), jetstream.Options{Options: natsconn.Options{URL: s.ClientURL(), Log: g.Log}})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	settings := programOf(by.Bundle)
	p := by.Provider()
	settings.Provider, settings.Precision, settings.ONNXRuntime = p.Name, p.Precision, p.Version
	w := &worker{g: g, by: by, phrases: by.Asker(g.Log).Phrases, dir: t.TempDir()}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var whole atomic.Int32
	go func() {
		defer close(ended)
		q.Work(ctx, jetstream.Worker{Class: classOf(settings), Dir: w.dir, Do: func(ctx context.Context, task *queue.Task, j queue.Job, file string) (int, error) {
			if j.Whole {
				whole.Add(1)
			} else if j.From > 5*time.Second {
				j.From += time.Second // as where times after a jump are wrong
			}
			return w.do(ctx, task, j, file)
		}})
	}()
	must(t, append(args, out, "--submit", s.ClientURL(), "--part", "3s")...)
	stop()
	<-ended
	sameTree(t, tree(t, out), tree(t, single))
	if n := whole.Load(); n != 2 { // those from 6 s and 9 s on
		t.Errorf("%d ranges were answered from the beginning", n)
	}
}
