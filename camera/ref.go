package camera

import (
	"errors"
	"strings"
)

// The sentinels that callers test with errors.Is.
var (
	ErrNoDevice  = errors.New("no such camera")
	ErrNoPicture = errors.New("not a picture or video")
	ErrLacking   = errors.New("part of it is missing") // the source has ended, and all else of it was read
	ErrLost      = errors.New("connection lost")
)

// Kind says where pictures come from.
type Kind int

// The kinds of source that Parse tells apart.
const (
	Device      Kind = iota // a camera on this machine
	File                    // one recording
	Stream                  // a network address
	Images                  // one picture, or a folder or glob of them
	TestPattern             // drawn by Pattern
)

// String is the kind as a person would name it.
func (k Kind) String() string {
	switch k {
	case Device:
		return "camera"
	case File:
		return "video file"
	case Stream:
		return "stream"
	case Images:
		return "pictures"
	case TestPattern:
		return "test pattern"
	}
	return "unknown source"
}

// Ref names a source. Parse makes it; only the fields of its kind are set.
type Ref struct {
	Kind   Kind
	URI    string // as given; may hold a password, so print String instead
	Device int    // number of the camera; -1 for a node that is no /dev/videoN
	Path   string // device node, file, folder or address

	Paths    []string // the pictures, in order
	Skipped  []string // what looks like a picture in the folder and is not read: name and why
	Sequence bool     // the pictures follow each other as those of a video do

	Width, Height int     // pixels of the test pattern
	FPS           float64 // pictures a second of the test pattern
	Frames        int     // length of the test pattern; 0 means without end
}

// Live says whether the source goes on whether or not anyone looks. Then the
// newest frame wins; from any other source every frame is taken.
func (r Ref) Live() bool {
	switch r.Kind {
	case Device, Stream:
		return true
	case TestPattern:
		return r.Frames == 0
	}
	return false
}

// ROS says whether the source is a topic of ROS, which rosbridge hands on.
func (r Ref) ROS() bool {
	scheme, _, _ := strings.Cut(r.URI, "://")
	return r.Kind == Stream && (strings.EqualFold(scheme, "ros") || strings.EqualFold(scheme, "ross"))
}

// Unrelated says whether each frame is to be answered for itself: pictures of a
// folder or glob show different things, unless Sequence says otherwise.
func (r Ref) Unrelated() bool { return r.Kind == Images && !r.Sequence }

// String is the source as given, without the secrets of an address.
func (r Ref) String() string {
	if r.Kind != Stream {
		return r.URI
	}
	return Redacted(r.URI)
}
