package onnx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
)

// A phraseEncoder is what phrases need: the tensors of phrase.onnx, and its
// embeddings of the phrases used last.
type phraseEncoder struct {
	mu        sync.Mutex
	cache     *phraseCache
	ids, mask tensor[int64] // of one phrase
	words     tensor[float32]
}

func (e *phraseEncoder) free() error { return errors.Join(e.ids.free(), e.mask.free(), e.words.free()) }

// encodePhrase is p's embedding, and how long phrase.onnx ran: 0 when it is in
// the cache. Each phrase runs alone and unpadded, so its embedding depends on
// nothing else.
func (g *Grounder) encodePhrase(ctx context.Context, p model.Phrase) (*embedding, time.Duration, error) {
	e := &g.phrases
	e.mu.Lock()
	defer e.mu.Unlock()
	if found := e.cache.get(p.Text, p.IDs); found != nil {
		return found, 0, nil
	}
	n := int64(len(p.IDs))
	if n == 0 || n > int64(g.bundle.Limits.MaxTokens) {
		return nil, 0, fmt.Errorf("phrase %q has %d tokens, not 1 to %d", p.Text, n, g.bundle.Limits.MaxTokens)
	}
	began := time.Now()
	if err := errors.Join(e.ids.resize(1, n), e.mask.resize(1, n), e.words.resize(1, g.layers, n, g.width)); err != nil {
		return nil, 0, fmt.Errorf("make tensors: %w", err)
	}
	copy(e.ids.data(), p.IDs)
	for i := range e.mask.data() {
		e.mask.data()[i] = 1
	}
	if err := g.phraseRun.Run(ctx, []ort.Value{e.ids.value, e.mask.value}, []ort.Value{e.words.value}); err != nil {
		return nil, 0, fmt.Errorf("run phrase graph: %w", err)
	}
	words := slices.Clone(e.words.data())
	if !finite(words...) { // in the cache it would spoil every frame
		return nil, 0, fmt.Errorf("run phrase graph: %w: %q has an embedding that is no number", ErrRun, p.Text)
	}
	found := &embedding{text: p.Text, ids: slices.Clone(p.IDs), words: words}
	e.cache.put(found)
	return found, time.Since(began), nil
}
