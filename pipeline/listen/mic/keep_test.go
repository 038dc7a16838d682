package mic

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"deixis/pipeline/listen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is a sound system in which things go wrong by order.
type fake struct {
	mu     sync.Mutex
	fails  error         // what opening says
	hangs  chan struct{} // opening and closing wait for it; nil: not
	level  byte          // of the sound's high bytes
	mute   bool          // open, but no sound comes
	opened int
	closed int
}

func (f *fake) with(change func(f *fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) counts() (opened, closed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened, f.closed
}

func (f *fake) wait() {
	f.mu.Lock()
	hangs := f.hangs
	f.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
}

func (f *fake) open(hear func(raw []byte)) (device, error) {
	f.wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened++
	if f.fails != nil {
		return device{}, f.fails
	}
	stop := make(chan struct{})
	go f.play(hear, stop)
	return device{name: "fake", close: func() {
		f.wait()
		close(stop)
		f.with(func(f *fake) { f.closed++ })
	}}, nil
}

// play calls hear every 32 ms, as a sound system does.
func (f *fake) play(hear func(raw []byte), stop chan struct{}) {
	tick := time.NewTicker(32 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		f.mu.Lock()
		raw := make([]byte, 2*listen.Chunk)
		for i := 1; i < len(raw); i += 2 {
			raw[i] = f.level
		}
		mute := f.mute
		f.mu.Unlock()
		if !mute {
			hear(raw)
		}
	}
}

// inBubble runs a test in which time passes at once.
func inBubble(t *testing.T, f *fake, test func(t *testing.T, m *Mic)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := start(f.open, nil)
		test(t, m)
		began := time.Now()
		m.Close()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("closing took %v", took)
		}
		if f.hangs != nil {
			close(f.hangs)
		}
		synctest.Wait()
	})
}

// listenFor reads for a while.
func listenFor(t *testing.T, m *Mic, long time.Duration) (samples int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	for pcm := make([]float32, 100); ; {
		n, err := m.Read(ctx, pcm)
		if samples += n; err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Read: %v", err)
			}
			return samples
		}
	}
}

func TestMicListens(t *testing.T) {
	f := &fake{level: 0x20}
	inBubble(t, f, func(t *testing.T, m *Mic) {
		if n := listenFor(t, m, 10*time.Second); n < 9*listen.Rate {
			t.Errorf("%d samples in ten seconds", n)
		}
		if s := m.Status(); s.State != Good || s.Device != "fake" || s.Dropped != 0 || m.Trouble() != "" {
			t.Errorf("%+v %q", s, m.Trouble())
		}
		m.Close()
		if _, err := m.Read(t.Context(), make([]float32, 8)); !errors.Is(err, io.EOF) {
			t.Errorf("Read after Close: %v", err)
		}
	})
	if opened, closed := f.counts(); opened != 1 || closed != 1 {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
}

// What never gave sound is not lost, however often it is opened.
func TestMicWithoutSound(t *testing.T) {
	inBubble(t, &fake{mute: true}, func(t *testing.T, m *Mic) {
		listenFor(t, m, 20*time.Second)
		if s := m.Status(); s.State != NoDevice || s.Losses != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestMicComesBack(t *testing.T) {
	f := &fake{level: 0x20}
	inBubble(t, f, func(t *testing.T, m *Mic) {
		listenFor(t, m, time.Second)
		for range 10 {
			f.with(func(f *fake) { f.mute, f.fails = true, errors.New("no server") })
			listenFor(t, m, 20*time.Second)
			if s := m.Status(); s.State != NoDevice || !strings.Contains(m.Trouble(), "no server") {
				t.Errorf("%+v %q", s, m.Trouble())
			}
			f.with(func(f *fake) { f.mute, f.fails = false, nil })
			listenFor(t, m, 5*time.Second)
			if s := m.Status(); s.State != Good {
				t.Errorf("5 s after the server came back: %+v", s)
			}
		}
		if n := m.Status().Losses; n != 10 {
			t.Errorf("%d losses of 10", n)
		}
	})
	if opened, closed := f.counts(); closed != 11 || opened > 11+10*20 {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
}

func TestMicLeavesBehindWhatHangs(t *testing.T) {
	f := &fake{level: 0x20}
	inBubble(t, f, func(t *testing.T, m *Mic) {
		listenFor(t, m, time.Second)
		f.with(func(f *fake) { f.hangs, f.mute = make(chan struct{}), true })
		listenFor(t, m, 2*time.Minute)
		if s := m.Status(); s.State != NoDevice || !strings.Contains(s.Why, "does not open") {
			t.Errorf("%+v", s)
		}
		if n := m.stuck.Load(); n != mostStuck {
			t.Errorf("%d openings hang", n)
		}
	})
	if opened, closed := f.counts(); opened != closed {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
}

func TestMicRefused(t *testing.T) {
	inBubble(t, &fake{fails: errRefused}, func(t *testing.T, m *Mic) {
		listenFor(t, m, time.Second)
		if s := m.Status(); s.State != Refused || !strings.Contains(m.Trouble(), "not allowed") {
			t.Errorf("%+v %q", s, m.Trouble())
		}
	})
}

func TestMicSilent(t *testing.T) {
	f := &fake{}
	inBubble(t, f, func(t *testing.T, m *Mic) {
		listenFor(t, m, 5*time.Second)
		if s := m.Status(); s.State != Silent || !strings.Contains(m.Trouble(), "zeros") {
			t.Errorf("%+v %q", s, m.Trouble())
		}
		f.with(func(f *fake) { f.level = 1 })
		listenFor(t, m, time.Second)
		if s := m.Status(); s.State != Good {
			t.Errorf("unmuted: %+v", s)
		}
	})
}

func TestMicDropsWhatNobodyFetches(t *testing.T) {
	inBubble(t, &fake{level: 1}, func(t *testing.T, m *Mic) {
		time.Sleep(10 * time.Second)
		if d := m.Status().Dropped; d < 220 || d > 250 {
			t.Errorf("%d pieces of some 304 dropped", d)
		}
		if n := listenFor(t, m, time.Millisecond); n > (buffered+1)*listen.Chunk {
			t.Errorf("%d samples were kept: what is older than two seconds is of no use", n)
		}
		if s := m.Status(); s.State != Good {
			t.Errorf("%+v", s)
		}
	})
}

func TestChoose(t *testing.T) {
	found := []Device{{Name: "Monitor of HDMI"}, {Name: "USB Microphone"}, {Name: "Built-in", Default: true}}
	for part, want := range map[string]int{"": 2, "usb": 1, "Built": 2} {
		if got, err := choose(found, part); err != nil || got != want {
			t.Errorf("%q: %d, %v", part, got, err)
		}
	}
	if _, err := choose(found, "headset"); !errors.Is(err, errNoDevice) || !strings.Contains(err.Error(), "USB Microphone") {
		t.Errorf("a name that is not there: %v", err)
	}
	if _, err := choose(nil, ""); !errors.Is(err, errNoDevice) {
		t.Errorf("none: %v", err)
	}
	if got, err := choose(found[:2], ""); err != nil || got != 0 {
		t.Errorf("no default: %d, %v", got, err)
	}
}
