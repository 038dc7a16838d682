package record

import (
	"encoding/binary"
	"image"
	"io"
	"os"

	"gocv.io/x/gocv"
)

// whole says whether an MP4 file is there to its end: its boxes fill it, one of them
// is the index, named moov, and where fragments follow that (moof), the last box is
// mfra, which is written when all of them are. A box begins with its length, four
// bytes, and its name.
func whole(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return false
	}
	var head [16]byte
	var index, fragments bool
	var last string
	for at := int64(0); at < end; {
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
		if size < 8 || size > end-at {
			return false
		}
		last = string(head[4:8])
		index, fragments = index || last == "moov", fragments || last == "moof"
		at += size
	}
	return index && (last == "mfra" || !fragments)
}

// fitMat is mat as large as w by h allows, its proportions kept, on black. The
// caller closes it.
func fitMat(mat gocv.Mat, w, h int) gocv.Mat {
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
