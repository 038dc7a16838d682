package onnx

import (
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// A slot is a tensor whose memory stays when its shape changes. It belongs to
// one goroutine at a time.
type slot[T ort.TensorData] struct {
	tensor *ort.Tensor[T]
	memory []T // only ever grows, up to what the bundle's limits allow
	shape  ort.Shape
}

// resize gives the tensor a shape; its contents are then undefined. A shape it
// already has costs nothing.
func (s *slot[T]) resize(shape ...int64) error {
	if s.tensor != nil && slices.Equal(s.shape, shape) {
		return nil
	}
	if err := s.free(); err != nil {
		return err
	}
	n := int(ort.Shape(shape).FlattenedSize())
	if cap(s.memory) < n {
		s.memory = make([]T, n)
	}
	t, err := ort.NewTensor(ort.Shape(shape), s.memory[:n])
	if err != nil {
		return err
	}
	s.tensor, s.shape = t, slices.Clone(shape)
	return nil
}

// data is the tensor's memory, row-major.
func (s *slot[T]) data() []T { return s.tensor.GetData() }

// free gives the native handle back and keeps the memory.
func (s *slot[T]) free() error {
	if s.tensor == nil {
		return nil
	}
	t := s.tensor
	s.tensor = nil
	return t.Destroy()
}
