package queue

import (
	"context"
	"io"
)

// A Queue carries jobs to whoever answers them, and their results back. Goroutines may
// share it.
type Queue interface {
	// Upload sends a file to where jobs are answered, under a name of Task.Uploaded.
	Upload(ctx context.Context, name, path string) error
	// Begin tells what the jobs of a recording have in common, before they are submitted.
	Begin(ctx context.Context, t Task) error
	// Submit puts a job into the queue, unless it is there or done already.
	Submit(ctx context.Context, j Job) error
	// Fetch returns a job's result, for NewReader; nil where it is not there yet. Until it
	// is closed it may lie in file. An error that the job failed with is returned, by Fetch
	// or by Close: ErrDead where others answered it.
	Fetch(ctx context.Context, j Job, file string) (io.ReadCloser, error)
	// News is closed when there may be a result that was not there before; nil: there
	// never is.
	News() <-chan struct{}
	// Lost says whether a job is nowhere, so that no result of it will come.
	Lost(ctx context.Context, j Job) (bool, error)
	// Forget removes a task whose results were merged, or are of no use.
	Forget(ctx context.Context, t Task, jobs []Job) error
}
