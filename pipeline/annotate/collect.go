package annotate

import (
	"cmp"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/track"
)

// Settings say how answers become tracks.
type Settings struct {
	Path      track.PathRules
	Present   float32       // presence from which on an answer says that the thing is there; 0 means 0.5
	CloseGap  time.Duration // a gap in a track up to this long is filled, its boxes on a straight line
	Least     time.Duration // a track shown for less is left out
	Unrelated bool          // pictures that do not belong together: every box is a track of its own
}

// DefaultSettings close what an answer or two missed, and leave out what one answer
// alone saw.
var DefaultSettings = Settings{Path: track.DefaultPathRules, CloseGap: 500 * time.Millisecond, Least: 300 * time.Millisecond}

// candidates are how many boxes of an answer are kept: the right one is among the
// first few or not at all.
const candidates = 4

// An answer is what is kept of a model.Answer, without pointers: a recording has a
// great many.
type answer struct {
	presence float32
	n        uint8
	there    bool
	boxes    [candidates]model.Box
	scores   [candidates]float32
}

// chunk is how many answers lie in one piece of memory.
const chunk = 4096

// A Collector takes the answers to every frame of a recording, in order, and makes
// tracks of them. It belongs to one goroutine.
type Collector struct {
	s       Settings
	v       Video
	answers [][][]answer // by phrase, by chunk
}

// NewCollector makes one for phrases, as answers will name them. One that is given
// twice counts once.
func NewCollector(name, source string, phrases []string, s Settings) *Collector {
	var once []string
	for _, p := range phrases {
		if !slices.Contains(once, p) {
			once = append(once, p)
		}
	}
	phrases = once
	return &Collector{s: s, v: Video{Name: name, Source: source, Phrases: phrases}, answers: make([][][]answer, len(phrases))}
}

// Take keeps the answers to one frame, each under its own phrase; others are nobody's.
func (c *Collector) Take(f *camera.Frame, answers []model.Answer) {
	n := len(c.v.Frames)
	if n == 0 {
		c.v.Width, c.v.Height, c.v.First = f.Width, f.Height, f.PTS
	}
	c.v.Frames = append(c.v.Frames, Frame{At: f.PTS - c.v.First, File: f.File, Width: f.Width, Height: f.Height})
	for i := range c.answers {
		if n%chunk == 0 {
			c.answers[i] = append(c.answers[i], make([]answer, chunk))
		}
	}
	for i := range answers {
		a := &answers[i]
		phrase := slices.Index(c.v.Phrases, a.Phrase)
		if phrase < 0 {
			continue
		}
		kept := c.answer(phrase, n)
		kept.presence, kept.there = a.Presence, a.Present && a.Box().Area() > 0
		for k := range min(len(a.Boxes), len(a.Scores)) {
			box := a.Boxes[k].Clip(f.Width, f.Height)
			if box.Area() > 0 && kept.n < candidates {
				kept.boxes[kept.n], kept.scores[kept.n] = box, a.Scores[k]
				kept.n++
			}
		}
	}
}

func (c *Collector) answer(phrase, frame int) *answer {
	return &c.answers[phrase][frame/chunk][frame%chunk]
}

// sighting is an answer as a path sees it.
func (c *Collector) sighting(phrase, frame int) track.Sighting {
	a := c.answer(phrase, frame)
	return track.Sighting{PTS: c.v.Frames[frame].At, Presence: c.centred(a.presence), Boxes: a.boxes[:a.n], Scores: a.scores[:a.n]}
}

// centred is a presence as it would be where answers are undecided at 0.5: its odds,
// divided by those of Settings.Present.
func (c *Collector) centred(p float32) float32 {
	t := c.s.Present
	if t <= 0 || t >= 1 {
		return p
	}
	there, gone := p*(1-t), (1-p)*t
	return there / max(there+gone, 1e-9)
}

// Video makes tracks of all answers so far.
func (c *Collector) Video() *Video {
	v := c.v
	v.Tracks = nil
	for phrase := range v.Phrases {
		v.Tracks = append(v.Tracks, c.tracks(phrase)...)
	}
	slices.SortStableFunc(v.Tracks, func(a, b Track) int { return cmp.Compare(a.Boxes[0].Frame, b.Boxes[0].Frame) })
	for i := range v.Tracks {
		v.Tracks[i].ID = i + 1
	}
	v.score = func(phrase, frame int) (float32, float32) {
		a := c.answer(phrase, frame)
		if a.n == 0 {
			return 0, 0
		}
		return a.scores[0], a.margin(0)
	}
	return &v
}

// tracks are those of one phrase.
func (c *Collector) tracks(phrase int) []Track {
	var ts []Track
	for frame, k := range c.choices(phrase) {
		if k == track.Hidden {
			continue
		}
		a := c.answer(phrase, frame)
		b := Box{Frame: frame, Box: a.boxes[k], Score: a.scores[k], Margin: a.margin(int(k))}
		if n := len(ts); n == 0 || c.s.Unrelated || !c.continues(&ts[n-1], b) {
			ts = append(ts, Track{Phrase: phrase})
		}
		t := &ts[len(ts)-1]
		t.Boxes = append(t.Boxes, b)
	}
	if c.s.Unrelated {
		return ts
	}
	for i := range ts {
		c.closeGaps(&ts[i])
	}
	return slices.DeleteFunc(ts, func(t Track) bool {
		return c.v.End(t.Boxes[len(t.Boxes)-1].Frame)-c.v.Frames[t.Boxes[0].Frame].At < min(c.s.Least, c.v.Duration())
	})
}

// choices are the numbers of the boxes taken.
func (c *Collector) choices(phrase int) []int8 {
	n := len(c.v.Frames)
	if !c.s.Unrelated {
		return c.s.Path.Path(n, candidates, func(i int) track.Sighting { return c.sighting(phrase, i) })
	}
	path := make([]int8, n)
	for i := range path {
		if !c.answer(phrase, i).there {
			path[i] = track.Hidden
		}
	}
	return path
}

// continues says whether b is the thing that t followed so far.
func (c *Collector) continues(t *Track, b Box) bool {
	last := t.Boxes[len(t.Boxes)-1]
	hidden := time.Duration(0)
	if b.Frame > last.Frame+1 {
		hidden = c.v.Frames[b.Frame].At - c.v.Frames[last.Frame].At
	}
	return c.s.Path.Follows(last.Box, b.Box, hidden)
}

// closeGaps fills short gaps.
func (c *Collector) closeGaps(t *Track) {
	out := t.Boxes[:1:1]
	for _, b := range t.Boxes[1:] {
		a := out[len(out)-1]
		from, long := c.v.Frames[a.Frame].At, c.v.Frames[b.Frame].At-c.v.Frames[a.Frame].At
		for frame := a.Frame + 1; frame < b.Frame && long <= c.s.CloseGap; frame++ {
			share := float32(float64(c.v.Frames[frame].At-from) / float64(long))
			between := func(p, q float32) float32 { return p + share*(q-p) }
			out = append(out, Box{
				Frame: frame, Score: min(a.Score, b.Score), Margin: min(a.Margin, b.Margin),
				Box: model.Box{X1: between(a.X1, b.X1), Y1: between(a.Y1, b.Y1), X2: between(a.X2, b.X2), Y2: between(a.Y2, b.Y2)},
			})
		}
		out = append(out, b)
	}
	t.Boxes = out
}

// margin is how much better box k is than the best other.
func (a *answer) margin(k int) float32 {
	var other float32
	for i, s := range a.scores[:a.n] {
		if i != k {
			other = max(other, s)
		}
	}
	return a.scores[k] - other
}

// Views calls yield for every frame, with a view a phrase. Track counts over all
// phrases, as ID does. What yield is handed is its own until it returns.
func (v *Video) Views(yield func(frame int, views []pipeline.View) error) error {
	next := make([]int, len(v.Tracks)) // box of each track that is not behind us
	views := make([]pipeline.View, len(v.Phrases))
	for frame := range v.Frames {
		for i, p := range v.Phrases {
			views[i] = pipeline.View{Phrase: p, State: pipeline.Absent, Seq: uint64(frame + 1)}
			if v.score != nil {
				views[i].Score, views[i].Margin = v.score(i, frame)
			}
		}
		for i := range v.Tracks {
			t := &v.Tracks[i]
			if next[i] == len(t.Boxes) || t.Boxes[next[i]].Frame != frame {
				continue
			}
			b := t.Boxes[next[i]]
			next[i]++
			w := &views[t.Phrase]
			w.Box, w.Score, w.Margin, w.Track, w.State = b.Box, b.Score, b.Margin, t.ID, track.StateOf(b.Score, b.Margin)
		}
		if err := yield(frame, views); err != nil {
			return err
		}
	}
	return nil
}
