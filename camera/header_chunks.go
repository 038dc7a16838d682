package camera

import "encoding/binary"

const pngHead = "\x89PNG\r\n\x1a\n"

// readPNG walks the chunks up to IEND.
func readPNG(data []byte, info *Header) error {
	for at := len(pngHead); ; {
		if at+8 > len(data) {
			return ErrCutShort
		}
		n := int64(binary.BigEndian.Uint32(data[at:]))
		kind, end := string(data[at+4:at+8]), int64(at)+8+n+4 // 4 of checksum
		if end > int64(len(data)) {
			if kind != "IHDR" || at+16 > len(data) {
				return ErrCutShort
			}
		}
		body := data[at+8 : min(int64(at)+8+n, int64(len(data)))]
		switch kind {
		case "IHDR":
			if len(body) < 8 {
				return errBroken
			}
			info.Width, info.Height = int64(binary.BigEndian.Uint32(body)), int64(binary.BigEndian.Uint32(body[4:]))
		case "eXIf":
			info.setOrientation(body)
		case "IEND":
			return nil
		}
		if end > int64(len(data)) {
			return ErrCutShort
		}
		at = int(end)
	}
}

// readWebP walks the chunks of the RIFF container.
func readWebP(data []byte, info *Header) error {
	size := int64(binary.LittleEndian.Uint32(data[4:])) + 8
	whole := size <= int64(len(data))+1 // some writers leave out the last pad byte
	data = data[:min(size, int64(len(data)))]
	if len(data) < 12 {
		return errBroken
	}
	for at := 12; at+8 <= len(data); {
		kind, n := string(data[at:at+4]), int64(binary.LittleEndian.Uint32(data[at+4:]))
		end := int64(at) + 8 + n
		body := data[at+8 : min(end, int64(len(data)))]
		switch {
		case kind == "VP8X" && len(body) >= 10:
			info.grow(1+int64(u24(body[4:])), 1+int64(u24(body[7:])))
		case kind == "VP8L" && len(body) >= 5:
			bits := int64(binary.LittleEndian.Uint32(body[1:]))
			info.grow(1+bits&0x3fff, 1+bits>>14&0x3fff)
		case kind == "VP8 " && len(body) >= 10:
			info.grow(int64(binary.LittleEndian.Uint16(body[6:]))&0x3fff, int64(binary.LittleEndian.Uint16(body[8:]))&0x3fff)
		case kind == "EXIF":
			info.setOrientation(body)
		}
		if end > int64(len(data)) {
			return ErrCutShort
		}
		at = int(end + n%2)
	}
	if !whole {
		return ErrCutShort
	}
	return nil
}

// grow keeps the largest of several sizes, so that none can hide another.
func (h *Header) grow(wide, high int64) {
	h.Width, h.Height = max(h.Width, wide), max(h.Height, high)
}

func u24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }
