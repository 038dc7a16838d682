package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// buffer is a place for events that notes when it is closed.
type buffer struct {
	bytes.Buffer
	closed bool
}

func (b *buffer) Close() error { b.closed = true; return nil }

// TestOutlet: what is written goes to where the outlet leads at that time, and one whose
// reader hangs is not changed, nor waited for without end.
func TestOutlet(t *testing.T) { synctest.Test(t, testOutlet) }

func testOutlet(t *testing.T) {
	var a, b buffer
	o := &outlet{turn: newTurn()}
	write := func(s string) {
		t.Helper()
		if n, err := io.WriteString(o, s); n != len(s) || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	write("nowhere")
	if o.on() {
		t.Error("events go somewhere")
	}
	for _, to := range []io.WriteCloser{&a, &b} {
		if !o.turn.soon(longestTurn) {
			t.Fatal("no turn")
		}
		if err := o.set(to)(); err != nil {
			t.Error(err)
		}
		if o.turn.leave(); !o.on() {
			t.Error("events go nowhere")
		}
		write("x")
	}
	if a.String() != "x" || !a.closed || b.String() != "x" || b.closed {
		t.Errorf("%q, %q", a.String(), b.String())
	}
	if err := o.turn.take(t.Context()); err != nil { // as a reader does that takes nothing
		t.Fatal(err)
	}
	if o.turn.soon(longestTurn) || !o.on() {
		t.Error("a change while it hangs")
	}
	if err := o.Close(); err == nil || b.closed {
		t.Errorf("the end while it hangs: %v", err)
	}
	o.turn.leave()
	if err := o.Close(); err != nil || !b.closed || o.on() {
		t.Errorf("%v", err)
	}
}

// TestHalfOfAChange: where one output of several hangs, nothing of a change is made.
func TestHalfOfAChange(t *testing.T) { synctest.Test(t, testHalfOfAChange) }

func testHalfOfAChange(t *testing.T) {
	free, hangs := newTurn(), newTurn()
	if err := hangs.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	done, undone := 0, 0
	of := func(holds turn) way {
		return func(*show, *cli) (step, error) {
			return step{holds: holds, what: "recording", do: func() (func() error, error) { done++; return nil, nil }, undo: func() { undone++ }}, nil
		}
	}
	var c settings
	if _, err := c.prepare(&parsed{}, []way{of(nil), of(free), of(hangs)}); err == nil || !strings.Contains(err.Error(), "stays as it is") || done != 0 || undone != 3 {
		t.Errorf("%v, %d done, %d undone", err, done, undone)
	}
	if !free.soon(longestTurn) {
		t.Error("a turn is kept")
	}
}
