// Package inprocess carries jobs and results within one process, where the machine that
// submits a job answers it, too.
package inprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"deixis/pipeline/annotate/queue"
)

// Do answers a job of a task, and writes its result (queue.Writer).
type Do func(ctx context.Context, t *queue.Task, j queue.Job, to io.Writer) error

// Queue is a queue.Queue. A job is answered while its result is read, so that nothing is
// answered before somebody takes it, and a run that is killed has all but the newest frames.
type Queue struct {
	do Do

	mu    sync.Mutex
	tasks map[string]queue.Task // by name
	jobs  map[string]bool       // by ID: submitted, and not forgotten
}

// New makes one whose jobs are answered by do.
func New(do Do) *Queue {
	return &Queue{do: do, tasks: map[string]queue.Task{}, jobs: map[string]bool{}}
}

// Upload has nothing to do: files are read where they lie.
func (q *Queue) Upload(context.Context, string, string) error { return nil }

// Begin takes what the jobs of a recording have in common.
func (q *Queue) Begin(_ context.Context, t queue.Task) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks[t.Name()] = t
	return nil
}

// Submit takes a job whose task was begun.
func (q *Queue) Submit(_ context.Context, j queue.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.tasks[j.Task]; !ok {
		return fmt.Errorf("submit job %s: its task was not begun", j.ID)
	}
	q.jobs[j.ID] = true
	return nil
}

// Lost says whether a job was never submitted, or forgotten.
func (q *Queue) Lost(_ context.Context, j queue.Job) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.jobs[j.ID], nil
}

// News is never closed: a result is there from when its job is submitted.
func (q *Queue) News() <-chan struct{} { return nil }

// Fetch begins to answer a job, and returns its result as it comes; nil where it was not
// submitted. Closing it stops what is not done yet, waits for it, and returns the error
// that the job failed with.
func (q *Queue) Fetch(ctx context.Context, j queue.Job, _ string) (io.ReadCloser, error) {
	q.mu.Lock()
	t, is := q.tasks[j.Task], q.jobs[j.ID]
	q.mu.Unlock()
	if !is {
		return nil, nil
	}
	ctx, stop := context.WithCancel(ctx)
	from, to := io.Pipe()
	r := &result{PipeReader: from, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = q.do(ctx, &t, j, to)
		to.CloseWithError(r.err) // nil is io.EOF
	}()
	return r, nil
}

// Forget removes a task and its jobs.
func (q *Queue) Forget(_ context.Context, t queue.Task, jobs []queue.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.tasks, t.Name())
	for _, j := range jobs {
		delete(q.jobs, j.ID)
	}
	return nil
}

// A result is that of a job that is being answered.
type result struct {
	*io.PipeReader
	stop  context.CancelFunc
	ended chan struct{}
	err   error // of the job, once it ended
}

func (r *result) Close() error {
	r.stop()
	r.PipeReader.Close()
	<-r.ended
	if errors.Is(r.err, context.Canceled) || errors.Is(r.err, io.ErrClosedPipe) {
		return nil
	}
	return r.err
}
