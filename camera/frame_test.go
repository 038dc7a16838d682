package camera

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func TestCopyToKeepsAllButTheMemory(t *testing.T) {
	f := Frame{Seq: 3, At: time.Unix(5, 0), PTS: 7, Width: 1, Height: 1, Pix: []byte{1, 2, 3}, File: "a.jpg", Cut: true, Mirrored: true}
	var c Frame
	f.CopyTo(&c)
	if !reflect.DeepEqual(f, c) || &f.Pix[0] == &c.Pix[0] {
		t.Errorf("%+v, want a copy of %+v", c, f)
	}
}

func TestMirror(t *testing.T) {
	for name, tt := range map[string]struct {
		w         int
		pix, want []byte
	}{
		"odd":     {3, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}, []byte{7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13}},
		"even":    {2, []byte{1, 2, 3, 4, 5, 6}, []byte{4, 5, 6, 1, 2, 3}},
		"one":     {1, []byte{1, 2, 3}, []byte{1, 2, 3}},
		"nothing": {0, nil, nil},
	} {
		f := Frame{Width: tt.w, Height: len(tt.pix) / max(1, 3*tt.w), Pix: bytes.Clone(tt.pix)}
		if f.Mirror(); !bytes.Equal(f.Pix, tt.want) || !f.Mirrored {
			t.Errorf("%s: %d, want %d", name, f.Pix, tt.want)
		}
		var c Frame
		if f.CopyTo(&c); !c.Mirrored {
			t.Errorf("%s: a copy is not mirrored", name)
		}
		if f.Mirror(); !bytes.Equal(f.Pix, tt.pix) || f.Mirrored {
			t.Errorf("%s: twice is not as before", name)
		}
	}
}

func TestResizeKeepsMemoryThatIsEnough(t *testing.T) {
	var f Frame
	f.Resize(4, 3)
	at := &f.Pix[0]
	for _, size := range [][2]int{{4, 3}, {2, 2}, {3, 4}} {
		if f.Resize(size[0], size[1]); &f.Pix[0] != at || len(f.Pix) != 3*size[0]*size[1] {
			t.Errorf("%v: %d bytes, in the same place: %v", size, len(f.Pix), &f.Pix[0] == at)
		}
	}
	if f.Resize(5, 3); len(f.Pix) != 45 || f.Width != 5 || f.Height != 3 {
		t.Errorf("%dx%d in %d bytes", f.Width, f.Height, len(f.Pix))
	}
}
