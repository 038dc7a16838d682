package opencv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// WriteImage encodes f into a file; its extension says as what.
func WriteImage(path string, f *camera.Frame) error {
	ext := strings.ToLower(filepath.Ext(path))
	if strings.Trim(ext, ".") == "" {
		return fmt.Errorf("write picture %q: no extension says as what (name it .jpg or .png)", path)
	}
	mat, err := over(f)
	if err != nil {
		return fmt.Errorf("write picture %q: %w", path, err)
	}
	defer mat.Close()
	buf, err := gocv.IMEncode(gocv.FileExt(ext), mat)
	if err != nil {
		return fmt.Errorf("write picture %q: OpenCV cannot encode %s (name it .jpg or .png)", path, ext)
	}
	defer buf.Close()
	if err := os.WriteFile(path, buf.GetBytes(), 0o644); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

// Shrink is f with its longer side of at most so many pixels, means over areas; f itself
// where it is no larger.
func Shrink(f *camera.Frame, side int) (*camera.Frame, error) {
	longer := max(f.Width, f.Height)
	if longer <= side {
		return f, nil
	}
	from, err := over(f)
	if err != nil {
		return nil, fmt.Errorf("shrink picture: %w", err)
	}
	defer from.Close()
	to := gocv.NewMat()
	defer to.Close()
	by := float64(side) / float64(longer)
	small := size(max(1, int(by*float64(f.Width)+0.5)), max(1, int(by*float64(f.Height)+0.5)))
	if err := gocv.Resize(from, &to, small, 0, 0, gocv.InterpolationArea); err != nil {
		return nil, fmt.Errorf("shrink picture: %w", err)
	}
	out := *f
	out.Pix = nil
	if err := copyOut(&to, nil, &out); err != nil {
		return nil, fmt.Errorf("shrink picture: %w", err)
	}
	return &out, nil
}

// EncodeJPEG is f as a JPEG of quality 1 to 100.
func EncodeJPEG(f *camera.Frame, quality int) ([]byte, error) {
	mat, err := over(f)
	if err != nil {
		return nil, fmt.Errorf("encode jpeg: %w", err)
	}
	defer mat.Close()
	buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, mat, []int{gocv.IMWriteJpegQuality, min(max(quality, 1), 100)})
	if err != nil {
		return nil, fmt.Errorf("encode jpeg: %w", err)
	}
	defer buf.Close()
	return append([]byte(nil), buf.GetBytes()...), nil
}
