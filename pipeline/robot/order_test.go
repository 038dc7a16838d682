package robot

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOrders(t *testing.T) {
	for name, tt := range map[string]struct {
		o    Order
		want Order
		good bool
	}{
		"a phrase":              {Order{Phrase: " The cup"}, Order{Phrase: " The cup"}, true},
		"nothing":               {Order{}, Order{}, true},
		"a command":             {Order{Command: " STOP\n"}, Order{Command: Stop}, true},
		"command before phrase": {Order{Phrase: "x", Command: "clear"}, Order{Command: Clear}, true},
		"two words":             {Order{Command: "Go  On"}, Order{Command: GoOn}, true},
		"confirm":               {Order{Command: "confirm"}, Order{Command: Confirm}, true},
		"confirm a target":      {Order{Command: "confirm 12"}, Order{Command: Confirm, Track: 12}, true},
		"confirm none":          {Order{Command: "confirm 0"}, Order{}, false},
		"confirm nothing":       {Order{Command: "confirm that"}, Order{}, false},
		"stop a target":         {Order{Command: "stop 1"}, Order{}, false},
		"no such command":       {Order{Command: strings.Repeat("dance ", 1000)}, Order{}, false},
	} {
		got, err := tt.o.Checked()
		if got != tt.want || (err == nil) != tt.good || err != nil && len(err.Error()) > 200 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzOrders(f *testing.F) {
	for _, c := range append(Commands(), "confirm 3", "", "confirm", "\xff") {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, command string) {
		o, err := Order{Command: command}.Checked()
		if err != nil && (o != Order{} || len(err.Error()) > 400) {
			t.Errorf("%q: %+v, %v", command, o, err)
		}
	})
}

func FuzzPolygons(f *testing.F) {
	f.Add("0,0 1,0 1,1", 0.1, 0.1, 0.2, 0.2)
	f.Add("0,0 0,0 0,0", 0.0, 0.0, 0.0, 0.0)
	f.Fuzz(func(t *testing.T, text string, x1, y1, x2, y2 float64) {
		p, err := ParsePolygon(text)
		if err != nil || !(x1 <= x2 && y1 <= y2) {
			return
		}
		for _, c := range p { // a rectangle around a corner touches
			if c.X > x1 && c.X < x2 && c.Y > y1 && c.Y < y2 && !p.Touches(x1, y1, x2, y2) {
				t.Errorf("%v does not touch %v,%v %v,%v around its corner %v", p, x1, y1, x2, y2, c)
			}
		}
	})
}

// A flood of bad orders fills no log.
func TestAnInboxTellsOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := Inbox{Log: slog.New(slog.NewTextHandler(&log, nil)), Do: func(_ context.Context, o Order) error {
			if o.Command == Other {
				return errors.New("nothing is shown")
			}
			return nil
		}}
		for range 3000 { // three seconds
			b.Take(t.Context(), "x", Order{Command: Other})
			b.Take(t.Context(), "x", Order{Command: "dance"})
			b.Take(t.Context(), "x", Order{Command: Stop})
			time.Sleep(time.Millisecond)
		}
		if n := strings.Count(log.String(), "\n"); n != 3 || b.Refused() != 6000 || !strings.Contains(log.String(), "untold_before=1999") {
			t.Errorf("%d refused, log:\n%s", b.Refused(), &log)
		}
	})
}
