package pipeline

import "time"

// Speech is what is known of a voice that tells what to look for, at a moment.
// It is part of events and statuses: fields are only ever added.
type Speech struct {
	State   string    `json:"state"`   // off, no device, listening, hearing or working
	Why     string    `json:"why"`     // one line: why there is no device, or what is wrong with the sound
	Mode    string    `json:"mode"`    // ptt, always or wake
	Talking bool      `json:"held"`    // the button to talk is held
	Level   float64   `json:"level"`   // of the last second or so, 0..1
	Dropped int       `json:"dropped"` // utterances that came while too many waited
	Said    *Said     `json:"said"`    // the last utterance; null before the first
	Since   time.Time `json:"-"`       // when Said was understood
	Caption string    `json:"caption"` // all that in a line for people; "" while there is nothing to say
}

// Said is one utterance and what came of it.
type Said struct {
	N       int        `json:"n"`       // counts them, from 1
	Heard   string     `json:"heard"`   // its likeliest words
	Phrase  string     `json:"phrase"`  // what is looked for because of it; "" for nothing
	Command string     `json:"command"` // stop, clear, other, hold or go on; "" for none
	Why     string     `json:"why"`     // why it was not understood or not done; "" where it was
	Read    int        `json:"read"`    // how many readings of it were held against the picture; 0: none was
	Took    SpeechTook `json:"took_ms"`
}

// SpeechTook is where the time went from the end of speech on, milliseconds.
type SpeechTook struct {
	Wait      float64 `json:"wait"`      // until it was sure that the voice had fallen silent
	Queue     float64 `json:"queue"`     // behind the utterance before
	Recognise float64 `json:"recognise"` // writing it down
	Choose    float64 `json:"choose"`    // holding its readings against the picture
	Answer    float64 `json:"answer"`    // until the first answer to the phrase was shown; 0 before, and where there is none
}

// captionFor is how long the caption says what was understood.
const captionFor = 4 * time.Second

// Line says it for people, "" where there is nothing to say.
func (s *Speech) Line(now time.Time) string {
	switch {
	case s.State == "no device":
		return s.Why
	case s.State == "hearing":
		return "hearing …"
	case s.State == "working":
		return "hearing … one moment"
	case s.State == "" || s.State == "off" && now.Sub(s.Since) >= captionFor:
		return ""
	case s.Said != nil && now.Sub(s.Since) < captionFor:
		return s.Said.Line()
	case s.Why != "":
		return "listening; the sound is " + s.Why
	case s.Mode == "ptt":
		return ""
	}
	return "listening"
}

// Line says what was heard and what it was understood as.
func (s *Said) Line() string {
	heard := "heard “" + s.Heard + "”"
	switch {
	case s.Heard == "":
		return "not understood: " + s.Why
	case s.Why != "":
		return heard + ": " + s.Why
	case s.Command != "":
		return heard + ": " + s.Command
	}
	return heard + ": looking for " + s.Phrase
}

// SpeechTally counts what came of all utterances.
type SpeechTally struct {
	Phrases, Commands, Nothing uint64
	Dropped                    uint64               // that nobody had time for
	Took                       map[string]Histogram // by the parts of SpeechTook, and "whole": from the end of speech to the answer shown
}
