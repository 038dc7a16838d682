package robot

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot/lens"
)

// began is when the simulated clock of every test begins.
var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// schema is what every message and event is held against.
func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A rig is a machine on a simulated clock, with every update that it gave.
type rig struct {
	*Machine
	t      *testing.T
	schema *jsonschema.Schema
	now    time.Time
	frame  uint64
	all    []Update
}

func newRig(t *testing.T, c Config) *rig {
	t.Helper()
	c.Name, c.Source, c.Boot = "arm", "0", "B"
	return &rig{Machine: NewMachine(c, began), t: t, schema: schema(t), now: began}
}

// took holds an update against the schema and the promises of every message.
func (r *rig) took(u Update) Message {
	r.t.Helper()
	for _, v := range append([]any{u.Message}, asAny(u.Events)...) {
		raw, err := json.Marshal(v)
		if err != nil {
			r.t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			r.t.Fatal(err)
		}
		if err := r.schema.Validate(doc); err != nil {
			r.t.Errorf("%s: %v", raw, err)
		}
	}
	if n := len(r.all); n > 0 && u.Message.Seq <= r.all[n-1].Message.Seq {
		r.t.Errorf("seq %d after %d", u.Message.Seq, r.all[n-1].Message.Seq)
	}
	r.all = append(r.all, u)
	return u.Message
}

func asAny[T any](all []T) (any []any) {
	for _, v := range all {
		any = append(any, v)
	}
	return any
}

func (r *rig) sleep(d time.Duration) { r.now = r.now.Add(d) }

func (r *rig) ask(phrase string) Message { return r.took(r.Ask(r.now, phrase)) }

// show shows a picture of 640x480 that was taken now, with one view on it.
func (r *rig) show(v pipeline.View) Message {
	r.t.Helper()
	r.frame++
	if v.Phrase == "" {
		v.Phrase = "the cup"
	}
	if v.At.IsZero() && v.State != pipeline.Searching {
		v.At = r.now
	}
	u, ok := r.Frame(r.now, &camera.Frame{Seq: r.frame, At: r.now, Width: 640, Height: 480}, []pipeline.View{{Phrase: "another"}, v})
	if !ok {
		r.t.Fatalf("nothing to send of frame %d", r.frame)
	}
	return r.took(u)
}

// locked is a lock on a box of 64x48 pixels around a place.
func locked(x, y float32) pipeline.View {
	return pipeline.View{State: pipeline.Locked, Box: model.Box{X1: x - 32, Y1: y - 24, X2: x + 32, Y2: y + 24}, Score: 0.9, Margin: 0.4, Track: 1, Seq: 1}
}

// kinds are the types of all events so far, as "new:1 end:1".
func (r *rig) kinds() string {
	var all []string
	for _, u := range r.all {
		for _, e := range u.Events {
			all = append(all, e.Type+":"+strings.TrimPrefix(e.ID, "B."))
		}
	}
	return strings.Join(all, " ")
}

func TestAMessageSaysHowLongItIsValid(t *testing.T) {
	r := newRig(t, Config{Latency: 40 * time.Millisecond})
	if m := r.ask("the cup"); m.State != "searching" || m.ValidForMS != 0 || m.Captured != nil || m.Seq != 1 {
		t.Errorf("before the first picture: %+v", m)
	}
	v := locked(320, 240)
	v.At, v.Age = r.now.Add(-60*time.Millisecond), 110*time.Millisecond
	m := r.show(v)
	if m.State != "locked" || m.ValidForMS != 400 || *m.Captured != "2026-03-01T11:59:59.900000Z" || m.ValidUntil != "2026-03-01T12:00:00.400000Z" || m.AgeMS != 150 {
		t.Errorf("a box of 60 ms and a camera of 40 ms: %+v", m)
	}
	if m.Bearing != nil || m.Follow != nil || m.DistanceM != nil || m.Box == nil || *m.Box != [4]float64{288, 216, 352, 264} || m.Margin != 0.4 || m.Track != 1 {
		t.Errorf("%+v", m)
	}
	r.sleep(200 * time.Millisecond)
	u, ok := r.Tick(r.now)
	if m = r.took(u); !ok || m.State != "locked" || m.ValidForMS != 200 || m.ValidUntil != "2026-03-01T12:00:00.400000Z" || m.AgeMS != 350 || u.Changed || m.UpMS != 200 {
		t.Errorf("the heartbeat: %v, %+v", ok, m)
	}
	if over := began.Add(400 * time.Millisecond); !r.Next().Equal(over) {
		t.Errorf("next at %v, and it is over at %v", r.Next(), over)
	}
	r.sleep(199 * time.Millisecond)
	if _, ok := r.Tick(r.now); ok {
		t.Error("a message before the heartbeat is due")
	}
	r.sleep(time.Millisecond)
	u, ok = r.Tick(r.now)
	if m = r.took(u); !ok || m.State != "lost" || m.Box != nil || m.Refused.Rule != RuleAge || m.ValidForMS != 0 || !u.Changed || m.Track != 1 {
		t.Errorf("when it is too old: %v, %+v", ok, m)
	}
	if r.sleep(50 * time.Millisecond); r.show(locked(320, 240)).State != "locked" {
		t.Error("a new picture does not lock it again")
	}
	if got := r.kinds(); got != "new:1 end:1 new:2" {
		t.Errorf("events %s", got)
	}
}

func TestHeartbeat(t *testing.T) {
	r := newRig(t, Config{})
	r.ask("the cup")
	r.show(pipeline.View{State: pipeline.Absent, Seq: 1})
	n := 0
	for range 1000 { // one second, in steps of a millisecond
		r.sleep(time.Millisecond)
		if u, ok := r.Tick(r.now); ok {
			n++
			if m := r.took(u); m.State != "absent" || u.Changed || len(u.Events) > 0 {
				t.Errorf("%+v", u)
			}
		}
	}
	if n != 5 {
		t.Errorf("%d heartbeats a second", n)
	}
}

func TestLossIsToldAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		what  func(r *rig) (Update, bool)
		state string
		rule  string
	}{
		"the lock lost it": {func(r *rig) (Update, bool) {
			return r.Frame(r.now, &camera.Frame{Seq: 9, At: r.now}, []pipeline.View{{Phrase: "the cup", State: pipeline.Lost, Track: 1, Seq: 9}})
		}, "lost", ""},
		"it is not there": {func(r *rig) (Update, bool) {
			return r.Frame(r.now, &camera.Frame{Seq: 9, At: r.now}, []pipeline.View{{Phrase: "the cup", State: pipeline.Absent, Track: 1, Seq: 9}})
		}, "absent", ""},
		"another phrase":  {func(r *rig) (Update, bool) { return r.Ask(r.now, "the box"), true }, "searching", ""},
		"no phrase":       {func(r *rig) (Update, bool) { return r.Ask(r.now, ""), true }, "searching", RulePhrase},
		"the camera left": {func(r *rig) (Update, bool) { return r.Away(r.now, "the camera is away") }, "lost", RuleSource},
		"the sender ends": {func(r *rig) (Update, bool) { return r.End(r.now), true }, "lost", RuleEnd},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{})
			r.ask("the cup")
			r.show(locked(320, 240))
			r.sleep(time.Millisecond)
			u, ok := tt.what(r)
			m := r.took(u)
			if !ok || !u.Changed || m.State != tt.state || rule(&m) != tt.rule || m.Box != nil || m.ValidForMS != 0 || m.ValidUntil != m.Sent {
				t.Errorf("%v, %+v", ok, u)
			}
			if got := r.kinds(); got != "new:1 end:1" {
				t.Errorf("events %s", got)
			}
		})
	}
}

func TestASourceThatComesBack(t *testing.T) {
	r := newRig(t, Config{})
	r.ask("the cup")
	r.show(locked(320, 240))
	u, _ := r.Away(r.now, "paused")
	r.took(u)
	if _, ok := r.Away(r.now, "paused"); ok {
		t.Error("the same twice")
	}
	if _, ok := r.Frame(r.now, &camera.Frame{Seq: 2, At: r.now}, []pipeline.View{{Phrase: "the cup", State: pipeline.Locked}}); ok {
		t.Error("a picture while the source is away")
	}
	u, ok := r.Away(r.now, "")
	if m := r.took(u); !ok || m.State != "lost" || m.Refused != nil || m.Track != 1 {
		t.Errorf("%v, %+v", ok, m)
	}
	r.sleep(200 * time.Millisecond)
	old := locked(320, 240) // answered on the picture that stood, carried to this one
	old.Phrase, old.At, old.Age = "the cup", r.now, 200*time.Millisecond
	if u, ok := r.Frame(r.now, &camera.Frame{Seq: 3, At: r.now, Width: 640, Height: 480}, []pipeline.View{old}); ok {
		t.Errorf("an answer of before: %+v", u)
	}
	if r.show(locked(320, 240)).State != "locked" {
		t.Error("not locked again")
	}
}

func TestAnswersToAnotherPhraseAreNotSent(t *testing.T) {
	r := newRig(t, Config{})
	if _, ok := r.Frame(r.now, &camera.Frame{Seq: 1}, []pipeline.View{{Phrase: "the cup", State: pipeline.Locked}}); ok {
		t.Error("nothing is looked for")
	}
	r.ask("the box")
	if _, ok := r.Frame(r.now, &camera.Frame{Seq: 1}, []pipeline.View{{Phrase: "the cup", State: pipeline.Locked}}); ok {
		t.Error("a view of another phrase")
	}
	r.ask("the box") // the same again forgets nothing
	v := locked(320, 240)
	v.Phrase = "the box"
	r.show(v)
	if m := r.ask("the box"); m.State != "locked" {
		t.Errorf("%+v", m)
	}
}

func TestMirroredPictures(t *testing.T) {
	r := newRig(t, Config{})
	r.ask("the cup")
	v := locked(100, 240)
	v.Phrase, v.At = "the cup", r.now
	u, _ := r.Frame(r.now, &camera.Frame{Seq: 1, At: r.now, Width: 640, Height: 480, Mirrored: true}, []pipeline.View{v})
	if m := r.took(u); *m.Box != [4]float64{508, 216, 572, 264} {
		t.Errorf("box %v", *m.Box)
	}
}

func TestBearingRateAndDistance(t *testing.T) {
	l, err := lens.FromFOV(90)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Config{Lens: l, Sizes: []lens.KnownSize{{Name: "cup", Metres: 0.09}}})
	r.ask("the cup")
	const turn = 0.5 // rad/s
	var m Message
	for i := range 30 {
		az := -0.2 + turn*float64(i)/30
		m = r.show(locked(float32(320+320*math.Tan(az)), 200))
		if math.Abs(m.Bearing.Azimuth-az) > 1e-4 || math.Abs(m.Bearing.Elevation-math.Atan(40.0/320*math.Cos(az))) > 1e-4 {
			t.Fatalf("bearing %+v, want azimuth %v", m.Bearing, az)
		}
		if i < rateLeast-1 != (m.Rate == nil) || m.Rate != nil && math.Abs(m.Rate.Azimuth-turn) > 2e-3 {
			t.Fatalf("picture %d: rate %+v", i, m.Rate)
		}
		r.sleep(time.Second / 30)
	}
	if z := 0.09 * 320 / 48; m.DistanceM == nil || math.Abs(*m.DistanceM/z-1) > 0.1 {
		t.Errorf("distance %v, plane at %v", m.DistanceM, z)
	}
	v := locked(300, 200)
	v.Track = 2
	if m := r.show(v); m.Rate != nil {
		t.Errorf("the rate of another target is known at once: %+v", m.Rate)
	}
	if m := r.show(pipeline.View{State: pipeline.Lost, Seq: 1}); m.Bearing != nil || m.Rate != nil || m.DistanceM != nil {
		t.Errorf("without a box: %+v", m)
	}
	if l, err = l.For(640, 480); err != nil {
		t.Fatal(err)
	}
	r = newRig(t, Config{Lens: l})
	r.ask("the cup")
	v = locked(50, 50)
	v.Phrase = "the cup"
	u, _ := r.Frame(r.now, &camera.Frame{Seq: 1, At: r.now, Width: 480, Height: 640}, []pipeline.View{v})
	if m := r.took(u); m.Bearing != nil || !errors.Is(r.LensErr(), lens.ErrLens) {
		t.Errorf("a picture of another shape: %+v, %v", m.Bearing, r.LensErr())
	}
}

func TestEvents(t *testing.T) {
	r := newRig(t, Config{})
	r.ask("the cup")
	r.show(pipeline.View{State: pipeline.Absent, Seq: 1})
	v := locked(320, 240)
	v.State = pipeline.Unsure
	r.show(v)
	r.show(v)
	r.show(locked(320, 240))
	r.show(locked(321, 240))
	v = locked(100, 240)
	v.Track = 2
	r.show(v)
	r.ask("the box")
	if got := r.kinds(); got != "new:1 update:1 end:1 new:2 end:2" {
		t.Errorf("events %s", got)
	}
	end := r.all[len(r.all)-1].Events[0]
	if end.Phrase != "the cup" || end.Track != 2 || end.Target.Phrase != "the box" {
		t.Errorf("%+v", end)
	}
}

// A wall is a Ranger that has the same depth for every box.
type wall struct {
	is    Range
	there bool
}

func (*wall) Prepare(*camera.Frame, *pipeline.View)     {}
func (w *wall) Range(model.Box, int, int) (Range, bool) { return w.is, w.there }

func TestDepth(t *testing.T) {
	l, err := lens.FromFOV(90)
	if err != nil {
		t.Fatal(err)
	}
	w := &wall{Range{2.00004, 0.1, 0.7501}, true}
	r := newRig(t, Config{Ranger: w})
	r.ask("the cup")
	if d := r.show(locked(480, 120)).Depth; d == nil || d.MedianM != 2 || d.SpreadM != 0.1 || d.Valid != 0.75 || d.Point != nil {
		t.Errorf("without a lens: %+v", d)
	}
	r.SetLens(l)
	if d := r.show(locked(480, 120)).Depth; d == nil || d.Point == nil || *d.Point != [3]float64{1, -0.75, 2} {
		t.Errorf("%+v", d)
	}
	if d := r.show(pipeline.View{State: pipeline.Lost, Seq: 1}).Depth; d != nil {
		t.Errorf("of what is lost: %+v", d)
	}
	w.there = false
	if m := r.show(locked(480, 120)); m.Depth != nil || m.Bearing == nil {
		t.Errorf("%+v", m)
	}
}
