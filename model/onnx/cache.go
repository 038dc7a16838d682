package onnx

import (
	"container/list"
	"slices"
)

// cache keeps what phrase.onnx said of the phrases used last, so that a phrase
// costs its run once. It is not safe for concurrent use.
type cache struct {
	most  int
	order *list.List // of *state, the one used last in front
	named map[string]*list.Element
}

// A state is phrase.onnx's answer to one phrase.
type state struct {
	text  string
	ids   []int64
	words []float32 // (layers, len(ids), width), row-major
}

func newCache(most int) *cache {
	return &cache{most: most, order: list.New(), named: make(map[string]*list.Element)}
}

// get is the state of a phrase, or nil.
func (c *cache) get(text string, ids []int64) *state {
	e, ok := c.named[text]
	if !ok || !slices.Equal(e.Value.(*state).ids, ids) {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*state)
}

// put keeps s and drops the state that was not used for longest.
func (c *cache) put(s *state) {
	if old, ok := c.named[s.text]; ok {
		c.order.Remove(old)
	}
	c.named[s.text] = c.order.PushFront(s)
	if c.order.Len() > c.most {
		last := c.order.Back()
		delete(c.named, c.order.Remove(last).(*state).text)
	}
}
