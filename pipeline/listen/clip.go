package listen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// ReadWAV is the whole sound of a WAV file, one channel, Rate samples a second.
// Errors are ErrSound and those of r.
func ReadWAV(r io.Reader) ([]float32, error) {
	w, err := newWAV(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	re := newResampler(w.rate, Rate)
	piece := make([]float32, 4096)
	var pcm []float32
	for {
		n, err := w.Read(piece)
		pcm = re.push(pcm, piece[:n])
		switch {
		case errors.Is(err, io.EOF) && len(pcm) == 0:
			return nil, fmt.Errorf("%w: there is not one sample in it", ErrSound)
		case errors.Is(err, io.EOF):
			return re.flush(pcm), nil
		case err != nil:
			return nil, err
		}
	}
}
