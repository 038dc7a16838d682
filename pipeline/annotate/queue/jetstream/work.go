package jetstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deixis/camera"
	"deixis/pipeline/annotate/queue"
)

const (
	mostFailures   = 3  // of a job, until it is a dead letter
	mostDeliveries = 10 // of a job whose workers end without a word
	mostUnacked    = 100_000
	askAgain       = 2 * time.Second // a worker without a job asks for so long at a time
)

// A Failure is what is known of a job that could not be done.
type Failure struct {
	Job    queue.Job `json:"job"`
	Source string    `json:"source"`
	Worker string    `json:"worker"`
	Says   string    `json:"says"`
	Times  int       `json:"times"` // so far
	At     time.Time `json:"at"`
}

// String is the failure in a line.
func (f Failure) String() string {
	return fmt.Sprintf("%q, %v, failed %d times, the last on %s: %s", f.Source, f.Job.Range, f.Times, f.Worker, f.Says)
}

// A Worker takes jobs and does them.
type Worker struct {
	Class queue.Class
	// Do answers a job into a file. An error is the job's failure, but for that of ctx.
	Do  func(ctx context.Context, t *queue.Task, j queue.Job, file string) (frames int, err error)
	Dir string // where results lie until they are stored
}

// Work takes jobs of w's class, and those that any worker with its bundle may take, one
// after the other until ctx ends. The error is why no more can be taken.
func (q *Queue) Work(ctx context.Context, w Worker) error {
	r := &run{q: q, w: w, state: newState(w.Class), tasks: map[string]*queue.Task{}}
	r.classes = []string{w.Class.Name(), w.Class.AnyWorker().Name()}
	stop := r.tell(ctx)
	defer stop()
	for ctx.Err() == nil {
		m, err := r.next(ctx)
		if err != nil {
			return err
		}
		if m != nil {
			r.one(ctx, m)
		}
	}
	return ctx.Err()
}

// A run is a Worker at work. It belongs to one goroutine, but for its state.
type run struct {
	q       *Queue
	w       Worker
	state   *state
	classes []string // the one that gave the last job is asked first
	cons    map[string]jetstream.Consumer
	tasks   map[string]*queue.Task // by name
	looked  time.Time              // for jobs of others
}

// next is the next job, nil where there was none for a while.
func (r *run) next(ctx context.Context) (m jetstream.Msg, err error) {
	err = r.q.again(ctx, "ask for a job", askAgain+briefly, func(ctx context.Context) error {
		if r.cons == nil {
			if err := r.subscribe(ctx); err != nil {
				return err
			}
		}
		for i := len(r.classes) - 1; i >= 0 && m == nil && err == nil; i-- {
			if m, err = take(ctx, r.cons[r.classes[i]], i == 0); m != nil {
				r.classes[0], r.classes[i] = r.classes[i], r.classes[0]
			}
		}
		if err != nil {
			r.cons = nil
		}
		return err
	})
	if m == nil && err == nil {
		r.strangers(ctx)
	}
	return m, err
}

// subscribe finds, or makes, the consumers that all workers of a class share.
func (r *run) subscribe(ctx context.Context) error {
	all := map[string]jetstream.Consumer{}
	for _, class := range r.classes {
		c, err := r.q.jobs.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: class, FilterSubject: jobSubject + class + ".*", AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: r.q.o.AckWait, MaxDeliver: -1, MaxAckPending: mostUnacked,
		})
		if err != nil {
			return err
		}
		all[class] = c
	}
	r.cons = all
	return nil
}

// take asks for one message, and waits for it a while where wait says so.
func take(ctx context.Context, from jetstream.Consumer, wait bool) (jetstream.Msg, error) {
	ctx, stop := context.WithTimeout(ctx, askAgain)
	defer stop()
	var batch jetstream.MessageBatch
	var err error
	if wait {
		batch, err = from.Fetch(1, jetstream.FetchContext(ctx))
	} else {
		batch, err = from.FetchNoWait(1)
	}
	if err != nil {
		return nil, err
	}
	if m, ok := <-batch.Messages(); ok {
		return m, nil
	}
	if err = batch.Error(); errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages) {
		err = nil
	}
	return nil, err
}

// one does a job: it is acknowledged when its result is stored, extended while that takes,
// and given back when it fails or ctx ends.
func (r *run) one(ctx context.Context, m jetstream.Msg) {
	var j queue.Job
	if err := json.Unmarshal(m.Data(), &j); err != nil {
		r.q.o.Log.Warn("a message that is no job is taken out of the queue", "subject", m.Subject(), "why", err)
		m.Term()
		return
	}
	busy, free := context.WithCancel(ctx)
	go r.extend(busy, m)
	frames, err := r.do(busy, m, j)
	free()
	r.state.ended(frames, err)
	switch {
	case err == nil:
		r.acknowledge(ctx, m, j)
	case ctx.Err() != nil:
		m.Nak()
	default:
		r.failed(ctx, m, j, err)
	}
}

// extend says that a job is worked on, until ctx ends.
func (r *run) extend(ctx context.Context, m jetstream.Msg) {
	tick := time.NewTicker(r.q.o.AckWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.InProgress() // where it is lost, another worker does the job, too
		}
	}
}

func (r *run) do(ctx context.Context, m jetstream.Msg, j queue.Job) (frames int, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return 0, err
	}
	var done bool
	err = r.q.again(ctx, "look for result", briefly, func(ctx context.Context) (err error) {
		done, err = r.q.results(j).has(ctx, j.ID)
		return err
	})
	if err != nil || done {
		return 0, err
	}
	t, err := r.task(ctx, j.Task)
	if err != nil {
		return 0, err
	}
	if meta.NumDelivered > mostDeliveries {
		return 0, fmt.Errorf("%d workers took it and ended without a word: %w", meta.NumDelivered-1, queue.ErrDead)
	}
	if differs := r.w.Class.Differs(t.Class); differs != "" {
		return 0, fmt.Errorf("this worker has %s", differs)
	}
	r.state.begun(t.Ref.String(), j.Range)
	r.q.o.Log.Debug("job begun", "source", t.Ref.String(), "range", j.Range.String())
	file, err := os.CreateTemp(r.w.Dir, "result-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return 0, err
	}
	if frames, err = r.w.Do(ctx, t, j, file.Name()); err != nil {
		return frames, err
	}
	info, err := os.Stat(file.Name())
	if err != nil {
		return frames, err
	}
	return frames, r.q.again(ctx, "store result", transfer(uint64(info.Size())), func(ctx context.Context) error { return r.q.results(j).put(ctx, j.ID, file.Name()) })
}

// task is what a job has in common with others.
func (r *run) task(ctx context.Context, name string) (*queue.Task, error) {
	if t := r.tasks[name]; t != nil {
		return t, nil
	}
	var t queue.Task
	err := r.q.again(ctx, "fetch task", briefly, func(ctx context.Context) error {
		raw, err := r.q.in.GetBytes(ctx, name)
		if err == nil {
			err = json.NewDecoder(bytes.NewReader(raw)).Decode(&t)
		}
		return err
	})
	if err == nil && t.Version != queue.Version {
		err = fmt.Errorf("task %s: %w", name, queue.ErrVersion)
	}
	if err != nil {
		return nil, err
	}
	if len(r.tasks) > 100 {
		clear(r.tasks)
	}
	r.tasks[name] = &t
	return &t, nil
}

// Download writes an uploaded file to where it is not yet.
func (q *Queue) Download(ctx context.Context, name, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	part := path + ".part"
	is, err := q.get(ctx, "download", q.in, name, part)
	if err == nil && !is {
		err = fmt.Errorf("download: what was uploaded as %s is not there any more (submit it again)", name)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return os.Rename(part, path)
}

func (r *run) acknowledge(ctx context.Context, m jetstream.Msg, j queue.Job) {
	err := r.q.again(ctx, "acknowledge", briefly, m.DoubleAck)
	if err != nil { // it comes again, and its result is there
		r.q.o.Log.Debug("a job that is done could not be acknowledged", "job", j.ID, "why", err)
		return
	}
	r.q.nc.Publish(doneSubject+j.ID, nil)
}

// failed counts a failure, and gives the job back or makes it a dead letter.
func (r *run) failed(ctx context.Context, m jetstream.Msg, j queue.Job, why error) {
	f := Failure{Job: j, Worker: r.state.name(), Says: camera.RedactAll(why.Error()), At: time.Now().UTC()}
	if t := r.tasks[j.Task]; t != nil {
		f.Source = t.Ref.String()
	}
	err := r.q.again(ctx, "report failure", briefly, func(ctx context.Context) error {
		info, err := r.q.fail.Info(ctx, jetstream.WithSubjectFilter(failSubject+j.ID))
		if err != nil {
			return err
		}
		f.Times = int(info.State.Subjects[failSubject+j.ID]) + 1
		return r.publish(ctx, failSubject, f)
	})
	dead := f.Times >= mostFailures || errors.Is(why, queue.ErrDead)
	if err == nil && dead {
		err = r.q.again(ctx, "report dead letter", briefly, func(ctx context.Context) error { return r.publish(ctx, deadSubject, f) })
	}
	if err != nil { // it is known to nobody: the job comes again
		r.q.o.Log.Warn("a job failed", "source", f.Source, "range", j.Range.String(), "why", why, "not told", err)
		m.NakWithDelay(r.q.o.AckWait)
		return
	}
	r.q.o.Log.Warn("a job failed", "source", f.Source, "range", j.Range.String(), "times", f.Times, "of", mostFailures, "why", why)
	if dead {
		m.Term()
		r.q.nc.Publish(doneSubject+j.ID, nil)
		return
	}
	m.NakWithDelay(min(time.Duration(f.Times)*time.Second, r.q.o.AckWait))
}

func (r *run) publish(ctx context.Context, subject string, f Failure) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = r.q.js.Publish(ctx, subject+f.Job.ID, raw)
	return err
}
