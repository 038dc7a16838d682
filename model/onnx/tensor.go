package onnx

import (
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// A tensor is an ONNX Runtime tensor over memory of Go's, which stays when the
// shape changes. It belongs to one goroutine at a time.
type tensor[T ort.TensorData] struct {
	value  *ort.Tensor[T]
	memory []T // only ever grows, up to what the bundle's limits allow
	shape  ort.Shape
}

// resize gives the tensor a shape; its contents are then undefined. A shape it
// already has costs nothing.
func (t *tensor[T]) resize(shape ...int64) error {
	if t.value != nil && slices.Equal(t.shape, shape) {
		return nil
	}
	if err := t.free(); err != nil {
		return err
	}
	n := int(ort.Shape(shape).FlattenedSize())
	if cap(t.memory) < n {
		t.memory = make([]T, n)
	}
	v, err := ort.NewTensor(ort.Shape(shape), t.memory[:n])
	if err != nil {
		return err
	}
	t.value, t.shape = v, slices.Clone(shape)
	return nil
}

// data is the tensor's memory, row-major.
func (t *tensor[T]) data() []T { return t.value.GetData() }

// free gives the native handle back and keeps the memory.
func (t *tensor[T]) free() error {
	if t.value == nil {
		return nil
	}
	v := t.value
	t.value = nil
	return v.Destroy()
}
