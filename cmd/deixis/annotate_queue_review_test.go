package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"deixis/cmd/deixis/internal/app"
)

// TestQueueReview: a page to judge on, and what was judged there, are the same whoever
// answers; answers that were kept are not asked for again.
func TestQueueReview(t *testing.T) {
	noDesktop(t)
	patient(t)
	b := network(t)
	s := natsServer(t, &server.Options{JetStream: true})
	absolute := func(path string) string {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	video, bundle, phrase := filepath.Join(t.TempDir(), "street.mp4"), absolute(b.Dir), "person in the red jacket"
	filmed(t, video, "-t 3 -i ../../assets/demo.mp4 -vf scale=384:288 -c:v mpeg4 -q:v 3")
	args := []string{"annotate", video, "-p", phrase, "--fps", "2", "--format", "jsonl,cvat", "--out", "out", "--review", "out/review.html", "--bundle", bundle, "--threads", "1", "--log-level", "error"}
	var single, fixed map[string]string
	judged := func() string {
		line, err := json.Marshal(map[string]any{"image": "a.jpg", "phrase": phrase, "box": []int{50, 50, 150, 250}, "file": video, "frame": 10, "span": []float64{0, 3}})
		if err != nil {
			t.Fatal(err)
		}
		return written(t, "refs.jsonl", string(line)+"\n")
	}()
	fixes := []string{"--over", "--fixes", judged}

	t.Chdir(t.TempDir())
	must(t, args...)
	single = tree(t, "out")
	if !strings.Contains(single["review.html"], phrase) {
		t.Fatal("there is nothing to judge")
	}
	must(t, append(args, fixes...)...)
	if fixed = tree(t, "out"); fixed["street.jsonl"] == single["street.jsonl"] {
		t.Fatal("what was judged changes nothing")
	}

	t.Chdir(t.TempDir())
	args = append(args, "--submit", s.ClientURL(), "--part", "1s")
	worker := startProcess(t, "worker", s.ClientURL(), "--bundle", bundle, "--threads", "1")
	must(t, append(args, "--detach")...)
	if _, err := os.Stat("out/review.html"); err == nil {
		t.Error("a page of nothing")
	}
	must(t, args...)
	sameTree(t, tree(t, "out"), single)
	worker.kill()
	must(t, append(args, fixes...)...) // no worker is needed
	sameTree(t, tree(t, "out"), fixed)
}

// TestQueueMistakes: a mistake in a command with --over costs no results, and an input
// that was touched is not answered again.
func TestQueueMistakes(t *testing.T) {
	noDesktop(t)
	patient(t)
	b := network(t)
	s := natsServer(t, &server.Options{JetStream: true})
	video := clip(t, filepath.Join(t.TempDir(), "a.mp4"), "6")
	out := t.TempDir()
	args := []string{"annotate", video, "-p", "x", "--format", "jsonl,csv", "--bundle", b.Dir, "--threads", "1", "--log-level", "error", "--out", out}
	must(t, args...)
	before := tree(t, out)
	code, _, errs := deixis(t, append(args, "--over", "--format", "csv", "--submit", "nats://127.0.0.1:1")...)
	if code != app.ExitFailed || !strings.Contains(errs, "is nats-server running there?") {
		t.Errorf("code %d, %s", code, errs)
	}
	sameTree(t, tree(t, out), before)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(video, later, later); err != nil {
		t.Fatal(err)
	}
	must(t, append(args, "--submit", s.ClientURL())...)
	var has struct{ Waiting, Working int }
	if err := json.Unmarshal([]byte(must(t, "queue", s.ClientURL(), "--json")), &has); err != nil || has.Waiting+has.Working > 0 {
		t.Errorf("jobs of what is done: %+v, %v", has, err)
	}
}
