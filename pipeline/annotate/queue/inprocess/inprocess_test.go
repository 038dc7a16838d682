package inprocess

import (
	"context"
	"errors"
	"io"
	"testing"

	"deixis/pipeline/annotate/queue"
)

// submitted is a job of a task that q was told of.
func submitted(t *testing.T, q *Queue) (queue.Task, queue.Job) {
	t.Helper()
	task := queue.Task{Key: "k"}
	j := task.Job(queue.Range{})
	if err := q.Submit(t.Context(), j); err == nil {
		t.Error("a job whose task was not begun is taken")
	}
	if err := errors.Join(q.Begin(t.Context(), task), q.Submit(t.Context(), j)); err != nil {
		t.Fatal(err)
	}
	return task, j
}

func TestQueue(t *testing.T) {
	q := New(func(_ context.Context, t *queue.Task, j queue.Job, to io.Writer) error {
		_, err := io.WriteString(to, t.Key+j.ID)
		return err
	})
	if r, err := q.Fetch(t.Context(), queue.Job{ID: "a"}, ""); r != nil || err != nil {
		t.Errorf("of a job that nobody submitted: %v, %v", r, err)
	}
	task, j := submitted(t, q)
	if lost, _ := q.Lost(t.Context(), j); lost {
		t.Error("it is lost")
	}
	for range 2 { // it may be asked for again
		r, err := q.Fetch(t.Context(), j, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != "k"+j.ID {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := q.Forget(t.Context(), task, []queue.Job{j}); err != nil {
		t.Fatal(err)
	}
	lost, _ := q.Lost(t.Context(), j)
	if r, err := q.Fetch(t.Context(), j, ""); r != nil || err != nil || !lost {
		t.Errorf("of a job that was forgotten: %v, %v", r, err)
	}
}

// TestFails: the error of a job arrives as it is, after what was answered before it.
func TestFails(t *testing.T) {
	broken := errors.New("broken")
	q := New(func(_ context.Context, _ *queue.Task, _ queue.Job, to io.Writer) error {
		_, err := io.WriteString(to, "some")
		return errors.Join(err, broken)
	})
	_, j := submitted(t, q)
	r, err := q.Fetch(t.Context(), j, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if string(got) != "some" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
	if err := r.Close(); !errors.Is(err, broken) {
		t.Errorf("closed: %v", err)
	}
}

// TestStops: whoever closes a result before its end stops its job, at whatever it is.
func TestStops(t *testing.T) {
	for name, do := range map[string]Do{
		"as it answers": func(ctx context.Context, _ *queue.Task, _ queue.Job, _ io.Writer) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"as it writes": func(_ context.Context, _ *queue.Task, _ queue.Job, to io.Writer) (err error) {
			for err == nil {
				_, err = io.WriteString(to, "more")
			}
			return err
		},
	} {
		q := New(do)
		_, j := submitted(t, q)
		r, err := q.Fetch(t.Context(), j, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case <-r.(*result).ended:
		default:
			t.Errorf("%s: it goes on", name)
		}
	}
}
