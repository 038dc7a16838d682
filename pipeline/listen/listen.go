// Package listen turns sound into words: sources of sound, who speaks when, and
// what was meant by it. Sound is float32, one channel, Rate samples a second,
// -1 to 1.
package listen

import (
	"context"
	"time"
)

// Rate is how many samples a second all sound has here.
const Rate = 16000

// Chunk is how many samples a VAD judges at a time: 32 ms.
const Chunk = 512

// A Source gives sound as it comes.
type Source interface {
	// Read fills pcm with the next samples and says how many there were. It waits
	// for sound; io.EOF is the end of a file, and every other error but ctx's is
	// the source's last word.
	Read(ctx context.Context, pcm []float32) (int, error)
	Close() error
}

// A VAD says how likely somebody speaks in a chunk. It remembers those before it.
type VAD interface {
	Prob(chunk []float32) (float32, error) // len(chunk) must be Chunk
	Reset()
	Close() error
}

// A Recognizer writes down what one utterance says. Not for concurrent use.
type Recognizer interface {
	Transcribe(ctx context.Context, pcm []float32) (Transcript, error)
	Close() error
}

// A Transcript is what was heard, likeliest first.
type Transcript struct {
	NBest []Hypothesis  // none: no speech
	Audio time.Duration // how long the utterance is
	Took  time.Duration // how long writing it down took
}

// A Hypothesis is one way to read an utterance.
type Hypothesis struct {
	Text    string
	LogProb float64 // mean natural logarithm of a token's probability
}

// Text is the likeliest reading; "" where nothing was said.
func (t Transcript) Text() string {
	if len(t.NBest) == 0 {
		return ""
	}
	return t.NBest[0].Text
}
