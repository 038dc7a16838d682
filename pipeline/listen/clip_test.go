package listen

import (
	"bytes"
	"errors"
	"testing"
)

func TestReadWAV(t *testing.T) {
	wav := wavOf(1, 16, 1, 8000, 4000, func(i, _ int) float64 { return 0.25 })
	pcm, err := ReadWAV(bytes.NewReader(wav))
	if err != nil || len(pcm) < 7990 || len(pcm) > 8010 || pcm[4000] < 0.24 || pcm[4000] > 0.26 {
		t.Errorf("%d samples, %v", len(pcm), err)
	}
	for name, broken := range map[string][]byte{
		"empty": wavOf(1, 16, 1, 8000, 0, nil), "cut off": wav[:1000], "no header": wav[:20], "nothing": nil,
	} {
		if _, err := ReadWAV(bytes.NewReader(broken)); !errors.Is(err, ErrSound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
