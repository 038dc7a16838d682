package pipeline

// Needs says what an Output needs of a frame: copying and drawing cost time.
type Needs int

// What an output can need.
const (
	Drawn    Needs = iota // the frame with the overlay on it
	Undrawn               // the frame as the source gave it
	NoPixels              // its number, time and size; Pix is nil
)

// OnError says what it means to the line when an Output fails.
type OnError int

// What an error can mean.
const (
	End   OnError = iota // the line ends with it: without this output it has no use
	Drop                 // the output gets no more frames; the error is returned when the line has ended
	Retry                // the output gets the next frame all the same
)

// An Output is a Sink beside the line, which never holds up a live source: it
// shows on a goroutine of its own and misses frames while it is busy. io.EOF of
// its sink is no error: it wants no more. When the last of several outputs has
// ended and there is no window, the line ends.
type Output struct {
	Name       string // in log, page and metrics
	To         Sink
	Needs      Needs
	OnError    OnError
	EveryFrame bool // a recording waits for it, so that it misses none
}

// OutputStats says how an Output is doing.
type OutputStats struct {
	Name    string
	Shown   uint64 // frames that it showed
	Skipped uint64 // frames that came while it was busy
	Errors  uint64
	Err     string // the newest error; "" for none
	Ended   bool   // it gets no more frames
}

// Stats are what a line has done since it began.
type Stats struct {
	Captured   uint64 // frames read
	Answered   uint64 // frames the model has answered
	Shown      uint64 // frames shown
	Skipped    uint64 // frames that came while the model was busy
	Unanswered uint64 // frames on which the model failed, and that were passed over
}

// A Pauser can stop the picture and let it go on. Any goroutine may call it.
type Pauser interface {
	Pause(on bool)
	Paused() bool
	Nudge() // the picture that stands is asked something new
}
