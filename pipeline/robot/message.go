// Package robot turns what the line knows of a phrase into messages that a machine
// can act on: each says how long it may be believed, and a loss is told at once.
//
// Machine decides and reads no clock; Publisher runs it beside the line and hands its
// messages to ways out, each of which is a package below this one. Consumer is what
// a receiver does with them.
package robot

import (
	_ "embed"
	"math"
	"time"

	"deixis/model"
	"deixis/pipeline/event"
	"deixis/pipeline/robot/lens"
)

// Schema is the JSON Schema of Message and of Event.
//
//go:embed schema.json
var Schema []byte

// A Message says what a robot's target is at the moment: of one phrase, the first that
// is looked for. Who acts does so while State is "locked" and the message is valid,
// and at no other time. Version 1; fields are only ever added.
type Message struct {
	V      int     `json:"v"`
	Name   string  `json:"name"`   // of the sender
	Source string  `json:"source"` // of the pictures
	Boot   string  `json:"boot"`   // names this run of the sender
	Seq    uint64  `json:"seq"`    // rises strictly within one boot
	UpMS   float64 `json:"up_ms"`  // when it was sent, by a clock that never jumps: since the boot began
	Sent   string  `json:"sent"`   // when it was sent, UTC

	event.Target // the box in the source's own pixels; age at the time of sending

	Refused  *Refusal `json:"refused"`  // why the target may not be acted on, where a rule says so
	Frame    uint64   `json:"frame"`    // number of the picture; 0 before the first
	Size     [2]int   `json:"size"`     // of the picture, pixels
	Captured *string  `json:"captured"` // when the picture was taken that the box is known in, UTC; null before the first

	At time.Time `json:"-"` // camera.Frame.At of that picture, for ways that know more of it; zero before the first

	ValidUntil string  `json:"valid_until"`  // UTC; when it was sent, unless the state is locked
	ValidForMS float64 `json:"valid_for_ms"` // the same for who has another clock: counted from up_ms; 0 unless the state is locked

	Bearing   *Bearing `json:"bearing"`    // null without a box or a lens
	Rate      *Rate    `json:"rate"`       // null until the target was seen for a moment
	DistanceM *float64 `json:"distance_m"` // along the ray through the box's centre; null without a known size
	Depth     *Depth   `json:"depth"`      // null without a box or a depth picture that fits it
	Follow    *Follow  `json:"follow"`     // null unless it is asked for
}

// A Refusal names the rule by which a target may not be acted on.
type Refusal struct {
	Rule string `json:"rule"`
	Why  string `json:"why"` // in a few words, with the numbers
}

// The rules that a Refusal names.
const (
	RulePhrase    = "phrase"    // nothing is looked for
	RuleSource    = "source"    // the source gives no pictures
	RuleAge       = "age"       // the newest picture with the target is too old
	RuleEnd       = "end"       // the sender ends
	RuleMinSize   = "min-size"  // Rules.MinSize
	RuleMaxSize   = "max-size"  // Rules.MaxSize
	RuleZone      = "zone"      // Rules.Zones
	RuleForbidden = "forbidden" // Rules.Forbidden
	RuleMaxRate   = "max-rate"  // Rules.MaxRate
	RuleDwell     = "dwell"     // Rules.Dwell
	RuleConfirm   = "confirm"   // Rules.Confirm
)

// A Bearing is where the box lies, radians in the optical frame of REP 103: azimuth is
// positive to the right, elevation upwards.
type Bearing struct {
	Azimuth   float64 `json:"azimuth"` // of the box's centre
	Elevation float64 `json:"elevation"`
	Left      float64 `json:"left"` // azimuths of its edges
	Right     float64 `json:"right"`
	Top       float64 `json:"top"` // elevations of its edges
	Bottom    float64 `json:"bottom"`
}

// A Rate is how fast the bearing of the box's centre changes, radians a second.
type Rate struct {
	Azimuth   float64 `json:"azimuth"`
	Elevation float64 `json:"elevation"`
}

// timeFormat is how times are written. It cuts off what is below a microsecond, so
// that no message is valid for longer than it says.
const timeFormat = "2006-01-02T15:04:05.000000Z"

func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }

// ms is d in milliseconds, cut off below a tenth.
func ms(d time.Duration) float64 {
	return math.Floor(float64(d)/float64(time.Millisecond)*10) / 10
}

// radians are as exact as 0.0006 degrees.
func radians(x float64) float64 { return model.Round(x, 5) }

func newBearing(b *lens.Bearing) *Bearing {
	if b == nil {
		return nil
	}
	return &Bearing{
		Azimuth: radians(b.Azimuth), Elevation: radians(b.Elevation),
		Left: radians(b.Left), Right: radians(b.Right), Top: radians(b.Top), Bottom: radians(b.Bottom),
	}
}

// An Event is a turn in the life of a target: new when there is something to point at,
// update when its state or refusal changes, end when it is no longer there. Version 1;
// fields are only ever added.
type Event struct {
	V      int     `json:"v"`
	Type   string  `json:"type"` // new, update or end
	ID     string  `json:"id"`   // the same from new to end, and of no other target
	Phrase string  `json:"phrase"`
	Track  int     `json:"track"`
	Target Message `json:"target"` // as of this moment
}
