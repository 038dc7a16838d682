package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/natsconn"
	"deixis/pipeline/natsconn/natstest"
)

func oneLine(err error) bool { return err != nil && !strings.Contains(err.Error(), "\n") }

func TestServersThatCannotBeUsed(t *testing.T) {
	plain := natstest.Start(t, &server.Options{Host: "127.0.0.1", Port: -1})
	guarded := natstest.Start(t, &server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), Username: "me", Password: "right"})
	for name, tt := range map[string]struct {
		o    natsconn.Options
		says string
	}{
		"without JetStream": {natsconn.Options{URL: plain.ClientURL()}, "no JetStream"},
		"wrong password":    {natsconn.Options{URL: guarded.ClientURL(), User: "me", Password: "wrong"}, "--nats-password"},
		"no password":       {natsconn.Options{URL: guarded.ClientURL()}, "--nats-creds"},
		"no credentials":    {natsconn.Options{URL: guarded.ClientURL(), Credentials: "gone.creds"}, "gone.creds"},
		"no certificate":    {natsconn.Options{URL: guarded.ClientURL(), CA: "gone.pem"}, "gone.pem"},
		"nobody there":      {natsconn.Options{URL: "nats://127.0.0.1:1"}, "is nats-server running"},
	} {
		q, err := Dial(t.Context(), Options{Options: tt.o})
		if !errors.Is(err, ErrServer) || !oneLine(err) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
		if q != nil {
			q.Close()
		}
	}
	dial(t, Options{Options: natsconn.Options{URL: guarded.ClientURL(), User: "me", Password: "right"}})
}

// TestFullStore: results that find no room are told as such, by worker and submitter.
func TestFullStore(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	store, err := q.js.UpdateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: resultBucket, TTL: keep, Replicas: 1, MaxBytes: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	jobs := submitted(t, q, "k", 1)
	var room sync.Once
	hands(t, s.ClientURL(), 1, soon, func(ctx context.Context, j queue.Job) error {
		room.Do(func() {
			for _, size := range []int{1 << 10, 1} { // until not even little goes in
				for i, err := 0, error(nil); err == nil; i++ {
					_, err = store.PutBytes(ctx, fmt.Sprint(size, i), make([]byte, size))
				}
			}
		})
		return nil
	})
	_, err = resultOf(t, q, jobs[0])
	if !errors.Is(err, queue.ErrDead) || !oneLine(err) || !strings.Contains(err.Error(), "has no room") {
		t.Errorf("%v", err)
	}
	t.Log(err)
}

// lines is a log that is waited for.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *lines) wait(t *testing.T, word string) string {
	t.Helper()
	for {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if strings.Contains(text, word) {
			return text
		}
		select {
		case <-l.more:
		case <-t.Context().Done():
			t.Fatalf("the log lacks %q: %s", word, text)
		}
	}
}

// TestAnotherBundle: a worker whose answers would be others takes nothing, and says why.
func TestAnotherBundle(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	jobs := submitted(t, q, "k", 2)
	log := &lines{more: make(chan struct{}, 1)}
	other := class
	other.BundleSHA256 = "another"
	w := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL(), Log: slog.New(slog.NewTextHandler(log, nil))}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Work(ctx, Worker{Class: other, Dir: os.TempDir(), Do: func(context.Context, *queue.Task, queue.Job, string) (int, error) {
			t.Error("it took a job")
			return 0, nil
		}})
	}()
	said := log.wait(t, "does not take")
	if !strings.Contains(said, "jobs=2") || !strings.Contains(said, "bundle") || strings.Count(said, "\n") != 1 {
		t.Error(said)
	}
	t.Log(said)
	if takes, all, err := q.Takers(t.Context(), class); takes != 0 || all != 1 || err != nil {
		t.Errorf("%d of %d workers take the jobs, %v", takes, all, err)
	}
	hands(t, s.ClientURL(), 1, soon, func(context.Context, queue.Job) error { return nil })
	allFetched(t, q, jobs)
	stop()
	<-ended
}

// TestAnyWorker: jobs that any worker may take go to all with the bundle.
func TestAnyWorker(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	task := queue.Task{Version: queue.Version, Class: class.AnyWorker(), Key: "k"}
	if err := q.Begin(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	j := task.Job(queue.Range{})
	if err := q.Submit(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	hands(t, s.ClientURL(), 1, soon, func(context.Context, queue.Job) error { return nil })
	allFetched(t, q, []queue.Job{j, submitted(t, q, "k", 1)[0]})
}

// cluster starts three servers that know each other.
func cluster(t *testing.T) []*server.Server {
	t.Helper()
	for range 5 {
		if all := clusterOnce(t); all != nil {
			return all
		}
		t.Log("a server does not start (its port may be somebody else's by now): all are started anew")
	}
	t.Fatal("the servers do not start")
	return nil
}

// clusterOnce is nil where a server does not start.
func clusterOnce(t *testing.T) (all []*server.Server) {
	t.Helper()
	var ports []int
	var routes []*url.URL
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		l.Close()
	}
	for i, p := range ports {
		o := &server.Options{
			ServerName: fmt.Sprintf("s%d", i), Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: p}, Routes: routes,
		}
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		all = append(all, s)
	}
	for _, s := range all {
		if !s.ReadyForConnections(30 * time.Second) {
			for _, s := range all {
				s.Shutdown()
			}
			return nil
		}
	}
	return all
}

// leader is the one that leads the queue, once they have chosen it. It is looked for once:
// as it ends, another becomes it.
func leader(servers []*server.Server) *server.Server {
	for {
		for _, s := range servers {
			if s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, jobStream) {
				return s
			}
		}
		runtime.Gosched()
	}
}

// TestCluster: of three servers one is killed in the middle, and nothing is lost.
func TestCluster(t *testing.T) {
	servers := cluster(t)
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.ClientURL())
	}
	all := strings.Join(urls, ",")
	var q *Queue
	for err := error(ErrServer); err != nil; { // until they have chosen a leader
		if q, err = Dial(t.Context(), Options{Options: natsconn.Options{URL: all, Log: slog.New(slog.DiscardHandler)}, Replicas: 3}); err != nil && t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(q.Close)
	jobs := submitted(t, q, "k", 20)
	killed := make(chan struct{})
	var done tally
	var kill sync.Once
	hands(t, all, 2, soon, func(_ context.Context, j queue.Job) error {
		done.add(j)
		if j.ID == jobs[9].ID {
			kill.Do(func() {
				leader(servers).Shutdown()
				close(killed)
			})
		}
		return nil
	})
	select {
	case <-killed:
	case <-time.After(patient):
		t.Fatalf("only %d jobs were begun", len(done.counts()))
	}
	allFetched(t, q, jobs)
	empty(t, q)
}
