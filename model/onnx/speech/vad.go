package speech

import (
	"context"
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
	"deixis/model/onnx"
)

// What the VAD hears at a time.
const (
	chunk   = 512 // samples: listen.Chunk
	overlap = 64  // of the chunk before, which it must hear again
)

// VAD is Silero's voice detector. It belongs to one goroutine.
type VAD struct {
	sound, state, out, next *ort.Tensor[float32]
	rate                    *ort.Scalar[int64]
	session                 *onnx.Session
	free                    onnx.Closers
}

// OpenVAD loads the VAD of a speech folder, as long as ctx is not done. Errors
// are onnx.ErrLibrary, onnx.ErrContract and ctx's.
func OpenVAD(ctx context.Context, s *model.Speech, o Options) (*VAD, error) {
	v, err := whileWanted(ctx, func() (*VAD, error) { return buildVAD(s, o) })
	if err != nil {
		return nil, fmt.Errorf("open voice detector: %w", err)
	}
	return v, nil
}

func buildVAD(s *model.Speech, o Options) (_ *VAD, err error) {
	v := &VAD{}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	release, err := onnx.Use(o.Library)
	if err != nil {
		return nil, err
	}
	v.free.Add(release)
	for to, shape := range map[**ort.Tensor[float32]]ort.Shape{
		&v.sound: {1, overlap + chunk}, &v.state: {2, 1, 128}, &v.out: {1, 1}, &v.next: {2, 1, 128},
	} {
		if *to, err = ort.NewEmptyTensor[float32](shape); err != nil {
			return nil, err
		}
		v.free.Add((*to).Destroy)
	}
	if v.rate, err = ort.NewScalar(int64(s.Rate)); err != nil {
		return nil, err
	}
	v.free.Add(v.rate.Destroy)
	if v.session, err = onnx.OpenSession(s.Path("vad"), onnx.SessionOptions{Threads: 1}, chooseVAD); err != nil {
		return nil, err
	}
	v.free.Add(v.session.Close)
	if _, err := v.Prob(make([]float32, chunk)); err != nil {
		return nil, fmt.Errorf("%w: %w", onnx.ErrContract, err)
	}
	v.Reset()
	return v, nil
}

// chooseVAD checks that a graph has what Prob feeds and reads.
func chooseVAD(inputs, outputs []ort.InputOutputInfo) (in, out []string, err error) {
	in, out = []string{"input", "state", "sr"}, []string{"output", "stateN"}
	for _, name := range in {
		if !slices.Contains(names(inputs), name) {
			return nil, nil, fmt.Errorf("%w: the voice detector has no input %s", onnx.ErrContract, name)
		}
	}
	for _, name := range out {
		if !slices.Contains(names(outputs), name) {
			return nil, nil, fmt.Errorf("%w: the voice detector has no output %s", onnx.ErrContract, name)
		}
	}
	return in, out, nil
}

// Prob says how likely somebody speaks in chunk, 512 samples.
func (v *VAD) Prob(pcm []float32) (float32, error) {
	if len(pcm) != chunk {
		return 0, fmt.Errorf("a chunk has %d samples, not %d", len(pcm), chunk)
	}
	sound := v.sound.GetData()
	copy(sound[overlap:], pcm)
	if err := v.session.Run(context.Background(), []ort.Value{v.sound, v.state, v.rate}, []ort.Value{v.out, v.next}); err != nil {
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
func (v *VAD) Close() error { return v.free.Close() }
