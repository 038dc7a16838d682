// Package listen turns sound into words: sources of sound, who speaks when, and
// what was meant by it. Sound is float32, one channel, Rate samples a second,
// -1 to 1.
package listen

import (
	"context"

	"deixis/model"
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

// What a Recognizer writes down. Models give it, so it is theirs.
type (
	Transcript = model.Transcript
	Hypothesis = model.Hypothesis
)
