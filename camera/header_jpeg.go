package camera

import (
	"bytes"
	"encoding/binary"
)

// readJPEG walks the markers of ITU-T T.81 up to the end marker. A thumbnail
// with an end marker of its own lies inside a segment and is stepped over.
// image/jpeg would do as well for whole files, but it refuses 12 bit,
// arithmetic and some CMYK pictures that OpenCV reads, and decodes twice.
func readJPEG(data []byte, info *Header) error {
	const soi, eoi, sos, app1, dht, jpg, dac, rst0, rst7 = 0xd8, 0xd9, 0xda, 0xe1, 0xc4, 0xc8, 0xcc, 0xd0, 0xd7
	for at := 2; ; {
		marker, after := nextMarker(data, at)
		switch {
		case after < 0:
			return ErrCutShort
		case marker == eoi:
			return nil
		case marker == soi || marker == 1 || rst0 <= marker && marker <= rst7: // these stand alone
			at = after
			continue
		case after+2 > len(data):
			return ErrCutShort
		}
		n := int(binary.BigEndian.Uint16(data[after:]))
		if n < 2 {
			return errBroken
		}
		if after+n > len(data) {
			return ErrCutShort
		}
		body := data[after+2 : after+n]
		at = after + n
		switch {
		case marker == app1 && info.Orientation == 1 && bytes.HasPrefix(body, []byte("Exif\x00")):
			info.setOrientation(body)
		case 0xc0 <= marker && marker <= 0xcf && marker != dht && marker != jpg && marker != dac:
			if len(body) < 5 {
				return errBroken
			}
			h, w := int64(binary.BigEndian.Uint16(body[1:])), int64(binary.BigEndian.Uint16(body[3:]))
			info.Width, info.Height = max(info.Width, w), max(info.Height, h)
		case marker == sos && info.Height == 0 && info.Width > 0:
			return errBroken // the height in a DNL segment after the scan: libjpeg does not read it either
		}
	}
}

// nextMarker finds the marker at or after at, past coded data and fill bytes;
// after is the byte behind it, or -1.
func nextMarker(data []byte, at int) (marker byte, after int) {
	for at < len(data) {
		i := bytes.IndexByte(data[at:], 0xff)
		if i < 0 {
			break
		}
		for at += i; at < len(data) && data[at] == 0xff; at++ {
		}
		if at < len(data) && data[at] != 0 {
			return data[at], at + 1
		}
	}
	return 0, -1
}
