package robot

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The commands that a way in can bring, beside a phrase.
const (
	Stop    = "stop"    // look for nothing until the next phrase or GoOn
	Clear   = "clear"   // forget what is looked for
	Other   = "other"   // not that one: the next best
	Hold    = "hold"    // stay on what is locked, whatever comes
	GoOn    = "go on"   // end of Stop and Hold
	Confirm = "confirm" // the target that is proposed is the one meant
)

// Commands are all commands.
func Commands() []string { return []string{Stop, Clear, Other, Hold, GoOn, Confirm} }

// An Order is what somebody outside wants: phrases to look for, or a command.
type Order struct {
	Phrase  string `json:"phrase"`  // several are separated by ;
	Command string `json:"command"` // one of Commands, or "confirm 3" for target 3; "" for a phrase
	Track   int    `json:"-"`       // of Confirm: the target meant; 0 for whichever is proposed
}

// longestOrder is how much of an order an error repeats.
const longestOrder = 60

// Checked is o with its command taken apart. An order without a command is for a
// phrase, which may be empty and is then refused by who takes it.
func (o Order) Checked() (Order, error) {
	text := strings.ToLower(strings.Join(strings.Fields(o.Command), " "))
	if text == "" {
		return Order{Phrase: o.Phrase}, nil
	}
	name, number, numbered := text, "", false
	if rest, ok := strings.CutPrefix(text, Confirm+" "); ok {
		name, number, numbered = Confirm, rest, true
	}
	track, err := strconv.Atoi(number)
	if !slices.Contains(Commands(), name) || numbered && (err != nil || track < 1) {
		return Order{}, fmt.Errorf("command %.*q: not one of %s", longestOrder, o.Command, strings.Join(Commands(), ", "))
	}
	return Order{Command: name, Track: track}, nil
}

// LongestOrder is how many bytes an order may have that comes from outside: a phrase
// has at most 2000 letters.
const LongestOrder = 64 << 10

// An Inbox does what orders from outside ask for, and tells what it refuses: a line a
// second at most, however many come. Any goroutine may call its methods.
type Inbox struct {
	Do  func(ctx context.Context, o Order) error
	Log *slog.Logger

	mu      sync.Mutex
	told    time.Time // when the newest refusal was told
	untold  int       // refusals since
	refused uint64
}

// Take does o, which came from from. Why it is refused is told, and returned for ways
// that can answer.
func (b *Inbox) Take(ctx context.Context, from string, o Order) error {
	checked, err := o.Checked()
	if err == nil {
		err = b.Do(ctx, checked)
	}
	if err != nil {
		b.Refuse(from, err)
	}
	return err
}

// Refuse tells why an order was not taken.
func (b *Inbox) Refuse(from string, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused++
	now := time.Now()
	if now.Sub(b.told) < time.Second {
		b.untold++
		return
	}
	b.Log.Warn("order refused", "from", from, "why", why, "untold_before", b.untold)
	b.told, b.untold = now, 0
}

// Refused counts the orders that were not taken.
func (b *Inbox) Refused() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}
