package opencv

import (
	"fmt"
	"image"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// over is a Mat that looks at f's pixels and does not own them. The caller
// closes it while f is still alive and unchanged in size.
func over(f *camera.Frame) (gocv.Mat, error) {
	if f.Width < 1 || f.Height < 1 || len(f.Pix) != 3*f.Width*f.Height {
		return gocv.Mat{}, fmt.Errorf("frame of %dx%d pixels holds %d bytes", f.Width, f.Height, len(f.Pix))
	}
	return gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC3, f.Pix)
}

// copyOut makes f an independent copy of mat's picture. scratch holds a
// converted picture between calls; nil makes one for this call.
func copyOut(mat, scratch *gocv.Mat, f *camera.Frame) error {
	if mat.Type() != gocv.MatTypeCV8UC3 {
		if scratch == nil {
			m := gocv.NewMat()
			defer m.Close()
			scratch = &m
		}
		if err := toBGR(mat, scratch); err != nil {
			return err
		}
		mat = scratch
	}
	if !mat.IsContinuous() {
		whole := mat.Clone()
		defer whole.Close()
		mat = &whole
	}
	pix, err := mat.DataPtrUint8()
	if err != nil {
		return err
	}
	f.Resize(mat.Cols(), mat.Rows())
	copy(f.Pix, pix)
	return nil
}

// toBGR turns a grey picture or one with alpha into packed BGR.
func toBGR(from, to *gocv.Mat) error {
	switch from.Type() {
	case gocv.MatTypeCV8UC1:
		return gocv.CvtColor(*from, to, gocv.ColorGrayToBGR)
	case gocv.MatTypeCV8UC4:
		return gocv.CvtColor(*from, to, gocv.ColorBGRAToBGR)
	}
	return fmt.Errorf("pictures of type %v: %w", from.Type(), camera.ErrNoPicture)
}

func size(w, h int) image.Point { return image.Pt(w, h) }
