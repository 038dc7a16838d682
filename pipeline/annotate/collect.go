package annotate

import (
	"cmp"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline/track"
)

// Settings say how answers become tracks.
type Settings struct {
	Path      track.PathRules
	Present   float32       // presence from which on an answer says that the thing is there; 0 means 0.5
	CloseGap  time.Duration // a gap in a track up to this long is filled, its boxes on a straight line
	Least     time.Duration // a track shown for less is left out
	Pictures  bool          // frames are pictures with files of their own
	Fixes     []Fix         // what somebody saw
	Unrelated bool          // pictures that do not belong together: every box is a track of its own
}

// DefaultSettings close what an answer or two missed, and leave out what one answer
// alone saw.
var DefaultSettings = Settings{Path: track.DefaultPathRules, CloseGap: 500 * time.Millisecond, Least: 300 * time.Millisecond}

// A Collector takes the answers to every frame of a recording, in order, and makes
// tracks of them. It belongs to one goroutine.
type Collector struct {
	s       Settings
	v       Video
	kept    Store
	finders []*track.PathFinder // by phrase; nil where pictures are unrelated
}

// NewCollector makes one for phrases, as answers will name them. One that is given
// twice counts once. What was answered is kept in kept; nil means a Memory.
func NewCollector(name, source string, phrases []string, s Settings, kept Store) *Collector {
	var once []string
	for _, p := range phrases {
		if !slices.Contains(once, p) {
			once = append(once, p)
		}
	}
	if kept == nil {
		kept = &Memory{}
	}
	c := &Collector{s: s, kept: kept, v: Video{Name: name, Source: source, Phrases: once}}
	for range once {
		if !s.Unrelated {
			c.finders = append(c.finders, s.Path.Finder(Candidates))
		}
	}
	return c
}

// Take keeps the answers to one frame, each under its own phrase. None at all means
// that the frame was passed over.
func (c *Collector) Take(f *camera.Frame, answers []model.Answer) error {
	a := AnsweredOf(f, c.v.Phrases, answers)
	if err := c.kept.Add(f, a); err != nil {
		return err
	}
	c.Again(a)
	return nil
}

// Again takes what the store holds already, in order, before any other frame.
func (c *Collector) Again(a Answered) {
	if len(c.v.Frames) == 0 {
		c.v.Width, c.v.Height, c.v.First = a.Width, a.Height, a.PTS
	}
	if !c.s.Pictures {
		c.v.File, a.File = a.File, ""
	}
	at := a.PTS - c.v.First
	c.v.Frames = append(c.v.Frames, Frame{At: at, File: a.File, Width: a.Width, Height: a.Height, Asked: a.Asked})
	for i := range a.Said {
		if c.finders == nil {
			break
		}
		said, certain := c.fixed(len(c.v.Frames)-1, i, a.Said[i])
		c.finders[i].Add(track.Sighting{
			PTS: at, Presence: c.centred(said.Presence), Boxes: said.Boxes[:said.N], Scores: said.Scores[:said.N],
			Certain: certain, Stay: c.stays(at, i),
		})
	}
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

// Video makes tracks of all answers so far. Its errors are the store's.
func (c *Collector) Video() (*Video, error) {
	v := c.v
	v.Tracks, v.scores = nil, make([][]Score, len(v.Phrases))
	paths := make([][]int8, len(v.Phrases))
	for i := range c.finders {
		paths[i] = c.finders[i].Path()
	}
	byPhrase := make([][]Track, len(v.Phrases))
	frame, asked := 0, 0
	for a, err := range c.kept.All() {
		if err != nil {
			return nil, err
		}
		for phrase := range v.Phrases {
			v.scores[phrase] = append(v.scores[phrase], Score{})
			if !a.Asked {
				continue
			}
			said, _ := c.fixed(frame, phrase, a.Said[phrase])
			if said.N > 0 {
				v.scores[phrase][frame] = Score{said.Scores[0], said.margin(0)}
			}
			k := int8(track.Hidden)
			switch {
			case c.finders != nil:
				k = paths[phrase][asked]
			case said.There && said.N > 0:
				k = 0
			}
			if k != track.Hidden {
				byPhrase[phrase] = c.add(byPhrase[phrase], phrase, Box{Frame: frame, Box: said.Boxes[k], Score: said.Scores[k], Margin: said.margin(int(k))})
			}
		}
		if a.Asked {
			asked++
		}
		frame++
	}
	for _, ts := range byPhrase {
		v.Tracks = append(v.Tracks, c.finished(ts)...)
	}
	slices.SortStableFunc(v.Tracks, func(a, b Track) int { return cmp.Compare(a.Boxes[0].Frame, b.Boxes[0].Frame) })
	for i := range v.Tracks {
		v.Tracks[i].ID = i + 1
	}
	return &v, nil
}

// add adds b to the newest track of a phrase, or to a new one.
func (c *Collector) add(ts []Track, phrase int, b Box) []Track {
	if n := len(ts); n == 0 || c.s.Unrelated || !c.continues(&ts[n-1], b) {
		ts = append(ts, Track{Phrase: phrase})
	}
	t := &ts[len(ts)-1]
	t.Boxes = append(t.Boxes, b)
	return ts
}

// finished closes gaps, and leaves out what is too short.
func (c *Collector) finished(ts []Track) []Track {
	if c.s.Unrelated {
		return ts
	}
	for i := range ts {
		c.closeGaps(&ts[i])
	}
	return slices.DeleteFunc(ts, func(t Track) bool {
		long := c.v.End(t.Boxes[len(t.Boxes)-1].Frame) - c.v.Frames[t.Boxes[0].Frame].At
		return long < min(c.s.Least, c.v.Duration()) && !c.drawn(&t)
	})
}

// sparse is how far apart two answers are that need not overlap to be of the same thing:
// what moves may have gone its own width.
const sparse = 200 * time.Millisecond

// continues says whether b is the thing that t followed so far.
func (c *Collector) continues(t *Track, b Box) bool {
	last := t.Boxes[len(t.Boxes)-1]
	hidden := c.v.Frames[b.Frame].At - c.v.Frames[last.Frame].At
	if hidden < sparse && c.v.next(last.Frame, b.Frame) {
		hidden = 0
	}
	return c.s.Path.Follows(last.Box, b.Box, hidden)
}

// closeGaps fills short gaps, and frames that were passed over between two with a box.
func (c *Collector) closeGaps(t *Track) {
	out := t.Boxes[:1:1]
	for _, b := range t.Boxes[1:] {
		a := out[len(out)-1]
		from, long := c.v.Frames[a.Frame].At, c.v.Frames[b.Frame].At-c.v.Frames[a.Frame].At
		fill := b.Frame > a.Frame+1 && (long <= c.s.CloseGap || c.v.next(a.Frame, b.Frame))
		for frame := a.Frame + 1; frame < b.Frame && fill; frame++ {
			share := float32(float64(c.v.Frames[frame].At-from) / float64(max(long, 1)))
			out = append(out, Box{Frame: frame, Score: min(a.Score, b.Score), Margin: min(a.Margin, b.Margin), Box: track.Mix(a.Box, b.Box, share)})
		}
		out = append(out, b)
	}
	// Frames at the end that were passed over have what was answered last.
	for last, frame := out[len(out)-1], 0; ; out = append(out, last) {
		frame = last.Frame + 1
		if frame >= len(c.v.Frames) || !c.v.next(last.Frame, len(c.v.Frames)) {
			break
		}
		last.Frame = frame
	}
	t.Boxes = out
}
