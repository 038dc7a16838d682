package opencv

import (
	"errors"
	"fmt"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// MaxPixels is how many pixels a picture may have where nothing else is said.
const MaxPixels = 100_000_000

// mostBytes bounds the file of a picture of most pixels: three colours and
// alpha of 16 bits each, and room for what stands beside them.
func mostBytes(most int) int64 { return 8*min(int64(most), 1<<40) + 64<<20 }

// ReadImage decodes the picture in a file into f, in colour and turned the way
// its EXIF orientation says. A file that is no whole picture, or has more than
// MaxPixels, is camera.ErrNoPicture.
func ReadImage(path string, f *camera.Frame) error { return ReadImageWithin(path, MaxPixels, f) }

// ReadImageWithin is ReadImage with another limit, in pixels; 0 or less means
// MaxPixels.
//
// The header is read before OpenCV sees the file: OpenCV hands out the first
// half of a truncated JPEG, decodes whatever size is claimed, and turns only
// some formats, not the same ones in every version.
func ReadImageWithin(path string, most int, f *camera.Frame) error {
	if most <= 0 {
		most = MaxPixels
	}
	data, err := camera.ReadRegular(path, mostBytes(most))
	switch {
	case errors.Is(err, camera.ErrNotRegular) || errors.Is(err, camera.ErrTooLarge):
		return fmt.Errorf("read picture: %w", unreadable(err.Error()))
	case err != nil:
		return fmt.Errorf("read picture: %w", err)
	}
	if err := decodeWithin(data, most, f); err != nil {
		return fmt.Errorf("read picture %q: %w", path, err)
	}
	return nil
}

// decodeWithin decodes a picture of at most most pixels, and may change data. Its
// error is camera.ErrNoPicture.
func decodeWithin(data []byte, most int, f *camera.Frame) error {
	info, err := camera.ReadHeader(data)
	switch {
	case !info.Within(int64(most)):
		return fmt.Errorf("%dx%d pixels are more than %d (make it smaller, or raise the limit with --max-pixels): %w", info.Width, info.Height, most, camera.ErrNoPicture)
	case errors.Is(err, camera.ErrFormat):
		return fmt.Errorf("cannot decode it: %w (convert it to JPEG or PNG): %w", err, camera.ErrNoPicture)
	case err != nil:
		return fmt.Errorf("cannot decode it: %s: %w (copy it again from its source): %w", info.Format, err, camera.ErrNoPicture)
	}
	return decode(data, info, f)
}

// decode may change data.
func decode(data []byte, info camera.Header, f *camera.Frame) error {
	if info.Format == "TIFF" {
		camera.UprightTIFF(data)
	}
	mat := gocv.NewMat()
	defer mat.Close()
	err := gocv.IMDecodeIntoMat(data, gocv.IMReadColor|gocv.IMReadIgnoreOrientation, &mat)
	if err != nil || mat.Empty() { // its error has several lines, of its own source code
		return fmt.Errorf("OpenCV cannot decode it (%s, %dx%d: broken, or of a rare kind; convert it to JPEG or PNG): %w", info.Format, info.Width, info.Height, camera.ErrNoPicture)
	}
	if err := turn(&mat, info.Orientation); err != nil {
		return err
	}
	return copyOut(&mat, nil, f)
}

// turn makes a picture upright that is stored in one of the eight ways of
// EXIF 2.32, tag 0x0112.
func turn(mat *gocv.Mat, orientation int) error {
	const upDown, leftRight, both, none = 0, 1, -1, 2
	flip := [9]int{0, none, leftRight, both, upDown, none, leftRight, both, upDown}[orientation]
	if orientation >= 5 { // stored on its side: rows are columns
		to := gocv.NewMat()
		if err := gocv.Transpose(*mat, &to); err != nil {
			return errors.Join(err, to.Close())
		}
		*mat, to = to, *mat
		to.Close()
	}
	if flip == none {
		return nil
	}
	return gocv.Flip(*mat, mat, flip)
}
