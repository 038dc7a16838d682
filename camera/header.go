package camera

import (
	"bytes"
	"errors"
)

// The sentinels of ReadHeader that callers test with errors.Is.
var (
	ErrCutShort = errors.New("cut short")
	ErrFormat   = errors.New("not a JPEG, PNG, WebP, TIFF, BMP or PNM picture")
	errBroken   = errors.New("broken header")
)

// Header is what a picture file says of itself before anything is decoded.
type Header struct {
	Format        string // "JPEG", "PNG", "WebP", "TIFF", "BMP" or "PNM"
	Width, Height int64  // pixels as stored, before turning
	Orientation   int    // of EXIF, 1 to 8; 1 is upright, also where none is written
}

// Within says whether the picture has at most most pixels.
func (h Header) Within(most int64) bool { return h.Width <= most/max(h.Height, 1) }

// ReadHeader reads the header in data, which is the whole file, and walks its
// structure to the end. No pixel is decoded, and nothing of the claimed size is
// allocated. Errors are ErrCutShort, where Header holds what was found before,
// ErrFormat, or that of a broken header.
func ReadHeader(data []byte) (Header, error) {
	info := Header{Orientation: 1}
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		info.Format, err = "JPEG", readJPEG(data, &info)
	case bytes.HasPrefix(data, []byte(pngHead)):
		info.Format, err = "PNG", readPNG(data, &info)
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		info.Format, err = "WebP", readWebP(data, &info)
	case isTIFF(data):
		info.Format, err = "TIFF", readTIFF(data, &info)
	case bytes.HasPrefix(data, []byte("BM")):
		info.Format, err = "BMP", readBMP(data, &info)
	case len(data) > 2 && data[0] == 'P' && '1' <= data[1] && data[1] <= '6':
		info.Format, err = "PNM", readPNM(data, &info)
	default:
		return info, ErrFormat
	}
	if err == nil && (info.Width < 1 || info.Height < 1) {
		err = errBroken
	}
	return info, err
}

// setOrientation takes the orientation from an EXIF block, and leaves 1 where
// the block has none or is broken: a picture is not lost over it.
func (h *Header) setOrientation(exif []byte) {
	exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	d, err := openIFD(exif)
	if err != nil {
		return
	}
	if o := d.first(tagOrientation); 1 <= o && o <= 8 {
		h.Orientation = int(o)
	}
}
