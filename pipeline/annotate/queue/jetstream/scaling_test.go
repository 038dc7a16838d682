package jetstream

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"deixis/camera"
	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/natsconn"
)

const (
	standIn    = 25 * time.Millisecond // an answer
	framesEach = 80                    // of a job
	bytesEach  = 400                   // of a frame in a result, with four phrases
	queued     = 3000                  // jobs that nobody takes
)

// asServer names the folder of a server that this program is instead of tests, so that its
// memory is that of nothing else.
const asServer = "DEIXIS_TEST_SERVER"

// serveAlone is a server until its input ends. It says where it is.
func serveAlone(dir string) error {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, HTTPHost: "127.0.0.1", HTTPPort: -1, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(30 * time.Second) {
		return server.ErrServerNotRunning
	}
	fmt.Printf("%s http://%s/varz\n", s.ClientURL(), s.MonitorAddr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// An alone is a server in a process of its own.
type alone struct {
	b    *testing.B
	url  string
	varz string
}

func startAlone(b *testing.B) *alone {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"="+b.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	s := &alone{b: b}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &s.url, &s.varz)
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// now is what the server tells of itself.
func (s *alone) now() (v server.Varz) {
	s.b.Helper()
	r, err := http.Get(s.varz)
	if err == nil {
		defer r.Body.Close()
		err = json.NewDecoder(r.Body).Decode(&v)
	}
	if err != nil {
		s.b.Fatal(err)
	}
	return v
}

// BenchmarkScaling does the same jobs with one, two and four workers whose answers take 25 ms
// each, so that the cores of this machine are not the limit, and prints how far from linear
// that is, with what a job costs the server.
func BenchmarkScaling(b *testing.B) {
	for range b.N {
		var one time.Duration
		for _, n := range []int{1, 2, 4} {
			took := scale(b, n, 24)
			if n == 1 {
				one = took
			}
			b.Logf("%d workers: %v, %.3f of linear", n, took.Round(time.Millisecond), one.Seconds()/took.Seconds()/float64(n))
		}
	}
}

// BenchmarkQueued prints what jobs that wait take of a server's memory.
func BenchmarkQueued(b *testing.B) {
	for range b.N {
		s := startAlone(b)
		q := dial(b, Options{Options: natsconn.Options{URL: s.url}})
		submitted(b, q, "k", 100)
		before := s.now()
		submitted(b, q, "l", queued)
		after := s.now()
		b.Logf("the server's memory grows by %d bytes for each of %d jobs that wait, to %d MB", (after.Mem-before.Mem)/queued, queued, after.Mem>>20)
	}
}

func scale(b *testing.B, n, jobs int) time.Duration {
	s := startAlone(b)
	q := dial(b, Options{Options: natsconn.Options{URL: s.url}})
	answers := make([]byte, framesEach*bytesEach)
	rand.Read(answers)
	before := s.now()
	all := submitted(b, q, "k", jobs)
	ctx, stop := context.WithCancel(b.Context())
	var workers sync.WaitGroup
	for range n {
		w := dial(b, Options{Options: natsconn.Options{URL: s.url}})
		dir := b.TempDir()
		workers.Go(func() {
			w.Work(ctx, Worker{Class: class, Dir: dir, Do: func(ctx context.Context, _ *queue.Task, j queue.Job, file string) (int, error) {
				for range framesEach {
					if err := camera.Sleep(ctx, standIn); err != nil {
						return 0, err
					}
				}
				return framesEach, os.WriteFile(file, answers, 0o600)
			}})
		})
	}
	start := time.Now()
	for _, j := range all {
		if _, err := resultOf(b, q, j); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(start)
	stop()
	workers.Wait()
	after := s.now()
	each := func(d int64) int64 { return d / int64(jobs) }
	b.Logf("a job: %d messages, %d bytes in, %d bytes out, %d bytes of result; memory of the server %+d KB a job, to %d MB", each(after.InMsgs+after.OutMsgs-before.InMsgs-before.OutMsgs),
		each(after.InBytes-before.InBytes), each(after.OutBytes-before.OutBytes), len(answers), each(after.Mem-before.Mem)>>10, after.Mem>>20)
	return took
}
