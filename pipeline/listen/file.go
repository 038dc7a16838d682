package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"deixis/camera"
)

// A File gives the sound of a WAV file: one channel, Rate samples a second,
// whatever the file has.
type File struct {
	name string
	file *os.File
	wav  *wav
	re   *resampler

	raw   []float32 // at the file's rate
	ready []float32 // at ours, not given yet
	given int
	ended error // what the file ends with; nil before

	paced bool
	began time.Time
}

// OpenFile reads the header of a WAV file. A paced one gives its sound no
// faster than it was spoken, as a microphone does. Errors are ErrSound and
// those of the file system.
func OpenFile(name string, paced bool) (*File, error) {
	f, err := camera.OpenRegular(name)
	if err != nil {
		return nil, fmt.Errorf("open sound: %w", err)
	}
	w, err := newWAV(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open sound %s: %w", name, err), f.Close())
	}
	return &File{name: name, file: f, wav: w, re: newResampler(w.rate, Rate), raw: make([]float32, 4096), paced: paced}, nil
}

// Read fills pcm, less at the end. A file without a sample, and one that is cut
// off, ends with an ErrSound.
func (f *File) Read(ctx context.Context, pcm []float32) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for len(f.ready) < len(pcm) && f.ended == nil {
		f.fill()
	}
	n := min(len(pcm), len(f.ready))
	if n == 0 && len(pcm) > 0 {
		return 0, f.end()
	}
	if err := f.wait(ctx, f.given+n); err != nil {
		return 0, err
	}
	copy(pcm, f.ready[:n])
	f.ready = f.ready[:copy(f.ready, f.ready[n:])]
	f.given += n
	return n, nil
}

// fill reads one piece of the file.
func (f *File) fill() {
	n, err := f.wav.Read(f.raw)
	f.ready = f.re.push(f.ready, f.raw[:n])
	if f.ended = err; err != nil && (f.given > 0 || len(f.ready) > 0) {
		f.ready = f.re.flush(f.ready)
	}
}

func (f *File) end() error {
	switch {
	case errors.Is(f.ended, io.EOF) && f.given == 0:
		return fmt.Errorf("read sound %s: %w: there is not one sample in it", f.name, ErrSound)
	case errors.Is(f.ended, io.EOF):
		return io.EOF
	}
	return fmt.Errorf("read sound %s: %w", f.name, f.ended)
}

// wait lasts until n samples would have been spoken.
func (f *File) wait(ctx context.Context, n int) error {
	if !f.paced {
		return nil
	}
	if f.began.IsZero() {
		f.began = time.Now()
	}
	return camera.Sleep(ctx, time.Until(f.began.Add(span(n))))
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
