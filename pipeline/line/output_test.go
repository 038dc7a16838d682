package line

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/event"
)

func TestEventsNobodyReads(t *testing.T) {
	for name, run := range map[string]func(*Line, context.Context) error{"live": (*Line).Live, "recording": (*Line).Recording} {
		t.Run(name, func(t *testing.T) {
			unread, w := io.Pipe()
			defer unread.Close()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			to := &event.Writer{W: w}
			events := show(func(f *camera.Frame, vs []pipeline.View) error {
				stop() // while it writes
				return to.Show(ctx, f, vs)
			})
			l := New(Config{From: pattern(0), By: slow{}, Outputs: []pipeline.Output{{Name: "events", To: events, EveryFrame: true}}})
			l.SetPhrases(phrases("a cup"))
			if err := run(l, ctx); err != nil { // it hangs where the pipe keeps it
				t.Error(err)
			}
		})
	}
}

// TestOutputsFailAlone has one output that fails beside one that does not.
func TestOutputsFailAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		on        pipeline.OnError
		err       error
		want      string // in the line's error; "" for none
		goesOn    bool   // the other output still gets frames
		callsMost int64
	}{
		"wants no more":       {pipeline.End, io.EOF, "", true, 1},
		"ends the line":       {pipeline.End, errBroken, "disk: broken", false, 1},
		"is dropped":          {pipeline.Drop, errBroken, "disk: broken", true, 1},
		"is tried again":      {pipeline.Retry, errBroken, "", true, 1 << 40},
		"canceled by its own": {pipeline.Drop, context.Canceled, "", true, 1},
	} {
		for way, run := range map[string]func(*Line, context.Context) error{"live": (*Line).Live, "recording": (*Line).Recording} {
			t.Run(name+"/"+way, func(t *testing.T) {
				var calls, failed, good atomic.Int64
				bad := show(func(*camera.Frame, []pipeline.View) error {
					calls.Add(1)
					failed.Add(1)
					return tt.err
				})
				other := show(func(*camera.Frame, []pipeline.View) error {
					if failed.Load() == 0 {
						return nil
					}
					if good.Add(1) == 5 {
						return io.EOF
					}
					return nil
				})
				l := New(Config{From: pattern(0), By: slow{}, Outputs: []pipeline.Output{
					{Name: "disk", To: bad, OnError: tt.on, EveryFrame: true}, {Name: "robot", To: other, EveryFrame: true},
				}})
				l.SetPhrases(phrases("a cup"))
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if tt.on == pipeline.Retry { // one output is left when the other has had enough
					l.outputs[1].To = show(func(f *camera.Frame, vs []pipeline.View) error {
						if err := other(f, vs); err != nil {
							stop()
						}
						return nil
					})
				}
				err := run(l, ctx)
				if tt.want == "" && err != nil && !errors.Is(err, context.Canceled) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("the line ended with %v, want %q", err, tt.want)
				}
				if tt.goesOn && good.Load() < 5 {
					t.Errorf("the other output got %d frames after the first error", good.Load())
				}
				s := l.Outputs()[0]
				if n := calls.Load(); n > tt.callsMost || tt.err != io.EOF && s.Errors != uint64(n) {
					t.Errorf("called %d times, at most %d wanted: %+v", n, tt.callsMost, s)
				}
				if s.Shown != 0 || s.Ended != (tt.on != pipeline.Retry && (tt.err == io.EOF || tt.on == pipeline.Drop)) {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

func TestOutputsGetWhatTheyNeed(t *testing.T) {
	type got struct{ plain, drawn, none atomic.Int64 }
	var g got
	note := func(n *atomic.Int64, right func(f *camera.Frame) bool) pipeline.Sink {
		return show(func(f *camera.Frame, _ []pipeline.View) error {
			if !right(f) {
				t.Errorf("frame %d, %d pixels, first %v", f.Seq, len(f.Pix)/3, f.Pix[:min(3, len(f.Pix))])
			}
			if n.Add(1) >= 20 {
				return io.EOF
			}
			return nil
		})
	}
	const ink = 77
	isDrawn := func(f *camera.Frame) bool { return len(f.Pix) > 0 && f.Pix[0] == ink }
	for way, run := range map[string]func(*Line, context.Context) error{"live": (*Line).Live, "recording": (*Line).Recording} {
		g = got{}
		l := New(Config{
			From: pattern(0), By: slow{}, Draw: func(f *camera.Frame, _ []pipeline.View) { f.Pix[0] = ink },
			Outputs: []pipeline.Output{
				{Name: "plain", Needs: pipeline.Undrawn, To: note(&g.plain, func(f *camera.Frame) bool { return len(f.Pix) > 0 && !isDrawn(f) })},
				{Name: "drawn", Needs: pipeline.Drawn, To: note(&g.drawn, isDrawn), EveryFrame: true},
				{Name: "none", Needs: pipeline.NoPixels, To: note(&g.none, func(f *camera.Frame) bool { return f.Pix == nil && f.Width == 32 && f.Seq > 0 })},
			},
		})
		if err := run(l, t.Context()); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		if g.plain.Load() != 20 || g.drawn.Load() != 20 || g.none.Load() != 20 {
			t.Errorf("%s: shown %d, %d and %d frames", way, g.plain.Load(), g.drawn.Load(), g.none.Load())
		}
	}
}

// TestViewsMayBeKept holds Sink's contract: a hundred frames later the views are
// what they were, and so are the frames copied from what was shown.
func TestViewsMayBeKept(t *testing.T) {
	for way, run := range map[string]func(*Line, context.Context) error{"live": (*Line).Live, "recording": (*Line).Recording} {
		t.Run(way, func(t *testing.T) {
			type shown struct {
				kept, then []pipeline.View
				attention  []float32
			}
			var all []shown
			l := New(Config{From: pattern(0), By: attentive{}, Window: show(func(f *camera.Frame, vs []pipeline.View) error {
				s := shown{kept: vs, then: append([]pipeline.View(nil), vs...)}
				s.attention = append(s.attention, vs[0].Attention...)
				if all = append(all, s); len(all) == 100 {
					return io.EOF
				}
				return nil
			})})
			l.SetPhrases(phrases("a cup", "a dog"))
			if err := run(l, t.Context()); err != nil {
				t.Fatal(err)
			}
			boxes := 0
			for i, s := range all {
				for j := range s.then {
					boxes += count(s.then[j].HasBox())
					a, b := s.kept[j], s.then[j]
					if a.Attention, b.Attention = nil, nil; !same(a, b) {
						t.Fatalf("view %d of frame %d is %+v, was %+v when shown", j, i, a, b)
					}
				}
				for j, x := range s.kept[0].Attention {
					if x != s.attention[j] {
						t.Fatalf("attention of frame %d has changed", i)
					}
				}
			}
			if boxes == 0 {
				t.Error("no box was shown: nothing is tried here")
			}
		})
	}
}

func same(a, b pipeline.View) bool {
	return a.Phrase == b.Phrase && a.State == b.State && a.Box == b.Box && a.Score == b.Score && a.Margin == b.Margin &&
		a.Age == b.Age && a.Track == b.Track && a.Seq == b.Seq && a.Grid == b.Grid
}
