// Package jetstream carries jobs and their results on NATS JetStream: a work queue, an
// object store, and a bucket in which workers say what they do.
package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deixis/camera"
	"deixis/pipeline/natsconn"
)

// What is kept on the server, and the subjects of its streams.
const (
	jobStream    = "DEIXIS_JOBS"    // a work queue: what is acknowledged is gone
	failStream   = "DEIXIS_FAILED"  // failures, and dead letters
	inputBucket  = "DEIXIS_INPUTS"  // tasks and uploaded files
	resultBucket = "DEIXIS_RESULTS" // by job
	workerBucket = "DEIXIS_WORKERS" // by worker

	jobSubject  = "deixis.jobs."   // class, then job
	failSubject = "deixis.failed." // job
	deadSubject = "deixis.dead."   // job
	doneSubject = "deixis.done."   // job; not kept: it wakes who waits
)

// How long things are kept that nobody takes away.
const (
	keep        = 7 * 24 * time.Hour
	workerAlive = time.Minute // after a worker said something last
)

// The errors that callers test for, beside those of package queue.
var (
	ErrServer = errors.New("the server of the queue cannot be used")
	ErrFull   = errors.New("the server of the queue has no room")
)

// Options say where the server is, and how it keeps things.
type Options struct {
	natsconn.Options
	Replicas int           // of what is kept, where it is not there yet; 0 means 1
	AckWait  time.Duration // a worker that says nothing for so long has lost its job; 0 means 30 s
}

// Queue is a connection to a server. Goroutines may share it.
type Queue struct {
	o    Options
	nc   *nats.Conn
	js   jetstream.JetStream
	jobs jetstream.Stream
	fail jetstream.Stream
	in   jetstream.ObjectStore
	out  jetstream.ObjectStore
	live jetstream.KeyValue

	mu   sync.Mutex
	news chan struct{} // closed when a job is finished

	follows bool
}

// Dial connects, and makes what is not there yet. A server that cannot be used is
// ErrServer. Later losses of the connection are mended without end.
func Dial(ctx context.Context, o Options) (*Queue, error) {
	o.Replicas, o.AckWait, o.Log = max(1, o.Replicas), cmp.Or(o.AckWait, 30*time.Second), cmp.Or(o.Log, slog.Default())
	q := &Queue{o: o, news: make(chan struct{})}
	nc, err := natsconn.Connect(o.Options)
	if err != nil {
		return nil, fmt.Errorf("queue: %w: %w", err, ErrServer)
	}
	q.nc = nc
	if err = q.openWithin(ctx, openFor); err != nil {
		nc.Close()
		return nil, fmt.Errorf("open queue %s: %w", o.Where(), q.explain(err))
	}
	return q, nil
}

// openFor is how long servers may take that choose their leader, or have a slow disk.
const openFor = 30 * time.Second

// openWithin opens, again and again where that may go by itself.
func (q *Queue) openWithin(ctx context.Context, limit time.Duration) error {
	for over := time.Now().Add(limit); ; {
		err := q.open(ctx)
		lacks := errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) || errors.Is(err, nats.ErrNoResponders)
		if err == nil || lacks || !q.passes(err) || time.Now().After(over) || camera.Sleep(ctx, firstPause) != nil {
			return err
		}
	}
}

// open finds, or makes, the streams and buckets.
func (q *Queue) open(ctx context.Context) (err error) {
	if q.js, err = jetstream.New(q.nc); err != nil {
		return err
	}
	if _, err = q.js.AccountInfo(ctx); err != nil {
		return err
	}
	if q.jobs, err = q.stream(ctx, jetstream.StreamConfig{
		Name: jobStream, Subjects: []string{jobSubject + "*.*"}, Retention: jetstream.WorkQueuePolicy,
		// A job that is there already is refused, and one that was done may come again.
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
	}); err != nil {
		return err
	}
	if q.fail, err = q.stream(ctx, jetstream.StreamConfig{Name: failStream, Subjects: []string{failSubject + "*", deadSubject + "*"}, MaxAge: keep}); err != nil {
		return err
	}
	if q.in, err = q.store(ctx, inputBucket); err != nil {
		return err
	}
	if q.out, err = q.store(ctx, resultBucket); err != nil {
		return err
	}
	q.live, err = q.js.KeyValue(ctx, workerBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		q.live, err = q.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: workerBucket, TTL: workerAlive, Replicas: q.o.Replicas})
	}
	if errors.Is(err, jetstream.ErrBucketExists) { // another was faster
		q.live, err = q.js.KeyValue(ctx, workerBucket)
	}
	return err
}

// News is closed when a job is finished after it was asked for. Some may be missed, as when
// the server is restarted: it is a hint to look again.
func (q *Queue) News() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.follows {
		_, err := q.nc.Subscribe(doneSubject+"*", func(*nats.Msg) { q.tellNews() })
		q.follows = err == nil
	}
	return q.news
}

func (q *Queue) tellNews() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.news)
	q.news = make(chan struct{})
}

func (q *Queue) stream(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := q.js.Stream(ctx, c.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		c.Replicas = q.o.Replicas
		s, err = q.js.CreateStream(ctx, c)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		s, err = q.js.Stream(ctx, c.Name)
	}
	return s, err
}

func (q *Queue) store(ctx context.Context, bucket string) (jetstream.ObjectStore, error) {
	s, err := q.js.ObjectStore(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		s, err = q.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket, TTL: keep, Replicas: q.o.Replicas})
	}
	if errors.Is(err, jetstream.ErrBucketExists) {
		s, err = q.js.ObjectStore(ctx, bucket)
	}
	return s, err
}

// Close ends the connection.
func (q *Queue) Close() { q.nc.Close() }
