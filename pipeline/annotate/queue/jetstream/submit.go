package jetstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"deixis/pipeline/annotate/queue"
)

// briefly is how long one answer of a server may take.
const briefly = 10 * time.Second

// transfer is how long an object of so many bytes may take, at a megabyte a second: one that
// was under way when a server ended is tried again after that.
func transfer(size uint64) time.Duration {
	return 2*briefly + time.Duration(size>>20)*time.Second
}

// Upload puts a file into the store, unless it is there already.
func (q *Queue) Upload(ctx context.Context, name, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return q.again(ctx, fmt.Sprintf("upload %q", path), transfer(uint64(info.Size())), func(ctx context.Context) error {
		if has, err := q.in.GetInfo(ctx, name); err == nil && has.Size == uint64(info.Size()) {
			return nil
		}
		return q.putFile(ctx, q.in, name, path)
	})
}

// putFile puts a file into a store whole, or leaves nothing of it.
func (q *Queue) putFile(ctx context.Context, to jetstream.ObjectStore, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return q.put(ctx, to, name, f)
}

func (q *Queue) put(ctx context.Context, to jetstream.ObjectStore, name string, from io.Reader) error {
	_, err := to.Put(ctx, jetstream.ObjectMeta{Name: name}, from)
	if err != nil {
		after, stop := context.WithTimeout(context.WithoutCancel(ctx), briefly)
		defer stop()
		to.Delete(after, name) // what it has of it may lack parts
	}
	return err
}

// Begin puts what the jobs of a recording have in common into the store.
func (q *Queue) Begin(ctx context.Context, t queue.Task) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return q.again(ctx, "submit", briefly, func(ctx context.Context) error { return q.put(ctx, q.in, t.Name(), bytes.NewReader(raw)) })
}

// Submit puts a job into the queue, unless it is there or done already. What is known of
// its failures is forgotten.
func (q *Queue) Submit(ctx context.Context, j queue.Job) error {
	raw, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return q.again(ctx, "submit", briefly, func(ctx context.Context) error {
		if done, err := q.results(j).has(ctx, j.ID); err != nil || done {
			return err
		}
		if _, err := q.fail.GetLastMsgForSubject(ctx, deadSubject+j.ID); err == nil {
			// The job itself may still be there for a moment: its end follows the dead letter,
			// which goes last, so that another try finds what is left to do.
			err = errors.Join(q.jobs.Purge(ctx, jetstream.WithPurgeSubject(jobSubject+j.Class+"."+j.ID)), q.fail.Purge(ctx, jetstream.WithPurgeSubject(failSubject+j.ID)))
			if err == nil {
				err = q.fail.Purge(ctx, jetstream.WithPurgeSubject(deadSubject+j.ID))
			}
			if err != nil {
				return err
			}
		} else if !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
		_, err := q.js.Publish(ctx, jobSubject+j.Class+"."+j.ID, raw)
		if isThere(err) {
			return nil
		}
		return err
	})
}

// Lost says whether a job is nowhere: not in the queue, not done, and no dead letter. So it
// is where somebody else who submitted it has merged its result and forgotten it.
func (q *Queue) Lost(ctx context.Context, j queue.Job) (lost bool, err error) {
	err = q.again(ctx, "look for job", briefly, func(ctx context.Context) error {
		for _, place := range []struct {
			in      jetstream.Stream
			subject string
		}{{q.jobs, jobSubject + j.Class + "." + j.ID}, {q.fail, deadSubject + j.ID}} {
			if _, err := place.in.GetLastMsgForSubject(ctx, place.subject); !errors.Is(err, jetstream.ErrMsgNotFound) {
				return err
			}
		}
		done, err := q.results(j).has(ctx, j.ID) // it was put there before the job was taken out of the queue
		lost = !done
		return err
	})
	return lost && err == nil, err
}

// Fetch returns a job's result, which lies in a file until it is closed; nil where it is not
// there yet. A job that failed too often is queue.ErrDead, with what its last worker said.
func (q *Queue) Fetch(ctx context.Context, j queue.Job, file string) (io.ReadCloser, error) {
	is, err := q.results(j).get(ctx, j.ID, file)
	if err != nil {
		return nil, err
	}
	if is {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		return fetched{f}, nil
	}
	return nil, q.again(ctx, "look for failures", briefly, func(ctx context.Context) error {
		m, err := q.fail.GetLastMsgForSubject(ctx, deadSubject+j.ID)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err == nil {
			var f Failure
			if err = json.Unmarshal(m.Data, &f); err == nil {
				err = fmt.Errorf("%s: %w", f, queue.ErrDead)
			}
		}
		return err
	})
}

// fetched is a file that is removed when it is closed.
type fetched struct{ *os.File }

func (f fetched) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }

// get writes an object into a file; false where there is none.
func (q *Queue) get(ctx context.Context, what string, from jetstream.ObjectStore, name, file string) (is bool, err error) {
	var size uint64
	err = q.again(ctx, what, briefly, func(ctx context.Context) error {
		info, err := from.GetInfo(ctx, name)
		is = err == nil
		if is {
			size = info.Size
		}
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			return nil
		}
		return err
	})
	if err != nil || !is {
		return false, err
	}
	err = q.again(ctx, what, transfer(size), func(ctx context.Context) error {
		err := from.GetFile(ctx, name, file)
		is = !errors.Is(err, jetstream.ErrObjectNotFound) // or it is put there anew, after a try that failed
		if !is {
			return nil
		}
		return err
	})
	return is && err == nil, err
}

// Forget removes a task whose results were merged, or are of no use: its jobs, what is
// known of their failures, their results, and what was uploaded for it.
func (q *Queue) Forget(ctx context.Context, t queue.Task, jobs []queue.Job) error {
	failed, err := q.failed(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		was, err := q.results(j).remove(ctx, j.ID)
		if err != nil {
			return fmt.Errorf("forget results: %w", err)
		}
		var purges []purge
		if !was {
			purges = append(purges, purge{q.jobs, jobSubject + j.Class + "." + j.ID})
		}
		for _, subject := range []string{failSubject + j.ID, deadSubject + j.ID} {
			if failed[subject] > 0 {
				purges = append(purges, purge{q.fail, subject})
			}
		}
		for _, p := range purges {
			if err := q.again(ctx, "forget jobs", briefly, func(ctx context.Context) error {
				return p.of.Purge(ctx, jetstream.WithPurgeSubject(p.subject))
			}); err != nil {
				return err
			}
		}
	}
	for _, name := range append(slices.Clone(t.Uploaded), t.Name()) {
		if _, err := q.remove(ctx, q.in, name); err != nil {
			return err
		}
	}
	return nil
}

// A purge takes a subject out of a stream.
type purge struct {
	of      jetstream.Stream
	subject string
}

// failed is how many messages there are about failures, by subject.
func (q *Queue) failed(ctx context.Context) (all map[string]uint64, err error) {
	err = q.again(ctx, "look for failures", briefly, func(ctx context.Context) error {
		info, err := q.fail.Info(ctx, jetstream.WithSubjectFilter(">"))
		if err == nil {
			all = info.State.Subjects
		}
		return err
	})
	return all, err
}
