package camera

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"testing"
)

func drawn(t testing.TB) (j, p []byte) {
	t.Helper()
	var a, b bytes.Buffer
	m := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	if err := errors.Join(jpeg.Encode(&a, m, nil), png.Encode(&b, m)); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}

func TestReadHeaderEveryLength(t *testing.T) {
	j, p := drawn(t)
	for name, data := range map[string][]byte{"JPEG": j, "PNG": p} {
		got, err := ReadHeader(data)
		if want := (Header{name, 40, 30, 1}); got != want || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		for n := range data {
			if _, err := ReadHeader(data[:n]); err == nil {
				t.Errorf("%s: %d bytes of %d are no whole picture", name, n, len(data))
			}
		}
	}
}

func TestWithinDoesNotOverflow(t *testing.T) {
	if (Header{Width: 1<<32 - 1, Height: 1<<32 - 1}).Within(100_000_000) {
		t.Error("a product past 64 bits passed")
	}
}

func FuzzReadHeader(f *testing.F) {
	j, p := drawn(f)
	for _, s := range []string{string(j), string(p), "P6 2 1 255\n123456", "BM", "II*\x00\x08\x00\x00\x00\x00\x00", "RIFF\x04\x00\x00\x00WEBP"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := ReadHeader(data)
		if info.Orientation < 1 || info.Orientation > 8 {
			t.Errorf("orientation %d", info.Orientation)
		}
		if err == nil && (info.Width < 1 || info.Height < 1) {
			t.Errorf("%+v without an error", info)
		}
		UprightTIFF(bytes.Clone(data))
	})
}

func TestReadHeaderEndsCommentsAsOpenCVDoes(t *testing.T) {
	// Were the comment to end at the line feed alone, the size would be 1x1.
	got, _ := ReadHeader([]byte("P5 #\r40000 40000 #\n1 1 255\n1"))
	if got.Width != 40000 || got.Height != 40000 {
		t.Errorf("%+v, want 40000x40000", got)
	}
}

func TestReadHeaderRefusesHugeTiles(t *testing.T) {
	entry := func(tag uint16, v uint32) []byte {
		e := binary.LittleEndian.AppendUint16(nil, tag)
		e = append(e, 4, 0, 1, 0, 0, 0) // one long
		return binary.LittleEndian.AppendUint32(e, v)
	}
	for name, tt := range map[string]struct {
		side uint32
		good bool
	}{"usual": {256, true}, "huge": {1 << 15, false}} {
		data := []byte("II*\x00\x08\x00\x00\x00\x04\x00")
		for _, e := range [][]byte{entry(tagWidth, 9), entry(tagHeight, 7), entry(tagTileWidth, tt.side), entry(tagTileHeight, tt.side)} {
			data = append(data, e...)
		}
		if got, err := ReadHeader(data); (err == nil) != tt.good {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
