// Package still reads what the header of a picture file says before anything
// is decoded: its size, its orientation, and whether the file is whole.
package still

import (
	"bytes"
	"errors"
)

// The sentinels that callers test with errors.Is.
var (
	ErrShort   = errors.New("cut short")
	ErrUnknown = errors.New("not a JPEG, PNG, WebP, TIFF, BMP or PNM picture")
	errBroken  = errors.New("broken header")
)

// Info is what a header says.
type Info struct {
	Format        string // "JPEG", "PNG", "WebP", "TIFF", "BMP" or "PNM"
	Width, Height int64  // pixels as stored, before turning
	Orientation   int    // of EXIF, 1 to 8; 1 is upright, also where none is written
}

// Within says whether the picture has at most most pixels.
func (i Info) Within(most int64) bool { return i.Width <= most/max(i.Height, 1) }

// Read reads the header in data, which is the whole file. Where the file is
// cut short, Info holds what was found before.
func Read(data []byte) (Info, error) {
	info := Info{Orientation: 1}
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
		return info, ErrUnknown
	}
	if err == nil && (info.Width < 1 || info.Height < 1) {
		err = errBroken
	}
	return info, err
}

// setOrientation takes the orientation from an EXIF block, and leaves 1 where
// the block has none or is broken: a picture is not lost over it.
func (i *Info) setOrientation(exif []byte) {
	exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	d, err := openIFD(exif)
	if err != nil {
		return
	}
	if o := d.first(tagOrientation); 1 <= o && o <= 8 {
		i.Orientation = int(o)
	}
}
