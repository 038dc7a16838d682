package opencv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// film writes n frames at 10 a second; frame i is all of blue 20*i.
func film(t *testing.T, path, codec string, w, h, n int) {
	t.Helper()
	out, err := gocv.VideoWriterFile(path, codec, 10, w, h, true)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for i := range n {
		mat := gocv.NewMatWithSizeFromScalar(gocv.NewScalar(float64(20*i), 80, 80, 0), h, w, gocv.MatTypeCV8UC3)
		if err := out.Write(mat); err != nil {
			t.Error(err)
		}
		mat.Close()
	}
}

// picture is a frame, red on the left and blue on the right.
func picture(w, h int) *camera.Frame {
	var f camera.Frame
	f.Resize(w, h)
	for i := range w * h {
		copy(f.Pix[3*i:], []byte{0, 0, 255})
		if i%w >= w/2 {
			copy(f.Pix[3*i:], []byte{255, 0, 0})
		}
	}
	return &f
}

func TestWriteAndReadImage(t *testing.T) {
	dir := t.TempDir()
	want := picture(31, 17)
	var got camera.Frame
	for _, name := range []string{"a.png", "b.JPG", "c.bmp"} {
		path := filepath.Join(dir, name)
		if err := WriteImage(path, want); err != nil {
			t.Fatal(err)
		}
		if err := ReadImage(path, &got); err != nil {
			t.Fatal(err)
		}
		if got.Width != 31 || got.Height != 17 {
			t.Errorf("%s came back as %dx%d", name, got.Width, got.Height)
		}
		if name != "b.JPG" && !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s came back with other pixels", name)
		}
	}
	for _, bad := range []string{"noext", "a.xyz", filepath.Join("no", "such", "folder", "a.png")} {
		if err := WriteImage(filepath.Join(dir, bad), want); err == nil {
			t.Errorf("WriteImage(%s) wrote something", bad)
		}
	}
	if err := WriteImage(filepath.Join(dir, "z.png"), &camera.Frame{Width: 3, Height: 3}); err == nil {
		t.Error("WriteImage wrote a frame without pixels")
	}
}

func TestReadImageErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.jpg")
	if err := os.WriteFile(text, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	if err := ReadImage(text, &f); !errors.Is(err, camera.ErrNoPicture) {
		t.Errorf("text: %v, want ErrNoPicture", err)
	}
	if err := ReadImage(filepath.Join(dir, "none.jpg"), &f); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v, want fs.ErrNotExist", err)
	}
	if err := ReadImage(dir, &f); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("folder: %v", err)
	}
}

func TestReadImageTurnsByEXIF(t *testing.T) {
	jpeg, err := EncodeJPEG(picture(64, 32), 90)
	if err != nil {
		t.Fatal(err)
	}
	// An APP1 segment with one entry: Orientation (0x0112), short, 6: turn right.
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	path := filepath.Join(t.TempDir(), "turned.jpg")
	if err := os.WriteFile(path, append(append([]byte{0xff, 0xd8}, exif...), jpeg[2:]...), 0o644); err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	if err := ReadImage(path, &f); err != nil {
		t.Fatal(err)
	}
	if f.Width != 32 || f.Height != 64 || f.Pix[2] < 200 || f.Pix[len(f.Pix)-3] < 200 {
		t.Errorf("%dx%d, first pixel %v, last %v; want 32x64, red, blue", f.Width, f.Height, f.Pix[:3], f.Pix[len(f.Pix)-3:])
	}
}

func TestReadImageGreyAndAlpha(t *testing.T) {
	dir := t.TempDir()
	for name, kind := range map[string]gocv.MatType{"grey.png": gocv.MatTypeCV8UC1, "alpha.png": gocv.MatTypeCV8UC4, "deep.png": gocv.MatTypeCV16UC3} {
		mat := gocv.NewMatWithSizeFromScalar(gocv.NewScalar(200, 200, 200, 255), 8, 9, kind)
		gocv.IMWrite(filepath.Join(dir, name), mat)
		mat.Close()
		var f camera.Frame
		if err := ReadImage(filepath.Join(dir, name), &f); err != nil {
			t.Fatal(err)
		}
		if f.Width != 9 || f.Height != 8 || len(f.Pix) != 3*72 {
			t.Errorf("%s: %dx%d, %d bytes", name, f.Width, f.Height, len(f.Pix))
		}
	}
}

func TestImages(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a2.png", "a10.png"} {
		if err := WriteImage(filepath.Join(dir, name), picture(len(name)*4, 8)); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := camera.Parse(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), ref, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var f camera.Frame
	for n, width := range []int{24, 28} {
		if err := s.Next(t.Context(), &f); err != nil || f.Width != width || f.Seq != uint64(n+1) || !f.Cut || f.File != []string{"a2.png", "a10.png"}[n] {
			t.Errorf("picture %d: width %d, seq %d, cut %v, file %q, %v", n, f.Width, f.Seq, f.Cut, f.File, err)
		}
	}
	if err := s.Next(t.Context(), &f); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}

func TestImagesPassesOverBrokenOnes(t *testing.T) {
	for name, tt := range map[string]struct {
		broken, good int
		says         string
	}{
		"one of three": {1, 2, "1 of 3 pictures could not be read: a0.png"},
		"all":          {2, 0, "2 of 2 pictures could not be read: a0.png, a1.png"},
		"very many":    {12, 1, "12 of 13 pictures could not be read: a0.png, a1.png, a2.png, a3.png, a4.png, a5.png, a6.png, a7.png, a8.png, a9.png, …"},
		"the only one": {1, 0, "cannot decode"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ref := camera.Ref{Kind: camera.Images}
			for i := range tt.broken + tt.good {
				ref.Paths = append(ref.Paths, filepath.Join(dir, fmt.Sprintf("a%d.png", i)))
				err := os.WriteFile(ref.Paths[i], []byte("no picture"), 0o644)
				if i >= tt.broken {
					err = WriteImage(ref.Paths[i], picture(8, 8))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			var log bytes.Buffer
			s := NewImages(ref, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			var f camera.Frame
			n := 0
			err := s.Next(t.Context(), &f)
			for ; err == nil; err = s.Next(t.Context(), &f) {
				n++
			}
			if n != tt.good || !errors.Is(err, camera.ErrNoPicture) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%d pictures, then %v", n, err)
			}
			if lines := strings.Count(log.String(), "passed over"); len(ref.Paths) > 1 && lines != tt.broken {
				t.Errorf("log says:\n%s", &log)
			}
		})
	}
}

func TestImagesSayOnceWhatIsNotRead(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(WriteImage(filepath.Join(dir, "a.png"), picture(1, 1)), WriteImage(filepath.Join(dir, "b.png"), picture(8, 8)),
		os.WriteFile(filepath.Join(dir, "c.heic"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	ref, err := camera.Parse(dir)
	if err != nil {
		t.Fatal(err)
	}
	ref.Sequence = true
	var log bytes.Buffer
	s := NewImages(ref, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	var f camera.Frame
	for n, name := range []string{"a.png", "b.png"} {
		if err := s.Next(t.Context(), &f); err != nil || f.File != name || f.Cut {
			t.Errorf("picture %d: %q, cut %v, %v", n, f.File, f.Cut, err)
		}
	}
	if err := s.Next(t.Context(), &f); err != io.EOF {
		t.Errorf("what is not read is no error: %v", err)
	}
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "count=1") || !strings.Contains(said, "c.heic") {
		t.Errorf("log says:\n%s", said)
	}
}
