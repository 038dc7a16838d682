package robot

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

// quickest is how long the way to the consumer takes at least.
const quickest = 5 * time.Millisecond

// A mail is a message on its way, and what is true of it.
type mail struct {
	Message
	arrives  time.Duration
	captured time.Duration // true time of the picture
}

// A trial sends messages of a moving sender over a way that nobody can trust.
type trial struct {
	rand    *rand.Rand
	sender  *Machine
	boots   int
	now     time.Duration // true time
	picture time.Duration // true time of the newest
	seq     uint64
	way     []mail
	mixed   bool          // way is not in the order of arrival
	jump    time.Duration // of the sender's wall clock
	drop    time.Duration // until when all is lost
	slow    time.Duration // until when all is late
	quirks  int           // drops, duplicates, reorderings, clock jumps and restarts so far
}

func (r *trial) boot() {
	r.boots++
	r.sender = NewMachine(Config{Boot: fmt.Sprint(r.boots)}, began.Add(r.now))
	r.sender.Ask(began.Add(r.now), "the cup")
}

// post puts a message on its way, with what goes wrong there.
func (r *trial) post(u Update) {
	m := mail{Message: u.Message, arrives: r.now + quickest + time.Duration(r.rand.IntN(3))*time.Millisecond, captured: r.picture}
	if until, err := time.Parse(timeFormat, m.ValidUntil); err == nil {
		m.ValidUntil = stamp(until.Add(r.jump))
	}
	if r.now < r.drop {
		return
	}
	if r.now < r.slow { // held up, and overtaken by others
		m.arrives += time.Duration(r.rand.IntN(2000)) * time.Millisecond
	}
	r.way, r.mixed = append(r.way, m), true
}

// mishap lets one thing go wrong.
func (r *trial) mishap() {
	r.quirks++
	some := func(most time.Duration) time.Duration { return time.Duration(r.rand.Int64N(int64(most))) }
	switch r.rand.IntN(5) {
	case 0:
		r.drop = r.now + some(time.Second)
	case 1:
		r.slow = r.now + some(time.Second)
	case 2: // the newest messages come again, now or much later
		for _, m := range r.way {
			m.arrives = r.now + some(3*time.Second)
			r.way, r.mixed = append(r.way, m), true
		}
	case 3:
		r.jump += some(2*time.Hour) - time.Hour
	case 4:
		r.boot()
	}
}

// step lets a millisecond pass, in which the sender may see a picture.
func (r *trial) step() {
	r.now += time.Millisecond
	at := began.Add(r.now)
	if r.now%(33*time.Millisecond) == 0 && r.rand.IntN(10) > 0 {
		r.picture = r.now
		r.seq++
		v := locked(float32(100+r.seq%400), 240)
		v.Phrase, v.At = "the cup", at
		if u, ok := r.sender.Frame(at, &camera.Frame{Seq: r.seq, At: at, Width: 640, Height: 480}, []pipeline.View{v}); ok {
			r.post(u)
		}
	} else if u, ok := r.sender.Tick(at); ok {
		r.post(u)
	}
}

// Whatever happens on the way, what is acted on was in a picture that is no older than
// the time it is valid and the quickest way.
func TestAConsumerNeverActsOnAStaleBox(t *testing.T) {
	const mishaps = 1000
	for _, agrees := range []bool{false, true} {
		r := &trial{rand: rand.New(rand.NewPCG(3, 14))}
		r.boot()
		c := Consumer{Agrees: agrees}
		acted, oldest := 0, time.Duration(0)
		var at mail
		for r.quirks < mishaps {
			r.step()
			if r.now%(300*time.Millisecond) == 0 {
				r.mishap()
			}
			if r.mixed {
				slices.SortStableFunc(r.way, func(a, b mail) int { return int(a.arrives - b.arrives) })
				r.mixed = false
			}
			for len(r.way) > 0 && r.way[0].arrives <= r.now {
				m := r.way[0]
				r.way = r.way[1:]
				c.Take(&m.Message, m.arrives)
				if c.boot == m.Boot && c.seq == m.Seq {
					at = m
				}
			}
			wall := began.Add(r.now)
			if agrees && r.jump != 0 && r.rand.IntN(2000) == 0 {
				r.jump = 0 // the clocks are set right again
			}
			if _, ok := c.Target(r.now, wall); ok {
				acted++
				oldest = max(oldest, r.now-at.captured)
			}
		}
		t.Logf("clocks agree %v: %d mishaps in %v, acted %.0f %% of the time, on boxes of at most %v", agrees, r.quirks, r.now, 100*float64(acted)/float64(r.now.Milliseconds()), oldest)
		// Stamps are cut off below 0.1 ms.
		if most := DefaultValidFor + quickest + 2*time.Millisecond; oldest > most || acted == 0 {
			t.Errorf("acted %d times, on a box of %v, at most %v are allowed", acted, oldest, most)
		}
	}
}

func TestAConsumerTakesOnlyWhatIsNewer(t *testing.T) {
	message := func(boot string, seq uint64, up float64) *Message {
		m := &Message{V: 1, Boot: boot, Seq: seq, UpMS: up, ValidForMS: 500, ValidUntil: stamp(began.Add(time.Hour))}
		m.State = "locked"
		return m
	}
	var c Consumer
	for i := range leastHeard {
		if _, ok := c.Target(time.Duration(i)*time.Second, began); ok {
			t.Errorf("acts on a boot of %d messages", i)
		}
		c.Take(message("A", uint64(i+1), float64(1000*i)), time.Duration(i)*time.Second)
	}
	heard := (leastHeard - 1) * time.Second
	if m, ok := c.Target(heard+499*time.Millisecond, began); !ok || m.Seq != leastHeard {
		t.Errorf("does not act: %+v", m)
	}
	if _, ok := c.Target(heard+500*time.Millisecond, began); ok {
		t.Error("acts after it is over")
	}
	c.Take(message("A", 2, 1000), heard+time.Second)
	if _, ok := c.Target(heard+time.Second, began); ok {
		t.Error("acts on an older message that came late")
	}
	late := message("A", leastHeard+1, 1000*leastHeard)
	c.Take(late, heard+time.Second+400*time.Millisecond)
	if _, ok := c.Target(heard+time.Second+499*time.Millisecond, began); !ok {
		t.Error("does not act on a message that is 400 ms late, within its time")
	}
	if _, ok := c.Target(heard+time.Second+500*time.Millisecond, began); ok {
		t.Error("acts on a message that was late for longer than it is valid")
	}
	no := *late
	no.Seq, no.State = leastHeard+2, "unsure"
	c.Take(&no, heard+time.Second+401*time.Millisecond)
	if _, ok := c.Target(heard+time.Second+402*time.Millisecond, began); ok {
		t.Error("acts on what is unsure")
	}
	c.Take(message("B", 1, 0), heard+2*time.Second)
	c.Take(message("A", 99, 5000), heard+2*time.Second)
	if c.boot != "B" || c.seq != 1 {
		t.Errorf("goes back to boot %s, message %d", c.boot, c.seq)
	}
	c.Take(&Message{V: 2, Boot: "C"}, heard+3*time.Second)
	if c.boot != "B" {
		t.Error("takes a version that it does not know")
	}
}

func TestAConsumerWhoseClockAgrees(t *testing.T) {
	c := Consumer{Agrees: true}
	for i := range uint64(leastHeard) {
		m := &Message{V: 1, Boot: "A", Seq: i + 1, ValidForMS: 500, ValidUntil: stamp(began)}
		m.State = "locked"
		c.Take(m, 0)
	}
	if _, ok := c.Target(0, began.Add(-time.Millisecond)); !ok {
		t.Error("does not act")
	}
	if _, ok := c.Target(0, began); ok {
		t.Error("acts on what has been late from the first message on")
	}
	c.last.ValidUntil = "soon"
	if _, ok := c.Target(0, began.Add(-time.Millisecond)); ok {
		t.Error("acts on a time that it cannot read")
	}
}
