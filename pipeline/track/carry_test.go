package track

import (
	"slices"
	"testing"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

func TestNothingToTrack(t *testing.T) {
	flat := &camera.Frame{Seq: 1}
	flat.Resize(320, 240)
	next := &camera.Frame{}
	flat.CopyTo(next)
	next.Seq = 2
	box := model.Box{X1: 100, Y1: 100, X2: 200, Y2: 200}
	var w boxTracker
	for name, tt := range map[string]struct {
		box      model.Box
		from, to *pyramid
	}{
		"plain":          {box, newPyramid(flat), newPyramid(next)},
		"tiny":           {model.Box{X1: 5, Y1: 5, X2: 9, Y2: 9}, newPyramid(flat), newPyramid(next)},
		"outside":        {model.Box{X1: 900, Y1: 900, X2: 999, Y2: 999}, newPyramid(flat), newPyramid(next)},
		"another format": {box, newPyramid(flat), newPyramid(&camera.Frame{Width: 640, Height: 200, Pix: make([]byte, 3*640*200)})},
	} {
		if got, _, ok := w.track(tt.from, tt.to, tt.box, point{}); ok || got != tt.box {
			t.Errorf("%s: tracked to %v", name, got)
		}
	}
	if newPyramid(&camera.Frame{Width: 20, Height: 12, Pix: make([]byte, 720)}) != nil {
		t.Error("a pyramid of a frame too small for one")
	}
	c := Carrier{}
	c.Add(flat)
	c.Add(next)
	vs := []pipeline.View{{Phrase: "a", State: pipeline.Locked, Box: box, Seq: 1}}
	if c.Carry(next, vs); vs[0].Box != box || vs[0].State != pipeline.Locked {
		t.Errorf("what cannot be tracked became %+v", vs[0])
	}
	if c.Carry(next, vs[:0]); len(c.tracks) != 0 {
		t.Errorf("tracks %v of no phrase", c.tracks)
	}
}

func TestPyramids(t *testing.T) {
	var r pyramids
	f := camera.Frame{Width: 32, Height: 24, Pix: make([]byte, 3*32*24)}
	for f.Seq = 10; f.Seq < 210; f.Seq += 2 { // every other frame was dropped
		r.add(newPyramid(&f))
	}
	for name, tt := range map[string]struct {
		from, to uint64
		want     []uint64
	}{
		"next":          {206, 208, []uint64{206, 208}},
		"each":          {200, 208, []uint64{200, 202, 204, 206, 208}},
		"spread":        {180, 206, []uint64{180, 184, 188, 192, 196, 200, 206}},
		"itself":        {208, 208, nil},
		"backwards":     {208, 206, nil},
		"dropped":       {205, 208, nil},
		"forgotten":     {20, 208, nil},
		"not there yet": {206, 300, nil},
	} {
		var got []uint64
		for _, g := range r.between(nil, tt.from, tt.to, maxHops) {
			got = append(got, g.seq)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %d", name, got)
		}
	}
}
