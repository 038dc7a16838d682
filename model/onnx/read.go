package onnx

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"deixis/model"

	ort "github.com/yalue/onnxruntime_go"
)

// A reader is what phrases need: the tensors of phrase.onnx, and what it said.
type reader struct {
	mu        sync.Mutex
	known     *cache
	ids, mask slot[int64] // of one phrase
	words     slot[float32]
}

func (r *reader) free() error { return errors.Join(r.ids.free(), r.mask.free(), r.words.free()) }

// read is what phrase.onnx says of p, and how long it ran: 0 when remembered.
// Each phrase runs alone and unpadded, so its state depends on nothing else.
func (g *Grounder) read(p model.Phrase) (*state, time.Duration, error) {
	r := &g.words
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.known.get(p.Text, p.IDs); s != nil {
		return s, 0, nil
	}
	n := int64(len(p.IDs))
	if n == 0 || n > int64(g.bundle.Limits.MaxTokens) {
		return nil, 0, fmt.Errorf("phrase %q has %d tokens, not 1 to %d", p.Text, n, g.bundle.Limits.MaxTokens)
	}
	began := time.Now()
	if err := errors.Join(r.ids.resize(1, n), r.mask.resize(1, n), r.words.resize(1, g.layers, n, g.width)); err != nil {
		return nil, 0, fmt.Errorf("make tensors: %w", err)
	}
	copy(r.ids.data(), p.IDs)
	for i := range r.mask.data() {
		r.mask.data()[i] = 1
	}
	if err := g.phraseRun.Run([]ort.Value{r.ids.tensor, r.mask.tensor}, []ort.Value{r.words.tensor}); err != nil {
		return nil, 0, fmt.Errorf("run phrase graph: %w: %w", ErrRun, err)
	}
	s := &state{text: p.Text, ids: slices.Clone(p.IDs), words: slices.Clone(r.words.data())}
	r.known.put(s)
	return s, time.Since(began), nil
}
