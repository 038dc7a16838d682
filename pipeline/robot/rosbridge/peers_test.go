package rosbridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	bridge "deixis/camera/rosbridge"
	"deixis/camera/rosbridge/bridgetest"
	"deixis/pipeline"
	"deixis/pipeline/robot"
)

// everything sends each kind of message in each state.
func everything(t *testing.T, c *Client) {
	t.Helper()
	st := newStudio(t, time.Minute)
	send(t, c, parcel(t, st.m.Ask(time.Now(), "")))
	send(t, c, parcel(t, st.m.Ask(time.Now(), "the blue box")))
	for track, state := range []pipeline.State{pipeline.Searching, pipeline.Locked, pipeline.Unsure, pipeline.Lost, pipeline.Absent, pipeline.Locked} {
		send(t, c, st.show(320.4, 240.3, state, track))
	}
	u, _ := st.m.Away(time.Now(), "the camera is away")
	send(t, c, parcel(t, u))
	send(t, c, parcel(t, st.m.End(time.Now())))
	p := c.Pictures(func(*camera.Frame, int) ([]byte, error) { return []byte{0xff, 0xd8, 0, 1}, nil })
	defer p.Close()
	if err := p.Show(t.Context(), &st.f, nil); err != nil {
		t.Fatal(err)
	}
}

// rosbags serialises every message that is sent, and finds the same in it again.
func TestMessagesSerialisedByRosbags(t *testing.T) {
	path := python(t)
	s := bridgetest.Start(t, bridgetest.Options{})
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}})
	everything(t, c)
	var in bytes.Buffer
	var sent []bridgetest.Message
	seen := map[string]int{}
	for over := false; !over || seen[typePicture] == 0; time.Sleep(time.Millisecond) {
		for _, m := range s.Got() {
			sent = append(sent, m)
			seen[m.Type]++
			over = over || m.Type == typeDiagnostics && bytes.Contains(m.Msg, []byte(robot.RuleEnd+`"`))
		}
	}
	for _, m := range sent {
		if err := json.NewEncoder(&in).Encode(map[string]any{"topic": m.Topic, "type": m.Type, "msg": m.Msg}); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 7 {
		t.Errorf("messages of %v", seen)
	}
	cmd := exec.CommandContext(t.Context(), path, filepath.Join("testdata", "check.py"))
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	n, total := 0, 0
	for line := range strings.Lines(string(out)) {
		var back struct {
			Bytes int
			Msg   any
		}
		var was any
		if err := json.Unmarshal([]byte(line), &back); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(sent[n].Msg, &was); err != nil || !reflect.DeepEqual(back.Msg, was) {
			t.Errorf("%s: sent %s, and it is %v, %v", sent[n].Topic, sent[n].Msg, back.Msg, err)
		}
		n, total = n+1, total+back.Bytes
	}
	if n != len(sent) {
		t.Errorf("%d of %d messages came back", n, len(sent))
	}
	t.Logf("%d messages of %d types, %d bytes serialised: %v", n, len(seen), total, slices.Sorted(maps.Keys(seen)))
}

// roslibpy gets the messages and gives orders.
func TestRoslibpy(t *testing.T) {
	path := python(t)
	s := bridgetest.Start(t, bridgetest.Options{})
	taken := make(chan robot.Order, 100)
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}, Inbox: &robot.Inbox{Log: quiet, Do: func(_ context.Context, o robot.Order) error { taken <- o; return nil }}})
	st := newStudio(t, time.Minute)
	send(t, c, st.show(320, 240, pipeline.Locked, 1))
	host, port, _ := strings.Cut(s.Addr(), ":")
	cmd := exec.CommandContext(t.Context(), path, filepath.Join("testdata", "peer.py"), host, port, "arm")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	lines.Scan() // it is ready
	for _, topic := range []string{"target", "detections", "bearing", "region"} {
		s.Subscribed("/deixis/arm/" + topic)
	}
	s.Subscribed("/diagnostics")
	// Both come, once each; roslibpy sends from several threads, so that neither is the first.
	one, other := <-taken, <-taken
	if one.Command != "" {
		one, other = other, one
	}
	if one != (robot.Order{Phrase: "the blue box"}) || other != (robot.Order{Command: robot.Stop}) {
		t.Errorf("%+v, %+v", one, other)
	}
	s.Got()
	c.level = -1 // the health is told anew
	p := st.show(480, 120, pipeline.Locked, 2)
	send(t, c, p)
	s.Wait("/diagnostics", "the health", anything)
	heard := map[string]json.RawMessage{}
	for len(heard) < 5 && lines.Scan() {
		var m struct {
			Topic string
			Msg   json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		heard[m.Topic] = m.Msg
	}
	if got := decode[text](t, heard["/deixis/arm/target"]); got.Data != string(p.JSON) {
		t.Errorf("%s, want %s", got.Data, p.JSON)
	}
	if d := decode[detections](t, heard["/deixis/arm/detections"]); len(d.Detections) != 1 || d.Detections[0].Results[0].Hypothesis.ClassID != "the blue box" || d.Detections[0].ID != "B.2" {
		t.Errorf("%+v", d)
	}
	if r := decode[region](t, heard["/deixis/arm/region"]); r.X != 448 {
		t.Errorf("%+v", r)
	}
	if v := decode[vectorStamped](t, heard["/deixis/arm/bearing"]); v.Vector.X <= 0 || v.Vector.Y >= 0 {
		t.Errorf("%+v", v)
	}
	t.Logf("roslibpy heard %v", slices.Sorted(maps.Keys(heard)))
}
