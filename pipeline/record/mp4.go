package record

import (
	"encoding/binary"
	"image"
	"io"
	"os"

	"gocv.io/x/gocv"
)

// whole says whether the MP4 file has its index, the box named moov, which is
// written last. A box begins with its length, four bytes, and its name.
func whole(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [16]byte
	for at := int64(0); ; {
		if _, err := f.ReadAt(head[:8], at); err != nil {
			return false
		}
		size := int64(binary.BigEndian.Uint32(head[:]))
		if size == 1 { // the length is too long for four bytes and follows in eight
			if _, err := f.ReadAt(head[8:], at+8); err != nil {
				return false
			}
			size = int64(binary.BigEndian.Uint64(head[8:]))
		}
		if string(head[4:8]) == "moov" {
			end, err := f.Seek(0, io.SeekEnd)
			return err == nil && at+size <= end
		}
		if size < 8 {
			return false
		}
		at += size
	}
}

// fit is mat as large as w by h allows, its proportions kept, on black. The
// caller closes it.
func fit(mat gocv.Mat, w, h int) gocv.Mat {
	scale := min(float64(w)/float64(mat.Cols()), float64(h)/float64(mat.Rows()))
	size := image.Pt(max(1, int(scale*float64(mat.Cols()))), max(1, int(scale*float64(mat.Rows()))))
	small := gocv.NewMat()
	defer small.Close()
	gocv.Resize(mat, &small, size, 0, 0, gocv.InterpolationArea)
	whole := gocv.Zeros(h, w, gocv.MatTypeCV8UC3)
	corner := image.Pt((w-size.X)/2, (h-size.Y)/2)
	part := whole.Region(image.Rectangle{Min: corner, Max: corner.Add(size)})
	defer part.Close()
	small.CopyTo(&part)
	return whole
}
