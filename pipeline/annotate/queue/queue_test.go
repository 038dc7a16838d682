package queue

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"deixis/camera"
	"deixis/pipeline/annotate"
)

func TestCut(t *testing.T) {
	const m = time.Minute
	for name, tt := range map[string]struct {
		long, part time.Duration
		want       []Range
	}{
		"unknown":         {0, m, []Range{{}}},
		"in one":          {5 * m, 0, []Range{{}}},
		"short":           {m, 2 * m, []Range{{}}},
		"even":            {4 * m, 2 * m, []Range{{To: 2 * m}, {From: 2 * m}}},
		"with a rest":     {5 * m, 2 * m, []Range{{To: 2 * m}, {From: 2 * m, To: 4 * m}, {From: 4 * m}}},
		"a little rest":   {4*m + 20*time.Second, 2 * m, []Range{{To: 2 * m}, {From: 2 * m}}},
		"of a nanosecond": {1, m, []Range{{}}},
	} {
		if got := Cut(tt.long, tt.part); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestJobID(t *testing.T) {
	task := Task{Version: Version, Class: Class{Program: "p", BundleSHA256: "b"}, Key: "k", Dir: "/here"}
	one := task.Job(Range{To: time.Minute})
	elsewhere := task
	elsewhere.Dir = "/there"
	if other := elsewhere.Job(Range{To: time.Minute}); other.ID != one.ID || other.Task == one.Task {
		t.Errorf("submitted elsewhere it is %+v, here %+v", other, one)
	}
	ids := map[string]bool{one.ID: true}
	another := task
	another.Key = "l"
	any := task
	any.Class = task.Class.AnyWorker()
	for _, j := range []Job{task.Job(Range{To: time.Minute, Whole: true}), task.Job(Range{}), another.Job(Range{To: time.Minute}), any.Job(Range{To: time.Minute})} {
		if ids[j.ID] {
			t.Errorf("%+v has the ID of another", j)
		}
		ids[j.ID] = true
	}
}

func TestClassDiffers(t *testing.T) {
	is := Class{Program: "p", Bundle: "b", BundleSHA256: "1", Provider: "cpu", Precision: "fp32", Instructions: "avx2", ONNXRuntime: "1", OpenCV: "4"}
	for name, change := range map[string]func(c *Class){
		"bundle": func(c *Class) { c.BundleSHA256 = "2" }, "provider": func(c *Class) { c.Provider = "cuda" }, "instructions": func(c *Class) { c.Instructions = "avx512f" },
	} {
		want := is
		change(&want)
		if is.Differs(want) == "" || is.Name() == want.Name() {
			t.Errorf("another %s is not told", name)
		}
		if says := is.Differs(want.AnyWorker()); (says == "") != (name != "bundle") {
			t.Errorf("another %s, where any worker may answer: %q", name, says)
		}
	}
	if is.Differs(is) != "" {
		t.Error(is.Differs(is))
	}
}

// result is what a worker writes of frames of 40 ms, from one to another.
func result(t *testing.T, id string, before, from, to int, jumped bool) *Reader {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, Job{ID: id})
	at := func(n int) camera.Place { // of frame n, from 1
		return camera.Place{Seq: uint64(n), PTS: time.Duration(n-1) * 40 * time.Millisecond}
	}
	f := camera.Frame{Width: 1, Height: 1, Pix: []byte{0, 0, 0}}
	sum := func(n int) uint32 { f.Pix[0] = byte(n); return f.Checksum() }
	var place camera.Place
	if before > 0 {
		place = at(before)
		place.Sum = sum(before)
	}
	less := uint64(0)
	if jumped { // numbers count from where reading began
		less = uint64(max(0, before-2))
		place.Seq -= less
	}
	if err := w.Begin(Head{Before: place, Jumped: jumped}); err != nil {
		t.Fatal(err)
	}
	for n := from; n <= to; n++ {
		sum(n)
		f.Seq, f.PTS = at(n).Seq-less, at(n).PTS
		if err := w.Add(&f, annotate.Answered{PTS: f.PTS, File: "/worker/v.mp4"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(End{Ended: to == 10}); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&b, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func TestMerge(t *testing.T) {
	var seqs []uint64
	var places []camera.Place
	m := &Merger{Ref: camera.Ref{Kind: camera.File, Path: "v.mp4"}, Keep: func(at camera.Place, a annotate.Answered) error {
		if at.PTS != a.PTS || a.File != "v.mp4" {
			t.Errorf("%+v at %+v", a, at)
		}
		seqs, places = append(seqs, at.Seq), append(places, at)
		return nil
	}}
	if _, err := m.Add(0, result(t, "a", 0, 1, 4, false)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Add(ms(200), result(t, "b", 5, 6, 9, true)); !errors.Is(err, ErrApart) {
		t.Fatalf("a frame lacks: %v", err)
	}
	if _, err := m.Add(ms(160), result(t, "b", 4, 5, 9, true)); err != nil {
		t.Fatal(err)
	}
	end, err := m.Add(ms(360), result(t, "c", 9, 10, 10, true))
	if err != nil || !end.Ended {
		t.Fatal(end, err)
	}
	if want := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(seqs, want) {
		t.Errorf("frames %v", seqs)
	}
	all := places
	for resumed := range 10 { // whatever was kept before
		m.GoOn(camera.Place{})
		if resumed > 0 {
			m.GoOn(all[resumed-1])
		}
		seqs, places = nil, nil
		for _, r := range []struct {
			Range
			before, from, to int
		}{{Range{To: ms(160)}, 0, 1, 4}, {Range{From: ms(160), To: ms(360)}, 4, 5, 9}, {Range{From: ms(360)}, 9, 10, 10}} {
			if m.Has(r.Range) {
				continue
			}
			if _, err := m.Add(r.From, result(t, "r", r.before, r.from, r.to, r.before > 0)); err != nil {
				t.Fatal(err)
			}
		}
		for i, p := range places {
			if w := all[resumed+i]; p.Seq != w.Seq || p.PTS != w.PTS || p.Sum != w.Sum {
				t.Errorf("resumed after %d: %+v, want %+v", resumed, p, w)
			}
		}
		if len(places) != 10-resumed {
			t.Errorf("resumed after %d: %d frames", resumed, len(places))
		}
	}
	m.GoOn(camera.Place{Seq: 6, PTS: ms(200), Sum: 1})
	if _, err := m.Add(ms(160), result(t, "b", 4, 5, 9, true)); !errors.Is(err, camera.ErrChanged) {
		t.Errorf("another picture at that place: %v", err)
	}
}

func TestTornResult(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, Job{ID: "a"})
	f := camera.Frame{Width: 1, Height: 1, Pix: []byte{1, 2, 3}, Seq: 1}
	if err := errors.Join(w.Begin(Head{}), w.Add(&f, annotate.Answered{}), w.Finish(End{Ended: true})); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	for n := range len(whole) {
		r, err := NewReader(bytes.NewReader(whole[:n]), "a")
		if err == nil {
			m := &Merger{Keep: func(camera.Place, annotate.Answered) error { return nil }}
			_, err = m.Add(0, r)
		}
		if err == nil {
			t.Fatalf("%d of %d bytes are taken for a result", n, len(whole))
		}
	}
	if _, err := NewReader(bytes.NewReader(whole), "b"); !errors.Is(err, ErrVersion) {
		t.Errorf("the result of another job: %v", err)
	}
}

// TestSumEvery: of frames after which no run goes on no checksum is made, and the results
// merge all the same.
func TestSumEvery(t *testing.T) {
	f := camera.Frame{Width: 1, Height: 1, Pix: []byte{1, 2, 3}}
	for every, want := range map[int][]bool{0: {true, true, true, true, true}, 2: {false, true, false, true, false}, 9: {false, false, false, false, false}} {
		var b bytes.Buffer
		w := NewWriter(&b, Job{ID: "a", SumEvery: every})
		if err := w.Begin(Head{}); err != nil {
			t.Fatal(err)
		}
		for n := range want {
			f.Seq, f.PTS = uint64(n+1), ms(40*n)
			if err := w.Add(&f, annotate.Answered{PTS: f.PTS}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finish(End{Ended: true}); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(&b, "a")
		if err != nil {
			t.Fatal(err)
		}
		var got []bool
		m := &Merger{Ref: camera.Ref{Kind: camera.File, Path: "v.mp4"}, Keep: func(at camera.Place, _ annotate.Answered) error {
			got = append(got, at.Sum == f.Checksum())
			return nil
		}}
		if _, err := m.Add(0, r); err != nil || !slices.Equal(got, want) {
			t.Errorf("every %d: checksums %v, want %v (%v)", every, got, want, err)
		}
	}
}
