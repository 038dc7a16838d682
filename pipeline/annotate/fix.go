package annotate

import (
	"time"

	"deixis/model"
	"deixis/pipeline/track"
)

// A Fix is what somebody saw of a phrase in a source.
type Fix struct {
	Source   string // as Video.Source
	Phrase   string
	Frame    int           // from 0
	Box      *model.Box    // where the thing is on that frame; nil: it is not there while the span lasts
	From, To time.Duration // the span, from the first frame of the recording: the target did not change in it
}

// FixesOf are those of one source.
func FixesOf(all []Fix, source string) []Fix {
	var own []Fix
	for _, f := range all {
		if f.Source == source {
			own = append(own, f)
		}
	}
	return own
}

// fixed is what was answered about a phrase on a frame, or what somebody saw there
// instead; then it is certain.
func (c *Collector) fixed(frame, phrase int, said Said) (_ Said, certain bool) {
	gone := false
	var before, after *Fix // boxes that were drawn in one span
	for i := range c.s.Fixes {
		f := &c.s.Fixes[i]
		switch {
		case f.Phrase != c.v.Phrases[phrase]:
		case f.Box != nil && f.Frame == frame:
			seen := Said{Presence: 1, There: true, N: 1}
			seen.Boxes[0], seen.Scores[0] = *f.Box, 1
			return seen, true
		case f.Box == nil && (f.Frame == frame || f.covers(c.v.Frames[frame].At)):
			gone = true
		case f.Box != nil && f.Frame < frame && (before == nil || f.Frame > before.Frame):
			before = f
		case f.Box != nil && f.Frame > frame && (after == nil || f.Frame < after.Frame):
			after = f
		}
	}
	if gone {
		return Said{}, true
	}
	if before != nil && after != nil && before.From == after.From && before.To == after.To {
		said.add(track.Mix(*before.Box, *after.Box, float32(frame-before.Frame)/float32(after.Frame-before.Frame)))
	}
	return said, false
}

// add adds a candidate that is half as good as the best, in place of the worst: a box
// between two that were drawn, for where nothing that was answered is the thing.
func (a *Said) add(b model.Box) {
	a.Presence, a.There = max(a.Presence, 0.5), true
	a.N = min(a.N+1, Candidates)
	a.Boxes[a.N-1], a.Scores[a.N-1] = b, max(a.Scores[0]/2, 0.05)
}

// drawn says whether somebody drew a box of t.
func (c *Collector) drawn(t *Track) bool {
	for i := range c.s.Fixes {
		f := &c.s.Fixes[i]
		if f.Box == nil || f.Phrase != c.v.Phrases[t.Phrase] {
			continue
		}
		for _, b := range t.Boxes {
			if b.Frame == f.Frame {
				return true
			}
		}
	}
	return false
}

func (f *Fix) covers(at time.Duration) bool { return f.From <= at && at < f.To }

// stays says whether somebody saw that the target of a phrase did not change up to a time.
func (c *Collector) stays(at time.Duration, phrase int) bool {
	for i := range c.s.Fixes {
		if f := &c.s.Fixes[i]; f.Phrase == c.v.Phrases[phrase] && f.Box != nil && f.From < at && at < f.To {
			return true
		}
	}
	return false
}
