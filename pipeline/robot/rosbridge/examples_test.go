package rosbridge

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bridge "deixis/camera/rosbridge"
	"deixis/camera/rosbridge/bridgetest"
	"deixis/pipeline"
	"deixis/pipeline/robot"
)

// The consumer in Python acts on the same messages as the one in Go, whatever happens
// to them on the way.
func TestTheExampleIsAConsumer(t *testing.T) {
	path := python(t)
	r := rand.New(rand.NewPCG(7, 9))
	var steps bytes.Buffer
	var want []uint64
	var c robot.Consumer
	sent := []robot.Message{}
	const all = 3000
	boot, seq, up := 'A', uint64(0), 0.0
	for n := range all {
		now := time.Duration(n) * 20 * time.Millisecond
		var m *robot.Message
		switch kind := r.IntN(20); {
		case kind == 0 && r.IntN(10) == 0: // another boot
			boot, seq, up = boot+1, 0, 0
		case kind < 3: // nothing comes
		case kind < 5 && len(sent) > 0: // an old one comes again, and late
			m = &sent[r.IntN(len(sent))]
		default:
			seq++
			m = &robot.Message{V: 1 + r.IntN(50)/49, Boot: string(boot), Seq: seq, UpMS: up - float64(r.IntN(200))}
			if m.State = "unsure"; r.IntN(4) > 0 {
				m.State, m.ValidForMS = "locked", float64(r.IntN(500))
			}
			sent = append(sent, *m)
		}
		up += 20
		if m != nil {
			c.Take(m, now)
		}
		acts := uint64(0)
		if got, ok := c.Target(now, time.Time{}); ok {
			acts = got.Seq
		}
		want = append(want, acts)
		if err := json.NewEncoder(&steps).Encode(map[string]any{"now": now.Seconds(), "message": m}); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), path, filepath.Join("testdata", "consumer.py"))
	cmd.Stdin, cmd.Stderr = &steps, t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines, acted, differ := strings.Fields(string(out)), 0, 0
	for i, line := range lines {
		if got, err := strconv.ParseUint(line, 10, 64); err != nil || got != want[i] {
			differ++
		}
		if want[i] > 0 {
			acted++
		}
	}
	// Where a message expires at this very step, seconds in floating point may fall on either side.
	if len(lines) != all || differ > all/100 || acted < all/10 {
		t.Errorf("%d steps, acted in %d, and otherwise than in Go in %d", len(lines), acted, differ)
	}
	t.Logf("%d steps, acted in %d, otherwise than in Go in %d", len(lines), acted, differ)
}

// The example turns the robot while there is a target, and stops it when messages end.
func TestTheExampleStopsOnExpiry(t *testing.T) {
	path := python(t)
	s := bridgetest.Start(t, bridgetest.Options{})
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}})
	st := newStudio(t, 500*time.Millisecond)
	send(t, c, st.show(480, 240, pipeline.Locked, 1))
	_, port, _ := strings.Cut(s.Addr(), ":")
	cmd := exec.CommandContext(t.Context(), path, filepath.Join("examples", "turn_to_target.py"), "--port", port, "--phrase", "the blue box")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	s.Subscribed("/deixis/arm/target")
	s.Wait("/deixis/arm/phrase", "the phrase", func(m json.RawMessage) bool { return decode[text](t, m).Data == "the blue box" })
	speed := func(m json.RawMessage) float64 {
		var twist struct{ Linear, Angular vector }
		if err := json.Unmarshal(m, &twist); err != nil || twist.Linear != (vector{}) || twist.Angular.X != 0 || twist.Angular.Y != 0 {
			t.Errorf("%s: %v", m, err)
		}
		return twist.Angular.Z
	}
	over := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		for {
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
				c.Send(t.Context(), st.show(480, 240, pipeline.Locked, 1))
			}
		}
	}()
	// The target lies to the right: ROS turns that way below 0.
	s.Wait("/cmd_vel", "a turn to the right", func(m json.RawMessage) bool { return speed(m) < -0.5 })
	close(over)
	<-told
	zeros := 0 // in a row, for longer than a message is valid
	s.Wait("/cmd_vel", "a stop that lasts", func(m json.RawMessage) bool {
		if zeros++; speed(m) != 0 {
			zeros = 0
		}
		return zeros >= 8
	})
}
