package jetstream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/natsconn"
)

// objects are the names of what a store holds.
func objects(t *testing.T, of jetstream.ObjectStore) (names []string) {
	t.Helper()
	all, err := of.List(t.Context())
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		t.Fatal(err)
	}
	for _, o := range all {
		names = append(names, o.Name)
	}
	return names
}

// TestForget: of what was merged nothing is left on the server, nor of what failed.
func TestForget(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	file := filepath.Join(t.TempDir(), "v.mp4")
	if err := os.WriteFile(file, []byte("a video"), 0o644); err != nil {
		t.Fatal(err)
	}
	task := taskOf("k")
	task.Uploaded = []string{"k-0"}
	if err := q.Upload(t.Context(), "k-0", file); err != nil {
		t.Fatal(err)
	}
	jobs := submittedOf(t, q, task, 4)
	var tried tally
	stop := hands(t, s.ClientURL(), 2, patient, func(_ context.Context, j queue.Job) error {
		if n := tried.add(j); j.ID == jobs[0].ID && n == 1 || j.ID == jobs[1].ID {
			return errors.New("no luck")
		}
		return nil
	})
	allFetched(t, q, []queue.Job{jobs[0], jobs[2], jobs[3]})
	if _, err := resultOf(t, q, jobs[1]); !errors.Is(err, queue.ErrDead) {
		t.Fatal(err)
	}
	stop()
	other := submitted(t, q, "l", 1)
	if err := q.Forget(t.Context(), task, jobs); err != nil {
		t.Fatal(err)
	}
	if in, out := objects(t, q.in), objects(t, q.out); len(in) != 1 || len(out) != 0 { // the task of the other
		t.Errorf("the stores still have %q and %q", in, out)
	}
	if s, err := q.Status(t.Context()); err != nil || s.Waiting != len(other) || s.Working+s.Failed+len(s.Dead) != 0 {
		t.Errorf("status %+v, %v", s, err)
	}
}

// TestLost: a job that somebody else has merged and forgotten is known to be nowhere.
func TestLost(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	j := submitted(t, q, "k", 1)[0]
	is := func(want bool, when string) {
		t.Helper()
		if lost, err := q.Lost(t.Context(), j); err != nil || lost != want {
			t.Errorf("%s: lost %v, %v", when, lost, err)
		}
	}
	is(false, "as it waits")
	hands(t, s.ClientURL(), 1, patient, func(context.Context, queue.Job) error { return nil })
	allFetched(t, q, []queue.Job{j})
	empty(t, q)
	is(false, "when it is done")
	if err := q.Forget(t.Context(), taskOf("k"), []queue.Job{j}); err != nil {
		t.Fatal(err)
	}
	is(true, "when it is forgotten")
}

// TestSharedFolder: results go into a folder that all share, and the server gets none.
func TestSharedFolder(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	task := taskOf("k")
	task.Folder = t.TempDir()
	jobs := submittedOf(t, q, task, 5)
	unfinished := filepath.Join(task.Folder, "."+jobs[0].ID+"123") // of a worker that was killed
	if err := os.WriteFile(unfinished, []byte("answ"), 0o644); err != nil {
		t.Fatal(err)
	}
	hands(t, s.ClientURL(), 2, patient, func(context.Context, queue.Job) error { return nil })
	allFetched(t, q, jobs)
	if names := objects(t, q.out); len(names) > 0 {
		t.Errorf("the server has %q", names)
	}
	if err := q.Forget(t.Context(), task, jobs); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(task.Folder); err != nil || len(left) > 0 {
		t.Errorf("the folder still has %v, %v", left, err)
	}
	if err := os.Remove(task.Folder); err != nil {
		t.Fatal(err)
	}
	if err := q.Submit(t.Context(), jobs[0]); !oneLine(err) || !strings.Contains(err.Error(), "not on this machine") {
		t.Errorf("without the folder: %v", err)
	}
}

// TestFolderNotShared: a worker that does not see the folder says so in its failures.
func TestFolderNotShared(t *testing.T) {
	s := serve(t, t.TempDir(), -1)
	q := dial(t, Options{Options: natsconn.Options{URL: s.ClientURL()}})
	task := taskOf("k")
	task.Folder = filepath.Join(t.TempDir(), "here")
	if err := os.Mkdir(task.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	j := submittedOf(t, q, task, 1)[0]
	away := task.Folder + ".away"
	if err := os.Rename(task.Folder, away); err != nil { // as on another machine
		t.Fatal(err)
	}
	failed := make(chan struct{}, mostFailures)
	sub, err := q.nc.Subscribe(doneSubject+j.ID, func(*nats.Msg) { failed <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := q.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	hands(t, s.ClientURL(), 1, patient, func(context.Context, queue.Job) error { return nil })
	<-failed
	if err := os.Rename(away, task.Folder); err != nil {
		t.Fatal(err)
	}
	if _, err := resultOf(t, q, j); !errors.Is(err, queue.ErrDead) || !oneLine(err) || !strings.Contains(err.Error(), "results folder") {
		t.Errorf("%v", err)
	}
}
