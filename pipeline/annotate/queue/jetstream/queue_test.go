package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/natsconn"
	"deixis/pipeline/natsconn/natstest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(asServer); dir != "" {
		if err := serveAlone(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// The client leaves one behind where a connection is closed within a Put.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

// serve starts a server with JetStream in a folder; port -1 takes a free one.
func serve(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	return natstest.Start(t, &server.Options{Port: port, JetStream: true, StoreDir: dir})
}

func dial(t testing.TB, o Options) *Queue {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	q, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

var class = queue.Class{Program: "p", Bundle: "b", BundleSHA256: "0123456789", Provider: "cpu", Precision: "fp32", Instructions: "i"}

// taskOf is the task of that key.
func taskOf(key string) queue.Task {
	return queue.Task{Version: queue.Version, Class: class, Key: key, Ref: camera.Ref{Kind: camera.File, URI: "v.mp4"}}
}

// submitted are n jobs of one task, put into the queue.
func submitted(t testing.TB, q *Queue, key string, n int) []queue.Job {
	t.Helper()
	return submittedOf(t, q, taskOf(key), n)
}

func submittedOf(t testing.TB, q *Queue, task queue.Task, n int) []queue.Job {
	t.Helper()
	if err := q.Begin(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	var jobs []queue.Job
	for _, r := range queue.Cut(time.Duration(n)*time.Minute, time.Minute) {
		j := task.Job(r)
		if err := q.Submit(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// answer is what a stand-in answers to a job.
func answer(j queue.Job) string { return "answer to " + j.Range.String() }

// patient workers keep their jobs however slow the machine is; others lose them soon.
const (
	patient = 5 * time.Minute
	soon    = time.Second
)

// hands are workers that do by do, until the test ends or stop is called.
func hands(t testing.TB, url string, n int, wait time.Duration, do func(ctx context.Context, j queue.Job) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range n {
		q := dial(t, Options{Options: natsconn.Options{URL: url}, AckWait: wait})
		dir := t.TempDir()
		wg.Go(func() {
			err := q.Work(ctx, Worker{Class: class, Dir: dir, Do: func(ctx context.Context, _ *queue.Task, j queue.Job, file string) (int, error) {
				if err := do(ctx, j); err != nil {
					return 0, err
				}
				return 1, os.WriteFile(file, []byte(answer(j)), 0o644)
			}})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a worker ended: %v", err)
			}
		})
	}
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// resultOf waits for a job's result.
func resultOf(t testing.TB, q *Queue, j queue.Job) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r")
	for {
		news := q.News()
		r, err := q.Fetch(t.Context(), j, file)
		if err != nil {
			return "", err
		}
		if r != nil {
			raw, err := io.ReadAll(r)
			return string(raw), errors.Join(err, r.Close())
		}
		select {
		case <-news:
		case <-time.After(200 * time.Millisecond): // one that was missed
		case <-t.Context().Done():
			t.Fatal("no result")
		}
	}
}

func allFetched(t *testing.T, q *Queue, jobs []queue.Job) {
	t.Helper()
	for _, j := range jobs {
		if got, err := resultOf(t, q, j); err != nil || got != answer(j) {
			t.Fatalf("%v: %q, %v", j.Range, got, err)
		}
	}
}

// empty waits until no job is left.
func empty(t *testing.T, q *Queue) {
	t.Helper()
	for {
		s, err := q.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Waiting+s.Working == 0 {
			return
		}
	}
}

// A tally counts how often each job was done.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func (c *tally) add(j queue.Job) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[j.ID]++
	return c.of[j.ID]
}

// counts is a copy of what was counted.
func (c *tally) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}

// TestWork: however many workers there are, every job is done, and none twice, by whoever
// submits it how often.
func TestWork(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		s := serve(t, t.TempDir(), -1)
		q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
		jobs := submitted(t, q, "k", 30)
		submitted(t, dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}}), "k", 30)
		var done tally
		hands(t, s.ClientURL(), n, patient, func(_ context.Context, j queue.Job) error { done.add(j); return nil })
		allFetched(t, q, jobs)
		submitted(t, q, "k", 30)
		empty(t, q)
		for id, n := range done.counts() {
			if n != 1 {
				t.Errorf("job %s was done %d times", id, n)
			}
		}
		if n := len(done.counts()); n != len(jobs) {
			t.Errorf("%d of %d jobs were done", n, len(jobs))
		}
		others := submitted(t, q, "l", 3)
		if err := q.Forget(t.Context(), taskOf("k"), append(others, jobs...)); err != nil {
			t.Fatal(err)
		}
		submitted(t, q, "k", 30) // they can be done again
		allFetched(t, q, jobs)
	}
}

// TestAWorkerDies: its job is another's, soon after it said something last.
func TestAWorkerDies(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	jobs := submitted(t, q, "k", 3)
	dying := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}, AckWait: soon})
	ctx, stop := context.WithCancel(t.Context())
	dir, took, ended := t.TempDir(), make(chan queue.Job, 1), make(chan struct{})
	go func() {
		defer close(ended)
		dying.Work(ctx, Worker{Class: class, Dir: dir, Do: func(ctx context.Context, _ *queue.Task, j queue.Job, _ string) (int, error) {
			dying.Close() // as when the machine is switched off
			took <- j
			<-ctx.Done()
			return 0, ctx.Err()
		}})
	}()
	first := <-took
	stop()
	<-ended
	var done tally
	hands(t, s.ClientURL(), 1, soon, func(_ context.Context, j queue.Job) error { done.add(j); return nil })
	allFetched(t, q, jobs)
	if n := done.counts()[first.ID]; n != 1 {
		t.Errorf("the job of the worker that died was done %d times", n)
	}
}

// TestAJobIsExtended: while it is worked on, the server hears of it more often than AckWait.
func TestAJobIsExtended(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	jobs := submitted(t, q, "k", 1)
	extended := make(chan struct{}, 100)
	sub, err := q.nc.Subscribe("$JS.ACK."+jobStream+".>", func(m *nats.Msg) {
		if string(m.Data) == "+WPI" {
			extended <- struct{}{}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := q.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	hands(t, s.ClientURL(), 1, soon, func(context.Context, queue.Job) error {
		for range 5 { // a third of AckWait apart
			<-extended
		}
		return nil
	})
	allFetched(t, q, jobs)
}

// TestADeadLetterBeforeItsJobsEnd: a job whose dead letter came, and which its worker has
// not taken out of the queue yet, is another one when it is submitted again: the worker's
// end of the first does not end it.
func TestADeadLetterBeforeItsJobsEnd(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	j := submitted(t, q, "k", 1)[0]
	number := func() uint64 {
		m, err := q.jobs.GetLastMsgForSubject(t.Context(), jobSubject+j.Class+"."+j.ID)
		if err != nil {
			t.Fatal(err)
		}
		return m.Sequence
	}
	first := number()
	if _, err := q.js.Publish(t.Context(), deadSubject+j.ID, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := q.Submit(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if again := number(); again == first {
		t.Errorf("the job is still number %d", first)
	}
	if err := q.Submit(t.Context(), j); err != nil || number() == first {
		t.Errorf("submitted once more: %v", err)
	}
}

// vanishing is a store whose objects are gone between being looked for and being read.
type vanishing struct{ jetstream.ObjectStore }

func (vanishing) GetFile(context.Context, string, string, ...jetstream.GetObjectOpt) error {
	return jetstream.ErrObjectNotFound
}

// TestAResultThatIsPutAnew: a result that goes while it is fetched is one that is not there yet.
func TestAResultThatIsPutAnew(t *testing.T) {
	q := dial(t, Options{Options: natsconn.Options{URL: serve(t, t.TempDir(), -1).ClientURL()}})
	if err := q.put(t.Context(), q.out, "a", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a")
	if is, err := q.get(t.Context(), "fetch result", vanishing{q.out}, "a", file); is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
	if is, err := q.get(t.Context(), "fetch result", q.out, "a", file); !is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
}

// TestDeadLetter: a job that fails three times is reported, the others are done, and who
// submits it again has it done.
func TestDeadLetter(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	jobs := submitted(t, q, "k", 3)
	var tried tally
	mended := make(chan struct{})
	hands(t, s.ClientURL(), 2, patient, func(_ context.Context, j queue.Job) error {
		select {
		case <-mended:
			return nil
		default:
		}
		if n := tried.add(j); j.ID == jobs[1].ID {
			return fmt.Errorf("no luck at try %d", n)
		}
		return nil
	})
	allFetched(t, q, []queue.Job{jobs[0], jobs[2]})
	_, err := resultOf(t, q, jobs[1])
	if n := tried.counts()[jobs[1].ID]; !errors.Is(err, queue.ErrDead) || n != mostFailures {
		t.Errorf("after %d tries: %v", n, err)
	}
	t.Log(err)
	if s, err := q.Status(t.Context()); err != nil || s.Failed != mostFailures || len(s.Dead) != 1 || s.Dead[0].Source != "v.mp4" || len(s.Workers) != 2 {
		t.Errorf("status %+v, %v", s, err)
	}
	close(mended)
	allFetched(t, q, submitted(t, q, "k", 3))
	if s, err := q.Status(t.Context()); err != nil || s.Failed != 0 || len(s.Dead) != 0 || s.Results != 3 {
		t.Errorf("status %+v, %v", s, err)
	}
}

// TestNoRoom: a file that cannot be written is told at once, and not tried again for ever.
func TestNoRoom(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	dir := t.TempDir()
	file := filepath.Join(dir, "v.mp4")
	if err := os.WriteFile(file, []byte("a video"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := q.Upload(t.Context(), "v", file); err != nil {
		t.Fatal(err)
	}
	if err := q.Download(t.Context(), "v", filepath.Join(dir, "gone", "v.mp4")); !errors.Is(err, fs.ErrNotExist) || !oneLine(err) {
		t.Errorf("into a folder that is not there: %v", err)
	}
	if err := q.Download(t.Context(), "w", filepath.Join(dir, "w.mp4")); !oneLine(err) || !strings.Contains(err.Error(), "submit it again") {
		t.Errorf("what nobody uploaded: %v", err)
	}
	if err := q.Upload(t.Context(), "w", file+".gone"); !errors.Is(err, fs.ErrNotExist) || !oneLine(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestServerRestarted: what is in the queue, and at work, outlives the server.
func TestServerRestarted(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, -1)
	url := s.ClientURL()
	port := s.Addr().(*net.TCPAddr).Port
	q := dial(t, Options{Options: natsconn.Options{URL: url}})
	jobs := submitted(t, q, "k", 20)
	tenth, up := make(chan struct{}), make(chan struct{})
	var taken atomic.Int32
	hands(t, url, 2, soon, func(context.Context, queue.Job) error {
		if taken.Add(1) == 10 {
			close(tenth)
			<-up
		}
		return nil
	})
	<-tenth
	s.Shutdown()
	s.WaitForShutdown()
	serve(t, dir, port)
	close(up)
	allFetched(t, q, jobs)
	empty(t, q)
}
