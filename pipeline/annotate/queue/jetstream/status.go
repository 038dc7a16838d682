package jetstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"deixis/pipeline/annotate/queue"
)

// WorkerState is what a worker says of itself.
type WorkerState struct {
	Name   string      `json:"name"`
	Class  queue.Class `json:"class"`
	Since  time.Time   `json:"since"`
	Jobs   int         `json:"jobs"`
	Failed int         `json:"failed"`
	Frames int         `json:"frames"`
	FPS    float64     `json:"fps"` // frames a second of work
	Source string      `json:"source,omitempty"`
	Range  string      `json:"range,omitempty"` // of the job at hand; "": it waits
}

// state is the WorkerState of this process. Goroutines share it.
type state struct {
	mu     sync.Mutex
	w      WorkerState
	begin  time.Time // of the job at hand
	worked time.Duration
	change chan struct{}
}

func newState(c queue.Class) *state {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return &state{w: WorkerState{Name: fmt.Sprintf("%s-%d-%s", host, os.Getpid(), nuid.Next()[18:]), Class: c, Since: time.Now().UTC()}, change: make(chan struct{}, 1)}
}

func (s *state) name() string { return s.w.Name }

func (s *state) begun(source string, r queue.Range) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Source, s.w.Range, s.begin = source, r.String(), time.Now()
	s.changed()
}

func (s *state) ended(frames int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begin.IsZero() {
		s.worked += time.Since(s.begin)
	}
	s.w.Source, s.w.Range, s.begin = "", "", time.Time{}
	s.w.Frames += frames
	if err != nil {
		s.w.Failed++
	} else {
		s.w.Jobs++
	}
	if s.worked > 0 {
		s.w.FPS = float64(s.w.Frames) / s.worked.Seconds()
	}
	s.changed()
}

func (s *state) changed() {
	select {
	case s.change <- struct{}{}:
	default:
	}
}

// tell keeps what the worker says of itself, until ctx ends or stop is called.
func (r *run) tell(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	key := strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '-'
	}, r.state.name())
	put := func() {
		r.state.mu.Lock()
		raw, err := json.Marshal(r.state.w)
		r.state.mu.Unlock()
		if err == nil {
			once, stop := context.WithTimeout(ctx, briefly)
			defer stop()
			r.q.live.Put(once, key, raw) // where it is lost, the next one tells more
		}
	}
	go func() {
		defer close(gone)
		tick := time.NewTicker(workerAlive / 4)
		defer tick.Stop()
		for {
			put()
			select {
			case <-ctx.Done():
				after, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				defer stop()
				if r.q.nc.IsConnected() {
					r.q.live.Purge(after, key)
				}
				return
			case <-tick.C:
			case <-r.state.change:
			}
		}
	}()
	return func() { cancel(); <-gone }
}

// Status is what there is in a queue.
type Status struct {
	Waiting int           `json:"waiting"` // jobs that nobody has
	Working int           `json:"working"` // jobs that a worker has
	Classes []ClassStatus `json:"classes"`
	Workers []WorkerState `json:"workers"`
	Results int           `json:"results"` // done, and not merged yet
	Failed  int           `json:"failed"`  // failures
	Dead    []Failure     `json:"dead"`
}

// ClassStatus is what waits for workers of one class.
type ClassStatus struct {
	Class string `json:"class"` // queue.Class.Name
	Jobs  int    `json:"jobs"`
	Takes int    `json:"workers"` // how many workers take them
}

// Status asks the server what there is.
func (q *Queue) Status(ctx context.Context) (s Status, err error) {
	err = q.again(ctx, "look into queue", briefly, func(ctx context.Context) (err error) {
		s, err = q.status(ctx)
		return err
	})
	return s, err
}

func (q *Queue) status(ctx context.Context) (Status, error) {
	s := Status{Classes: []ClassStatus{}, Workers: []WorkerState{}, Dead: []Failure{}}
	var err error
	if s.Workers, err = q.workers(ctx); err != nil {
		return s, err
	}
	jobs, err := q.waiting(ctx)
	if err != nil {
		return s, err
	}
	for class, n := range jobs {
		one := ClassStatus{Class: class, Jobs: n}
		for _, w := range s.Workers {
			if w.Class.Name() == class || w.Class.AnyWorker().Name() == class {
				one.Takes++
			}
		}
		s.Classes = append(s.Classes, one)
		s.Waiting += n
	}
	slices.SortFunc(s.Classes, func(a, b ClassStatus) int { return cmp.Compare(a.Class, b.Class) })
	consumers := q.jobs.ListConsumers(ctx)
	for c := range consumers.Info() {
		s.Working += c.NumAckPending
	}
	if err := consumers.Err(); err != nil {
		return s, err
	}
	s.Waiting -= s.Working
	results, err := q.out.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return s, err
	}
	s.Results = len(results)
	return s, q.dead(ctx, &s)
}

// waiting is how many jobs there are, by class.
func (q *Queue) waiting(ctx context.Context) (map[string]int, error) {
	info, err := q.jobs.Info(ctx, jetstream.WithSubjectFilter(jobSubject+">"))
	if err != nil {
		return nil, err
	}
	jobs := map[string]int{}
	for subject, n := range info.State.Subjects {
		class, _, _ := strings.Cut(strings.TrimPrefix(subject, jobSubject), ".")
		jobs[class] += int(n)
	}
	return jobs, nil
}

// Takers are how many workers of late take jobs of a class, and how many there are in all.
func (q *Queue) Takers(ctx context.Context, class queue.Class) (takes, all int, err error) {
	err = q.again(ctx, "look for workers", briefly, func(ctx context.Context) error {
		ws, err := q.workers(ctx)
		takes, all = 0, len(ws)
		for _, w := range ws {
			if w.Class.Differs(class) == "" {
				takes++
			}
		}
		return err
	})
	return takes, all, err
}

// workers are those that said something of late.
func (q *Queue) workers(ctx context.Context) ([]WorkerState, error) {
	all := []WorkerState{}
	names, err := q.live.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return all, nil
	}
	for _, name := range names {
		var w WorkerState
		e, err := q.live.Get(ctx, name)
		if err == nil && json.Unmarshal(e.Value(), &w) == nil {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b WorkerState) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

func (q *Queue) dead(ctx context.Context, s *Status) error {
	info, err := q.fail.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return err
	}
	for subject, n := range info.State.Subjects {
		if strings.HasPrefix(subject, failSubject) {
			s.Failed += int(n)
			continue
		}
		m, err := q.fail.GetLastMsgForSubject(ctx, subject)
		if err != nil {
			continue // somebody submitted it again
		}
		var f Failure
		if json.Unmarshal(m.Data, &f) == nil {
			s.Dead = append(s.Dead, f)
		}
	}
	slices.SortFunc(s.Dead, func(a, b Failure) int { return a.At.Compare(b.At) })
	return nil
}

// lookAround is how often a worker without a job looks for jobs that it does not take.
const lookAround = time.Minute

// strangers tells now and then of jobs that wait for others than this worker.
func (r *run) strangers(ctx context.Context) {
	if time.Since(r.looked) < lookAround {
		return
	}
	r.looked = time.Now()
	ctx, stop := context.WithTimeout(ctx, briefly)
	defer stop()
	jobs, err := r.q.waiting(ctx)
	for class, n := range jobs {
		if err != nil || slices.Contains(r.classes, class) {
			continue
		}
		if t := r.q.taskOf(ctx, class); t != nil {
			r.q.o.Log.Warn("jobs wait that this worker does not take: its answers would not be the same bytes (--any-worker of annotate allows it, where the bundle is the same)", "jobs", n, "this worker has", r.w.Class.Differs(t.Class))
		}
	}
}

// taskOf is that of some job that waits for a class; nil where there is none any more.
func (q *Queue) taskOf(ctx context.Context, class string) *queue.Task {
	var t queue.Task
	var j queue.Job
	m, err := q.jobs.GetLastMsgForSubject(ctx, jobSubject+class+".*")
	if err == nil {
		err = json.Unmarshal(m.Data, &j)
	}
	if err != nil {
		return nil
	}
	raw, err := q.in.GetBytes(ctx, j.Task)
	if err != nil || json.Unmarshal(raw, &t) != nil {
		return nil
	}
	return &t
}
