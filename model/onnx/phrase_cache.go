package onnx

import (
	"container/list"
	"slices"
)

// A phraseCache keeps the embeddings of the phrases used last (LRU), so that a
// phrase costs its run once. It is not safe for concurrent use.
type phraseCache struct {
	capacity int
	order    *list.List // of *embedding, the one used last in front
	byText   map[string]*list.Element
}

// An embedding is phrase.onnx's output for one phrase.
type embedding struct {
	text  string
	ids   []int64
	words []float32 // (layers, len(ids), width), row-major
}

func newPhraseCache(capacity int) *phraseCache {
	return &phraseCache{capacity: capacity, order: list.New(), byText: make(map[string]*list.Element)}
}

// get is the embedding of a phrase, or nil.
func (c *phraseCache) get(text string, ids []int64) *embedding {
	e, ok := c.byText[text]
	if !ok || !slices.Equal(e.Value.(*embedding).ids, ids) {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*embedding)
}

// put keeps e and drops the embedding that was not used for longest.
func (c *phraseCache) put(e *embedding) {
	if old, ok := c.byText[e.text]; ok {
		c.order.Remove(old)
	}
	c.byText[e.text] = c.order.PushFront(e)
	if c.order.Len() > c.capacity {
		last := c.order.Back()
		delete(c.byText, c.order.Remove(last).(*embedding).text)
	}
}
