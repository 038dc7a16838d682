package speech

import (
	"context"
	"fmt"
	"math"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model/onnx"
)

// tensors are native values that are freed together, whatever happens.
type tensors []ort.Value

func (t *tensors) destroy() {
	for _, v := range *t {
		if v != nil {
			v.Destroy()
		}
	}
	*t = nil
}

// keep makes a tensor that destroy will free.
func keep[T ort.TensorData](t *tensors, data []T, shape ...int64) (*ort.Tensor[T], error) {
	v, err := ort.NewTensor(ort.Shape(shape), data)
	if err != nil {
		return nil, err
	}
	*t = append(*t, v)
	return v, nil
}

// run runs a session and leaves its outputs, all of them, to t.
func run(ctx context.Context, s *onnx.Session, t *tensors, inputs []ort.Value) ([]ort.Value, error) {
	outputs := make([]ort.Value, len(s.Outputs))
	err := s.Run(ctx, inputs, outputs)
	*t = append(*t, outputs...)
	return outputs, err
}

// read finds the likeliest readings of sound.
func (r *Recognizer) read(ctx context.Context, sound []float32) ([]beam, error) {
	var whole tensors // of the utterance
	defer whole.destroy()
	hidden, err := r.encode(ctx, &whole, sound)
	if err != nil {
		return nil, fmt.Errorf("run encoder: %w", err)
	}
	find := newSearch(r.beam, r.models.End, r.words.key)
	most := int(math.Ceil(r.models.TokensPerSecond * float64(len(sound)) / float64(r.models.Rate)))
	var old tensors // of the last step
	defer func() { old.destroy() }()
	d := decoding{r: r, hidden: hidden, samples: len(sound)}
	for step := range most {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var now tensors
		logits, err := d.step(ctx, &now, &whole, find.live, step == 0)
		old.destroy()
		old = now
		if err != nil {
			return nil, fmt.Errorf("run decoder, step %d: %w", step, err)
		}
		if !find.step(logits.GetData(), int(logits.GetShape()[2])) {
			break
		}
	}
	return find.best(), nil
}

// encode is the sound as the decoder reads it: [1, length, width].
func (r *Recognizer) encode(ctx context.Context, t *tensors, sound []float32) (*ort.Tensor[float32], error) {
	n := int64(len(sound))
	pcm, err := keep(t, sound, 1, n)
	if err != nil {
		return nil, err
	}
	inputs := []ort.Value{pcm}
	if r.masked {
		mask, err := keep(t, slices.Repeat([]int64{1}, len(sound)), 1, n)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, mask)
	}
	out, err := run(ctx, r.encoder, t, inputs)
	if err != nil {
		return nil, err
	}
	return floats(out[0], 3)
}

// A decoding is one utterance on its way through the decoder.
type decoding struct {
	r       *Recognizer
	hidden  *ort.Tensor[float32]
	samples int
	past    []*ort.Tensor[float32] // the KV cache, a tensor a port, of the beams that step was given last
}

// step reads one token more for every live beam and returns logits, a row a
// beam: [beams, 1, vocabulary]. What lives longer than the next step goes to
// whole.
func (d *decoding) step(ctx context.Context, now, whole *tensors, live []beam, first bool) (*ort.Tensor[float32], error) {
	l := d.r.layout
	inputs := make([]ort.Value, len(d.r.decoder.Inputs))
	tokens := make([]int64, len(live))
	for i, b := range live {
		tokens[i] = d.r.models.Start
		if !first {
			tokens[i] = b.tokens[len(b.tokens)-1]
		}
	}
	if err := d.bindPast(now, whole, live, first, inputs); err != nil {
		return nil, err
	}
	var err error
	if inputs[l.tokens], err = keep(now, tokens, int64(len(live)), 1); err != nil {
		return nil, err
	}
	if inputs[l.cached], err = keep(now, []bool{!first}, 1); err != nil {
		return nil, err
	}
	inputs[l.hidden] = d.hidden
	if l.mask >= 0 {
		n := len(live) * d.samples
		if inputs[l.mask], err = keep(now, slices.Repeat([]int64{1}, n), int64(len(live)), int64(d.samples)); err != nil {
			return nil, err
		}
	}
	// The cache of cross-attention stays that of the first step; what later steps
	// give for it is empty.
	to := now
	if first {
		to = whole
	}
	outputs, err := run(ctx, d.r.decoder, to, inputs)
	if err != nil {
		return nil, err
	}
	if first {
		d.past = make([]*ort.Tensor[float32], len(l.cache))
	}
	for i, kv := range l.cache {
		if !kv.cross || first {
			if d.past[i], err = floats(outputs[kv.output], 4); err != nil {
				return nil, err
			}
		}
	}
	logits, err := floats(outputs[l.logits], 3)
	if err == nil && (logits.GetShape()[0] != int64(len(live)) || logits.GetShape()[1] != 1) {
		err = fmt.Errorf("logits of shape %v for %d beams", logits.GetShape(), len(live))
	}
	return logits, err
}

// bindPast fills the inputs that carry what was read: nothing before the first
// step, then the rows of the beams that live on.
func (d *decoding) bindPast(now, whole *tensors, live []beam, first bool, inputs []ort.Value) error {
	all := make([]int, len(live)) // of what is the same for every beam: the first row
	parents := make([]int, len(live))
	for k, b := range live {
		parents[k] = b.parent
	}
	for i, kv := range d.r.layout.cache {
		var err error
		switch {
		case first:
			inputs[kv.input], err = keep(now, []float32{}, 1, kv.heads, 0, kv.width)
		case kv.cross && int(d.past[i].GetShape()[0]) == len(live):
			inputs[kv.input] = d.past[i]
		case kv.cross:
			d.past[i], err = pick(whole, d.past[i], all)
			inputs[kv.input] = d.past[i]
		default:
			inputs[kv.input], err = pick(now, d.past[i], parents)
		}
		if err != nil {
			return err
		}
	}
	if int(d.hidden.GetShape()[0]) == len(live) {
		return nil
	}
	wide, err := pick(whole, d.hidden, all)
	if err == nil {
		d.hidden = wide
	}
	return err
}

// pick is a tensor of some rows of another. The other itself where they are all
// of its rows in order.
func pick(t *tensors, from *ort.Tensor[float32], rows []int) (*ort.Tensor[float32], error) {
	shape := from.GetShape().Clone()
	same := int(shape[0]) == len(rows)
	for k, r := range rows {
		same = same && k == r
	}
	if same {
		return from, nil
	}
	data := from.GetData()
	size := len(data) / int(shape[0])
	picked := make([]float32, 0, size*len(rows))
	for _, r := range rows {
		picked = append(picked, data[r*size:(r+1)*size]...)
	}
	shape[0] = int64(len(rows))
	return keep(t, picked, shape...)
}

// floats is a value that a graph must give: float32 with so many dimensions.
func floats(v ort.Value, dims int) (*ort.Tensor[float32], error) {
	t, ok := v.(*ort.Tensor[float32])
	if !ok || len(t.GetShape()) != dims {
		return nil, fmt.Errorf("the graph gave %T of shape %v, not float32 with %d dimensions", v, v.GetShape(), dims)
	}
	return t, nil
}
