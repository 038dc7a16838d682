package opencv

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// corners is 48x32 pixels: top left red, top right green, bottom left blue,
// bottom right white, so that no two orientations look alike.
func corners() *camera.Frame {
	var f camera.Frame
	f.Resize(48, 32)
	for y := range 32 {
		for x := range 48 {
			c := [4][3]byte{{0, 0, 255}, {0, 255, 0}, {255, 0, 0}, {255, 255, 255}}[2*(y/16)+x/24]
			copy(f.Pix[3*(y*48+x):], c[:])
		}
	}
	return &f
}

// stored is f as a camera with orientation o writes it down: EXIF says which
// edges of the true picture row 0 and column 0 of the stored one are.
func stored(f *camera.Frame, o int) *camera.Frame {
	w, h := f.Width, f.Height
	var to camera.Frame
	if o < 5 {
		to.Resize(w, h)
	} else {
		to.Resize(h, w)
	}
	for y := range to.Height {
		for x := range to.Width {
			at := [9][2]int{{}, {x, y}, {w - 1 - x, y}, {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
				{y, x}, {w - 1 - y, x}, {w - 1 - y, h - 1 - x}, {y, h - 1 - x}}[o]
			copy(to.Pix[3*(y*to.Width+x):][:3], f.Pix[3*(at[1]*w+at[0]):])
		}
	}
	return &to
}

func encoded(t *testing.T, ext string, f *camera.Frame) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a"+ext)
	if err := WriteImage(path, f); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// exif is a block with nothing but an orientation.
func exif(o int) []byte {
	return append([]byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), byte(o), 0, 0, 0, 0, 0, 0)
}

func pngChunk(kind string, body []byte) []byte {
	c := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), kind...)
	c = append(c, body...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}

// oriented writes o into the data of a picture.
func oriented(t *testing.T, ext string, data []byte, o int) []byte {
	t.Helper()
	switch ext {
	case ".jpg":
		body := append([]byte("Exif\x00\x00"), exif(o)...)
		head := append([]byte{0xff, 0xd8, 0xff, 0xe1, 0, byte(len(body) + 2)}, body...)
		return append(head, data[2:]...)
	case ".png":
		return append(append(bytes.Clone(data[:33]), pngChunk("eXIf", exif(o))...), data[33:]...)
	case ".webp": // VP8X with the EXIF flag, the picture, EXIF
		out := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x08\x00\x00\x00")
		w, h := 47, 31
		if o >= 5 {
			w, h = h, w
		}
		out = append(out, byte(w), 0, 0, byte(h), 0, 0)
		out = append(append(out, data[12:]...), "EXIF"...)
		out = append(binary.LittleEndian.AppendUint32(out, uint32(len(exif(o)))), exif(o)...)
		binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
		return out
	case ".tiff": // the directory again at the end, with one entry more
		le, at := binary.LittleEndian, 0
		at = int(le.Uint32(data[4:]))
		n := int(le.Uint16(data[at:]))
		out := append(bytes.Clone(data), make([]byte, len(data)%2)...)
		le.PutUint32(out[4:], uint32(len(out)))
		var entries [][]byte
		for i := range n {
			if e := data[at+2+12*i:][:12]; le.Uint16(e) != 274 {
				entries = append(entries, e)
			}
		}
		mine := append([]byte{0x12, 1, 3, 0, 1, 0, 0, 0, byte(o)}, 0, 0, 0)
		i := 0
		for i < len(entries) && le.Uint16(entries[i]) < 274 {
			i++
		}
		entries = append(entries[:i:i], append([][]byte{mine}, entries[i:]...)...)
		out = le.AppendUint16(out, uint16(len(entries)))
		return append(append(out, bytes.Join(entries, nil)...), 0, 0, 0, 0)
	}
	t.Fatal(ext)
	return nil
}

func TestReadImageTurnsEveryFormat(t *testing.T) {
	want := corners()
	for _, ext := range []string{".jpg", ".png", ".webp", ".tiff"} {
		for o := 1; o <= 8; o++ {
			t.Run(fmt.Sprint(ext[1:], o), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "a"+ext)
				if err := os.WriteFile(path, oriented(t, ext, encoded(t, ext, stored(want, o)), o), 0o644); err != nil {
					t.Fatal(err)
				}
				var f camera.Frame
				if err := ReadImage(path, &f); err != nil {
					t.Fatal(err)
				}
				if f.Width != 48 || f.Height != 32 {
					t.Fatalf("%dx%d, want 48x32", f.Width, f.Height)
				}
				for _, p := range [][2]int{{8, 8}, {40, 8}, {8, 24}, {40, 24}} { // the middles of the corners
					at := 3 * (p[1]*48 + p[0])
					for i := range 3 {
						if d := int(f.Pix[at+i]) - int(want.Pix[at+i]); d < -60 || d > 60 { // lossy, yet far from the next colour at 255
							t.Errorf("at %v: %v, want %v", p, f.Pix[at:at+3], want.Pix[at:at+3])
							break
						}
					}
				}
			})
		}
	}
}

func TestReadImageRefusesWhatIsCutShort(t *testing.T) {
	for _, ext := range []string{".jpg", ".png", ".webp", ".tiff", ".bmp", ".ppm"} {
		data := encoded(t, ext, corners())
		path := filepath.Join(t.TempDir(), "a"+ext)
		for _, keep := range []int{len(data) / 4, len(data) / 2, len(data) - 3} {
			if err := os.WriteFile(path, data[:keep], 0o644); err != nil {
				t.Fatal(err)
			}
			var f camera.Frame
			if err := ReadImage(path, &f); !errors.Is(err, camera.ErrNoPicture) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, %d bytes of %d: %v, want ErrNoPicture", ext, keep, len(data), err)
			}
		}
	}
}

func TestReadImageRefusesBombs(t *testing.T) {
	ihdr := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 40000), 40000), 8, 2, 0, 0, 0)
	bomb := "\x89PNG\r\n\x1a\n" + string(pngChunk("IHDR", ihdr)) + string(pngChunk("IDAT", make([]byte, 100_000))) + string(pngChunk("IEND", nil))
	bmp := encoded(t, ".bmp", corners())
	binary.LittleEndian.PutUint32(bmp[18:], 40000)
	binary.LittleEndian.PutUint32(bmp[22:], 40000)
	jpg := encoded(t, ".jpg", corners())
	sof := bytes.Index(jpg, []byte{0xff, 0xc0}) // then length, depth, height, width
	copy(jpg[sof+5:], []byte{0x9c, 0x40, 0x9c, 0x40})
	webp := oriented(t, ".webp", encoded(t, ".webp", corners()), 1)
	copy(webp[24:], []byte{0x3f, 0x9c, 0, 0x3f, 0x9c, 0})
	tiff := encoded(t, ".tiff", corners())
	at := int(binary.LittleEndian.Uint32(tiff[4:])) + 2
	for e := tiff[at:]; len(e) >= 12 && binary.LittleEndian.Uint16(e) <= 257; e = e[12:] {
		if tag := binary.LittleEndian.Uint16(e); tag >= 256 { // width and height, made one long each
			copy(e[2:], []byte{4, 0, 1, 0, 0, 0, 0x40, 0x9c, 0, 0})
		}
	}
	for name, data := range map[string]string{
		"a.png": bomb, "a.ppm": "P6 40000 40000 255\n", "a.bmp": string(bmp),
		"a.jpg": string(jpg), "a.webp": string(webp), "a.tiff": string(tiff),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		var f camera.Frame
		err := ReadImage(path, &f)
		if !errors.Is(err, camera.ErrNoPicture) {
			t.Fatalf("%s: %v, want ErrNoPicture", name, err)
		}
		for _, says := range []string{path, "40000x40000", "100000000", "--max-pixels"} {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q does not say %q", name, err, says)
			}
		}
	}
	var f camera.Frame
	path := filepath.Join(t.TempDir(), "a.png")
	if err := WriteImage(path, corners()); err != nil {
		t.Fatal(err)
	}
	if err := ReadImageWithin(path, 48*32, &f); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if err := ReadImageWithin(path, 48*32-1, &f); !errors.Is(err, camera.ErrNoPicture) {
		t.Errorf("past the limit: %v", err)
	}
}

func TestReadImageTurnsDeepTIFF(t *testing.T) {
	mat := gocv.NewMatWithSize(32, 48, gocv.MatTypeCV16UC3)
	defer mat.Close()
	path := filepath.Join(t.TempDir(), "a.tiff")
	if !gocv.IMWrite(path, mat) {
		t.Fatal("not written")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, oriented(t, ".tiff", data, 6), 0o644); err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	if err := ReadImage(path, &f); err != nil || f.Width != 32 || f.Height != 48 {
		t.Errorf("%dx%d, %v; want 32x48", f.Width, f.Height, err)
	}
}

func TestReadImageSaysOneLineOfWhatOpenCVRefuses(t *testing.T) {
	var data bytes.Buffer
	if err := png.Encode(&data, image.NewGray(image.Rect(0, 0, 1<<20+1, 1))); err != nil { // OpenCV takes rows up to 1<<20 pixels
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "wide.png")
	if err := os.WriteFile(path, data.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	err := ReadImage(path, &f)
	if !errors.Is(err, camera.ErrNoPicture) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "1048577x1") {
		t.Errorf("got %q", err)
	}
}

// FuzzDecode compares the size that the header was read to have, which the
// limit is checked against, with that of what OpenCV decodes.
func FuzzDecode(f *testing.F) {
	for _, ext := range []string{".jpg", ".png", ".webp", ".tiff", ".bmp", ".ppm"} {
		mat := gocv.NewMatWithSize(7, 9, gocv.MatTypeCV8UC3)
		data, err := gocv.IMEncode(gocv.FileExt(ext), mat)
		mat.Close()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(data.GetBytes()))
		data.Close()
	}
	f.Add([]byte("P5#a\r3 2 255\n123456"))
	f.Add([]byte("P3 1 1 255\n1 2 3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := camera.ReadHeader(data)
		if err != nil || !h.Within(1<<20) {
			return
		}
		var got camera.Frame
		if decode(data, h, &got) != nil {
			return
		}
		w, high := int(h.Width), int(h.Height)
		if h.Orientation >= 5 {
			w, high = high, w
		}
		if got.Width > w || got.Height > high {
			t.Errorf("%dx%d decoded, the header was read as %+v", got.Width, got.Height, h)
		}
	})
}

func TestReadImageRefusesAWholeFileOfCutData(t *testing.T) {
	const rows = 64
	ihdr := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 64), rows), 8, 2, 0, 0, 0)
	var pixels bytes.Buffer
	z := zlib.NewWriter(&pixels)
	for i := range rows * (1 + 3*64) {
		z.Write([]byte{byte(i * i % 251 * min(1, i%(1+3*64)))}) // 0 at the start of a row: no filter
	}
	z.Close()
	path := filepath.Join(t.TempDir(), "a.png")
	for name, tt := range map[string]struct {
		keep int
		good bool
	}{"all": {pixels.Len(), true}, "half": {pixels.Len() / 2, false}} {
		png := "\x89PNG\r\n\x1a\n" + string(pngChunk("IHDR", ihdr)) + string(pngChunk("IDAT", pixels.Bytes()[:tt.keep])) + string(pngChunk("IEND", nil))
		if err := os.WriteFile(path, []byte(png), 0o644); err != nil {
			t.Fatal(err)
		}
		var f camera.Frame
		if err := ReadImage(path, &f); (err == nil) != tt.good || err != nil && !errors.Is(err, camera.ErrNoPicture) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
