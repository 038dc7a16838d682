package listen

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func TestDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Desk{Own: &tape{pcm: sound(part{0.25, 5000}), paced: true}}
		pcm := make([]float32, Chunk)
		read := func(want float32) {
			t.Helper()
			n, err := d.Read(t.Context(), pcm)
			if err != nil || n == 0 || pcm[0] != want {
				t.Fatalf("read %d samples from %v on, %v; want %v", n, pcm[0], err, want)
			}
		}
		read(0.25)
		g, err := d.Seat()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Seat(); !errors.Is(err, ErrTaken) {
			t.Errorf("a second guest gets %v", err)
		}
		if err := g.Put(t.Context(), sound(part{0.5, 50})); err != nil {
			t.Fatal(err)
		}
		read(0.5)
		read(0.5)
		go func(g *Guest) {
			time.Sleep(time.Second)
			g.Leave()
			g.Leave()
		}(g)
		read(0.25) // the guest said nothing more
		if err := g.Put(t.Context(), make([]float32, waitingRoom*Chunk+1)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a guest that has left gets %v", err)
		}
		if g, err = d.Seat(); err != nil {
			t.Errorf("after a guest has left the next gets %v", err)
		}
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := g.Put(short, make([]float32, waitingRoom*Chunk+1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a guest to whom nobody listens gets %v", err)
		}
		g.Leave()
	})
}

func TestDeskWithoutASourceOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Desk{}
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := d.Read(short, make([]float32, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if d.Trouble() == "" || d.Close() != nil {
			t.Errorf("trouble %q", d.Trouble())
		}
		go func() {
			time.Sleep(time.Second)
			g, err := d.Seat()
			if err != nil {
				t.Error(err)
			}
			if d.Trouble() != "" {
				t.Errorf("with a guest the trouble is %q", d.Trouble())
			}
			g.Put(t.Context(), []float32{0.5})
		}()
		pcm := make([]float32, 9)
		if n, err := d.Read(t.Context(), pcm); n != 1 || err != nil || pcm[0] != 0.5 {
			t.Errorf("read %d, %v", n, err)
		}
	})
	broken := errors.New("broken")
	d := &Desk{Own: &tape{err: broken, trouble: "unplugged"}}
	if _, err := d.Read(t.Context(), make([]float32, 9)); !errors.Is(err, broken) || d.Trouble() != "unplugged" {
		t.Errorf("got %v, trouble %q", err, d.Trouble())
	}
}
