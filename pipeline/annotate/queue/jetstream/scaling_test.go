package jetstream

import (
	"context"
	"crypto/rand"
	"os"
	"runtime"
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
)

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

// traffic is what a server took in and gave out so far: bytes and messages.
func traffic(b *testing.B, s *server.Server) (in, out, msgs int64) {
	v, err := s.Varz(nil)
	if err != nil {
		b.Fatal(err)
	}
	return v.InBytes, v.OutBytes, v.InMsgs + v.OutMsgs
}

func scale(b *testing.B, n, jobs int) time.Duration {
	s := serve(b, b.TempDir(), -1)
	q := dial(b, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	answers := make([]byte, framesEach*bytesEach)
	rand.Read(answers)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	in, out, msgs := traffic(b, s)
	all := submitted(b, q, "k", jobs)
	ctx, stop := context.WithCancel(b.Context())
	var workers sync.WaitGroup
	for range n {
		w := dial(b, Options{Options: natsconn.Options{URL: s.ClientURL()}})
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
		if _, err := fetched(b, q, j); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(start)
	stop()
	workers.Wait()
	inNow, outNow, msgsNow := traffic(b, s)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := func(d int64) int64 { return d / int64(jobs) }
	b.Logf("a job: %d messages, %d bytes in, %d bytes out, %d bytes of result; heap of server and workers %+d bytes a job", each(msgsNow-msgs), each(inNow-in), each(outNow-out), len(answers), each(int64(after.HeapAlloc)-int64(before.HeapAlloc)))
	return took
}
