package speech

import (
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
	"deixis/model/onnx"
)

// What the VAD hears at a time.
const (
	chunk  = 512 // samples: listen.Chunk
	before = 64  // of the chunk before, which it must hear again
)

// VAD is Silero's voice detector. It belongs to one goroutine.
type VAD struct {
	sound, state, out, next *ort.Tensor[float32]
	rate                    *ort.Scalar[int64]
	session                 *ort.AdvancedSession
	free                    []func() error
}

// OpenVAD loads the VAD of a speech folder. Errors are onnx.ErrLibrary and
// onnx.ErrContract.
func OpenVAD(s *model.Speech, o Options) (_ *VAD, err error) {
	v := &VAD{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open voice detector: %w", err), v.Close())
		}
	}()
	release, err := onnx.Use(o.Library)
	if err != nil {
		return nil, err
	}
	v.free = append(v.free, release)
	for to, shape := range map[**ort.Tensor[float32]]ort.Shape{
		&v.sound: {1, before + chunk}, &v.state: {2, 1, 128}, &v.out: {1, 1}, &v.next: {2, 1, 128},
	} {
		if *to, err = ort.NewEmptyTensor[float32](shape); err != nil {
			return nil, err
		}
		v.free = append(v.free, (*to).Destroy)
	}
	if v.rate, err = ort.NewScalar(int64(s.Rate)); err != nil {
		return nil, err
	}
	v.free = append(v.free, v.rate.Destroy)
	so, err := options(1)
	if err != nil {
		return nil, err
	}
	defer so.Destroy()
	v.session, err = ort.NewAdvancedSession(s.Path("vad"), []string{"input", "state", "sr"}, []string{"output", "stateN"},
		[]ort.Value{v.sound, v.state, v.rate}, []ort.Value{v.out, v.next}, so)
	if err != nil {
		return nil, err
	}
	v.free = append(v.free, v.session.Destroy)
	if _, err := v.Prob(make([]float32, chunk)); err != nil {
		return nil, fmt.Errorf("%w: %w", onnx.ErrContract, err)
	}
	v.Reset()
	return v, nil
}

// Prob says how likely somebody speaks in chunk, 512 samples.
func (v *VAD) Prob(pcm []float32) (float32, error) {
	if len(pcm) != chunk {
		return 0, fmt.Errorf("a chunk has %d samples, not %d", len(pcm), chunk)
	}
	sound := v.sound.GetData()
	copy(sound[before:], pcm)
	if err := v.session.Run(); err != nil {
		return 0, err
	}
	copy(sound, sound[chunk:])
	copy(v.state.GetData(), v.next.GetData())
	return v.out.GetData()[0], nil
}

// Reset forgets what was heard.
func (v *VAD) Reset() {
	v.sound.ZeroContents()
	v.state.ZeroContents()
}

// Close frees everything.
func (v *VAD) Close() error { return closeAll(&v.free) }
