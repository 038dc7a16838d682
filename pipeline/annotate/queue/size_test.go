package queue

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline/annotate"
)

// TestResultSize prints what a frame takes in a result, with four boxes to each phrase.
func TestResultSize(t *testing.T) {
	for _, phrases := range []int{1, 4, 10} {
		var b bytes.Buffer
		w := NewWriter(&b, Job{ID: "a"})
		if err := w.Begin(Head{}); err != nil {
			t.Fatal(err)
		}
		f := camera.Frame{Width: 1, Height: 1, Pix: []byte{0, 0, 0}}
		const frames = 3000
		for n := range frames {
			f.Seq = uint64(n + 1)
			a := annotate.Answered{PTS: ms(40 * n), File: "videos/monday.mp4", Width: 1920, Height: 1080, Asked: true, Said: make([]annotate.Said, phrases)}
			for i := range a.Said {
				s := &a.Said[i]
				s.N, s.There, s.Presence = annotate.Candidates, true, rand.Float32()
				for k := range s.Boxes {
					s.Boxes[k], s.Scores[k] = model.Box{X1: rand.Float32(), Y1: rand.Float32(), X2: rand.Float32(), Y2: rand.Float32()}, rand.Float32()
				}
			}
			if err := w.Add(&f, a); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finish(End{}); err != nil {
			t.Fatal(err)
		}
		each := b.Len() / frames
		t.Logf("%d phrases: %d bytes a frame", phrases, each)
		// Twenty numbers of 4 bytes a phrase: gob writes 5 to 9 bytes for each.
		if most := 60 + phrases*21*9; each > most {
			t.Errorf("%d phrases: %d bytes a frame, more than %d", phrases, each, most)
		}
	}
}
