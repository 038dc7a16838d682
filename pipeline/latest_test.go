package pipeline

import (
	"context"
	"errors"
	"testing"
	"time"

	"deixis/camera"
)

func TestLatestNewestWins(t *testing.T) {
	l := NewLatest()
	f := camera.Frame{Width: 1, Height: 1, Pix: []byte{1, 2, 3}}
	for f.Seq = 1; f.Seq <= 3; f.Seq++ {
		if dropped := l.Put(&f, View{Seq: f.Seq}); dropped != (f.Seq > 1) {
			t.Errorf("Put(%d) dropped: %v", f.Seq, dropped)
		}
	}
	f.Pix[0] = 99 // the mailbox has its own copy
	var got camera.Frame
	views, err := l.Take(t.Context(), &got)
	if err != nil || got.Seq != 3 || got.Pix[0] != 1 || len(views) != 1 || views[0].Seq != 3 {
		t.Errorf("Take = frame %d %v, views %v, %v", got.Seq, got.Pix, views, err)
	}
	if l.Dropped() != 2 {
		t.Errorf("Dropped() = %d, want 2", l.Dropped())
	}
}

func TestLatestWaits(t *testing.T) {
	l := NewLatest()
	f := camera.Frame{Seq: 7, Width: 1, Height: 1, Pix: []byte{1, 2, 3}}
	time.AfterFunc(20*time.Millisecond, func() { l.Put(&f) })
	var got camera.Frame
	if _, err := l.Take(t.Context(), &got); err != nil || got.Seq != 7 {
		t.Errorf("Take = %d, %v", got.Seq, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := l.Take(ctx, &got); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Take of nothing = %v", err)
	}
}

func BenchmarkLatest720p(b *testing.B) {
	l := NewLatest()
	var f, got camera.Frame
	f.Resize(1280, 720)
	for b.Loop() {
		l.Put(&f)
		if _, err := l.Take(b.Context(), &got); err != nil {
			b.Fatal(err)
		}
	}
}
