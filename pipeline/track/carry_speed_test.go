package track

import (
	"testing"

	"deixis/model"
	"deixis/pipeline"
)

// A source may drop frames: where the thing is looked for next follows from its
// speed a frame and from how many frames went by.
func TestCarryOverDroppedFrames(t *testing.T) {
	var c Carrier
	const dx, dy, size = 9.0, 6.0, 80.0
	place := func(seq uint64) model.Box {
		return square(10+dx*float64(seq-1), 4+dy*float64(seq-1), size)
	}
	for _, seq := range []uint64{1, 2, 7, 8, 13} {
		b := place(seq)
		f := textured(seq, float64(b.X1), float64(b.Y1), size)
		c.Add(f)
		views := at(1, place(1))
		if c.Carry(f, views); seq > 1 && views[0].Box.IoU(place(seq)) < 0.9 {
			t.Errorf("frame %d: %v, the thing is at %v", seq, views[0].Box, place(seq))
		}
	}
}

// A thing that turns round is looked for where it is, too.
func TestCarryOfAThingThatTurns(t *testing.T) {
	var c Carrier
	x := 60.0
	for seq, by := range []float64{0, 10, 10, 10, -10, -10} {
		x += by
		f := textured(uint64(seq+1), x, 80, 80)
		c.Add(f)
		views := at(1, square(60, 80, 80))
		if c.Carry(f, views); seq > 0 && views[0].Box.IoU(square(x, 80, 80)) < 0.9 {
			t.Errorf("frame %d: %v, the thing is at %v", seq+1, views[0].Box, square(x, 80, 80))
		}
	}
}

// A box goes on from frame to frame, long after the frame answered was forgotten.
func TestCarryOutlivesTheFrameAnswered(t *testing.T) {
	var c Carrier
	x := func(seq uint64) float64 { return 40 + float64(seq-1) }
	var views []pipeline.View
	for seq := uint64(1); seq <= remembered+10; seq++ {
		f := textured(seq, x(seq), 80, 80)
		c.Add(f)
		views = at(1, square(40, 80, 80))
		c.Carry(f, views)
	}
	if want := square(x(remembered+10), 80, 80); views[0].Box.IoU(want) < 0.9 {
		t.Errorf("at %v, want %v", views[0].Box, want)
	}
}

// A thing that cannot be tracked costs optical flow for some frames, and then none.
func TestCarryGivesUp(t *testing.T) {
	var c Carrier
	c.Add(textured(1, 120, 80, 80))
	for seq := uint64(2); seq <= 4+maxMisses; seq++ {
		f := textured(seq, -500, -500, 80) // the thing is out of sight, in the same scene
		c.Add(f)
		c.Carry(f, at(1, square(120, 80, 80)))
	}
	for phrase, track := range c.tracks {
		if track.misses != maxMisses {
			t.Errorf("%s: %d frames were tried, not %d", phrase, track.misses, maxMisses)
		}
	}
	if len(c.tracks) != 1 {
		t.Errorf("tracks %v of one phrase", c.tracks)
	}
}

// Nobody asks a phrase any more: its track goes, and those of the others stay.
func TestCarryForgetsPhrases(t *testing.T) {
	var c Carrier
	f := textured(1, 120, 80, 80)
	c.Add(f)
	next := textured(2, 124, 80, 80)
	c.Add(next)
	view := func(phrase string, seq uint64) pipeline.View {
		return pipeline.View{Phrase: phrase, State: pipeline.Locked, Box: square(120, 80, 80), Seq: seq}
	}
	c.Carry(next, []pipeline.View{view("a", 1), view("b", 1)})
	if len(c.tracks) != 2 {
		t.Fatalf("%d tracks of two phrases", len(c.tracks))
	}
	c.Carry(next, []pipeline.View{view("b", 1)})
	if len(c.tracks) != 1 || c.tracks["b"] == nil {
		t.Errorf("tracks %v of phrase b", c.tracks)
	}
	c.Carry(next, []pipeline.View{view("b", 2)}) // an answer on the very frame needs none
	if len(c.tracks) != 0 {
		t.Errorf("tracks %v of an answer on the frame shown", c.tracks)
	}
}
