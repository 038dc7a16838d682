package rosbridge

import (
	"encoding/json"
	"sync"
	"time"

	bridge "deixis/camera/rosbridge"
)

// A clock is a /clock topic: what a simulation says the time is, by when it said so.
// Its zero value has heard nothing. Any goroutine may call its methods.
type clock struct {
	mu   sync.Mutex
	said [clockKept]sample
	n    int // samples so far
}

type sample struct{ here, there time.Time }

const (
	clockKept  = 128                   // samples
	clockEvery = 20 * time.Millisecond // so they reach over 2.5 s
)

// take takes a message of rosgraph_msgs/msg/Clock.
func (c *clock) take(msg json.RawMessage, at time.Time) {
	var m struct{ Clock *bridge.Time }
	if json.Unmarshal(msg, &m) != nil || m.Clock == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if there := m.Clock.Time(); c.n > 0 && there.Before(c.said[(c.n-1)%clockKept].there) {
		c.n = 0 // the simulation began anew
	}
	c.said[c.n%clockKept] = sample{at, m.Clock.Time()}
	c.n++
}

// at is what the clock says at a time of this machine: on the line between the samples
// before and after it, and no later than the newest. Without a clock it is t itself.
func (c *clock) at(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return t
	}
	after := c.said[(c.n-1)%clockKept]
	if !t.Before(after.here) {
		return after.there
	}
	for i := c.n - 2; i >= max(0, c.n-clockKept); i-- {
		before := c.said[i%clockKept]
		if t.Before(before.here) {
			after = before
			continue
		}
		share := float64(t.Sub(before.here)) / float64(after.here.Sub(before.here))
		return before.there.Add(time.Duration(share * float64(after.there.Sub(before.there))))
	}
	return after.there
}
