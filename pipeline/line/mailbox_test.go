package line

import (
	"context"
	"errors"
	"testing"

	"deixis/pipeline"
)

// shared is a frame of one pixel with that number.
func shared(p *framePool, seq uint64) *sharedFrame {
	f := p.get()
	f.Resize(1, 1)
	f.Seq, f.Pix[0] = seq, byte(seq)
	return f
}

func TestMailboxKeepsTheNewest(t *testing.T) {
	var pool framePool
	m := newMailbox()
	for seq := uint64(1); seq <= 3; seq++ {
		f := shared(&pool, seq)
		if dropped := m.put(f, []pipeline.View{{Seq: seq}}); dropped != (seq > 1) {
			t.Errorf("put(%d) dropped: %v", seq, dropped)
		}
		f.release()
	}
	got, views, err := m.take(t.Context())
	if err != nil || got.Seq != 3 || got.Pix[0] != 3 || len(views) != 1 || views[0].Seq != 3 {
		t.Fatalf("take = %+v, views %v, %v", got, views, err)
	}
	if m.skipped() != 2 {
		t.Errorf("skipped() = %d, want 2", m.skipped())
	}
	before := len(pool.free)
	if got.release(); len(pool.free) != before+1 {
		t.Errorf("%d frames are free, %d before the last was read", len(pool.free), before)
	}
}

func TestMailboxWaits(t *testing.T) {
	var pool framePool
	m := newMailbox()
	go func() { m.put(shared(&pool, 7), nil) }()
	if got, _, err := m.take(t.Context()); err != nil || got.Seq != 7 {
		t.Errorf("take = %+v, %v", got, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := m.take(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("take of nothing = %v", err)
	}
}

func TestAFrameIsUsedAgainOnlyWhenAllHaveReadIt(t *testing.T) {
	var pool framePool
	f := shared(&pool, 1)
	f.retain()
	f.release()
	if other := pool.get(); other == f {
		t.Fatal("a frame that is still read is used again")
	}
	f.release()
	if again := pool.get(); again != f {
		t.Error("its memory is not used again")
	}
}
