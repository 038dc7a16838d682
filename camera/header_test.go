package camera

import (
	"bytes"
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
