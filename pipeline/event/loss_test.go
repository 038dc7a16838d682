package event

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

func TestLossIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		var lines strings.Builder
		a := &Writer{W: &lines, Source: "0", Camera: "arm", Lost: away.Load}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Watch(ctx) }()
		said := func() (es []Event) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			for line := range strings.Lines(lines.String()) {
				var e Event
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatal(err)
				}
				es = append(es, e)
			}
			lines.Reset()
			return es
		}
		away.Store(true)
		if es := said(); len(es) != 0 {
			t.Errorf("before the first frame: %+v", es)
		}
		away.Store(false)
		said()
		f := camera.Frame{Seq: 7, At: time.Now(), Width: 64, Height: 48, Pix: make([]byte, 3*64*48)}
		if err := a.Show(ctx, &f, []pipeline.View{{Phrase: "a cup", State: pipeline.Locked, Box: model.Box{X2: 9, Y2: 9}, Score: 0.9, Track: 2}, {Phrase: "a dog"}}); err != nil {
			t.Fatal(err)
		}
		said()
		away.Store(true)
		es := said()
		if len(es) != 2 || es[0].State != "lost" || es[0].Box != nil || es[0].Seq != 7 || es[0].Camera != "arm" || es[0].Track != 2 || es[0].AgeMS < 1000 || es[1].Phrase != "a dog" {
			t.Errorf("when the source is lost: %+v", es)
		}
		if es := said(); len(es) != 0 {
			t.Errorf("a loss is told again: %+v", es)
		}
		away.Store(false)
		said()
		away.Store(true)
		if es := said(); len(es) != 2 {
			t.Errorf("lost a second time: %+v", es)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
