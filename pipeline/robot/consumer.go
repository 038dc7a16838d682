package robot

import "time"

// A Consumer is what a receiver does with messages so that it never acts on a stale
// box, whatever happens to them on the way. It needs no clock that agrees with the
// sender's: it takes for the way what a message needed more than the quickest of its
// boot. The zero value has heard nothing. It belongs to one goroutine.
//
// Times are those of a clock of the receiver that never jumps, such as the time since
// it began.
type Consumer struct {
	// Agrees says that the receiver's wall clock agrees with the sender's. Then valid_until
	// is held to as well, which a message that was late from the first on cannot pass.
	Agrees bool

	boot    string
	retired map[string]bool // boots that another one came after
	seq     uint64
	heard   int           // messages of this boot, each newer than the one before
	offset  time.Duration // least of receipt less up_ms
	last    Message
	until   time.Duration
}

// leastHeard is how many messages of a boot come before one is acted on: so that
// the quickest of them tells how long the way takes.
const leastHeard = 5

// Take takes a message that came at at. One that is not newer than another is of no
// use but to tell how long the way takes.
func (c *Consumer) Take(m *Message, at time.Duration) {
	if m.V != 1 || c.retired[m.Boot] {
		return
	}
	offset := at - time.Duration(m.UpMS*float64(time.Millisecond))
	if m.Boot != c.boot {
		if c.retired == nil {
			c.retired = map[string]bool{}
		}
		c.retired[c.boot] = true
		c.boot, c.seq, c.heard, c.offset, c.until = m.Boot, 0, 0, offset, 0
	}
	c.offset = min(c.offset, offset)
	if m.Seq <= c.seq {
		return
	}
	c.seq, c.last = m.Seq, *m
	c.heard++
	late := offset - c.offset
	c.until = at - late + time.Duration(m.ValidForMS*float64(time.Millisecond))
}

// Target is what to act on at at; false is to stop. wall is the time of the receiver's
// wall clock, looked at only where Agrees.
func (c *Consumer) Target(at time.Duration, wall time.Time) (*Message, bool) {
	if c.last.State != "locked" || c.heard < leastHeard || at >= c.until {
		return nil, false
	}
	if c.Agrees {
		until, err := time.Parse(timeFormat, c.last.ValidUntil)
		if err != nil || !wall.Before(until) {
			return nil, false
		}
	}
	return &c.last, true
}
