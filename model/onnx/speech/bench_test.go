package speech

import "testing"

func BenchmarkTranscribe(b *testing.B) {
	r := recognizer(b, Options{})
	pcm := spoken(b, "the man with the umbrella behind the bench")
	for b.Loop() {
		if _, err := r.Transcribe(b.Context(), pcm); err != nil {
			b.Fatal(err)
		}
	}
}
