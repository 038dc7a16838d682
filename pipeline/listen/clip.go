package listen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// samplesIn is how many samples some time has, rate of them a second.
func samplesIn(d time.Duration, rate int) int64 {
	return int64(d.Seconds() * float64(rate))
}

// ReadWAV is the whole sound of a WAV file, one channel, Rate samples a second.
// It stops at what is longer than most: a small file may hold many minutes.
// Errors are ErrSound and those of r.
func ReadWAV(r io.Reader, most time.Duration) ([]float32, error) {
	w, err := newWAV(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	long := fmt.Errorf("%w: it is longer than %v", ErrSound, most)
	if frames := w.left / int64(w.bytes*w.channels); !w.endless && frames > samplesIn(most, w.rate) {
		return nil, long
	}
	re := newResampler(w.rate, Rate)
	piece := make([]float32, 4096)
	var pcm []float32
	for {
		n, err := w.Read(piece)
		pcm = re.push(pcm, piece[:n])
		switch {
		case int64(len(pcm)) > samplesIn(most, Rate):
			return nil, long
		case errors.Is(err, io.EOF) && len(pcm) == 0:
			return nil, fmt.Errorf("%w: there is not one sample in it", ErrSound)
		case errors.Is(err, io.EOF):
			return re.flush(pcm), nil
		case err != nil:
			return nil, err
		}
	}
}
