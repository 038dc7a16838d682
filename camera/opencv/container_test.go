package opencv

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// box is an MP4 box that claims length bytes and has n of content.
func box(kind string, length uint32, n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, length)
	return append(append(b, kind...), make([]byte, n)...)
}

func TestRunsOver(t *testing.T) {
	large := append(box("mdat", 1, 8), make([]byte, 4)...)
	binary.BigEndian.PutUint64(large[8:], 20)
	larger := bytes.Clone(large)
	binary.BigEndian.PutUint64(larger[8:], 21)
	ftyp := box("ftyp", 16, 8)
	riff := func(n uint32) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), n), "AVI LIST"...)
	}
	for name, tt := range map[string]struct {
		file []byte
		want bool
	}{
		"whole MP4":         {append(bytes.Clone(ftyp), box("mdat", 12, 4)...), false},
		"MP4 without end":   {append(bytes.Clone(ftyp), box("mdat", 13, 4)...), true},
		"up to the end":     {append(bytes.Clone(ftyp), box("mdat", 0, 4)...), false},
		"64-bit length":     {append(bytes.Clone(ftyp), large...), false},
		"64-bit length cut": {append(bytes.Clone(ftyp), larger...), true},
		"whole AVI":         {riff(8), false},
		"AVI cut":           {riff(9), true},
		"another kind":      {[]byte("\x1a\x45\xdf\xa3 this is a Matroska file"), false},
		"nothing":           {nil, false},
	} {
		if got := runsOver(bytes.NewReader(tt.file), int64(len(tt.file))); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
