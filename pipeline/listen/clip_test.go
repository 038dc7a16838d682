package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestReadWAV(t *testing.T) {
	wav := wavOf(1, 16, 1, 8000, 4000, func(i, _ int) float64 { return 0.25 })
	pcm, err := ReadWAV(bytes.NewReader(wav), time.Second)
	if err != nil || len(pcm) < 7990 || len(pcm) > 8010 || pcm[4000] < 0.24 || pcm[4000] > 0.26 {
		t.Errorf("%d samples, %v", len(pcm), err)
	}
	for name, broken := range map[string][]byte{
		"empty": wavOf(1, 16, 1, 8000, 0, nil), "cut off": wav[:1000], "no header": wav[:20], "nothing": nil,
	} {
		if _, err := ReadWAV(bytes.NewReader(broken), time.Second); !errors.Is(err, ErrSound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadWAVStops: a body of 1 MB may hold nine minutes, and its header may say
// so, or not.
func TestReadWAVStops(t *testing.T) {
	const seconds = 4
	wav := wavOf(1, 8, 1, leastRate, seconds*leastRate, func(int, int) float64 { return 0.25 })
	endless := bytes.Clone(wav)
	binary.LittleEndian.PutUint32(endless[len(endless)-seconds*leastRate-4:], 0)
	for name, raw := range map[string][]byte{"as its header says": wav, "as its header does not say": endless} {
		if _, err := ReadWAV(bytes.NewReader(raw), (seconds-1)*time.Second); !errors.Is(err, ErrSound) || !strings.Contains(err.Error(), "longer than 3s") {
			t.Errorf("longer %s: %v", name, err)
		}
		if pcm, err := ReadWAV(bytes.NewReader(raw), (seconds+1)*time.Second); err != nil || len(pcm) < seconds*Rate*9/10 {
			t.Errorf("shorter %s: %d samples, %v", name, len(pcm), err)
		}
	}
	from := &counted{raw: endless}
	from.raw = append(from.raw, make([]byte, 1<<20)...)
	if _, err := ReadWAV(from, time.Second); !errors.Is(err, ErrSound) || from.n > 64<<10 {
		t.Errorf("of one second %d bytes are read: %v", from.n, err)
	}
}

// counted counts what is read of raw.
type counted struct {
	raw []byte
	n   int
}

func (c *counted) Read(p []byte) (int, error) {
	if c.n == len(c.raw) {
		return 0, io.EOF
	}
	n := copy(p, c.raw[c.n:])
	c.n += n
	return n, nil
}

func FuzzReadWAV(f *testing.F) {
	quarter := func(int, int) float64 { return 0.25 }
	for _, seed := range [][]byte{
		wavOf(1, 16, 1, 16000, 40, quarter), wavOf(1, 8, 2, 2000, 40, quarter), wavOf(3, 64, 1, 48000, 40, quarter),
		extensible(wavOf(1, 24, 1, 44100, 40, quarter)), []byte("RIFF....WAVEfmt "), nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		pcm, err := ReadWAV(bytes.NewReader(raw), time.Second)
		if err != nil && !errors.Is(err, ErrSound) {
			t.Errorf("%v is not ErrSound", err)
		}
		if err == nil && len(pcm) == 0 {
			t.Error("no sound, and no error")
		}
		for _, x := range pcm {
			if !(x >= -2 && x <= 2) { // resampling may overshoot
				t.Fatalf("a sample of %v", x)
			}
		}
	})
}
