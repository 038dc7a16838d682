package camera

import "encoding/binary"

func readBMP(data []byte, info *Header) error {
	if len(data) < 26 {
		return ErrCutShort
	}
	le := binary.LittleEndian
	start, bits, packed := int64(le.Uint32(data[10:])), int64(0), uint32(0)
	if le.Uint32(data[14:]) == 12 { // the header of OS/2
		info.Width, info.Height, bits = int64(le.Uint16(data[18:])), int64(le.Uint16(data[20:])), int64(le.Uint16(data[24:]))
	} else {
		if len(data) < 34 {
			return ErrCutShort
		}
		info.Width, info.Height = int64(int32(le.Uint32(data[18:]))), int64(int32(le.Uint32(data[22:])))
		info.Height = max(info.Height, -info.Height) // negative is top to bottom
		bits, packed = int64(le.Uint16(data[28:])), le.Uint32(data[30:])
	}
	const rle8, rle4 = 1, 2
	if packed == rle8 || packed == rle4 || info.Width < 1 {
		return nil // OpenCV refuses a run that goes past the end
	}
	row := (info.Width*bits + 31) / 32 * 4
	if left := int64(len(data)) - start; left < 0 || row > 0 && info.Height > left/row {
		return ErrCutShort
	}
	return nil
}

// readPNM reads the header of P1 to P6. The raster of P1 to P3 is text, whose
// early end OpenCV refuses by itself.
func readPNM(data []byte, info *Header) error {
	kind, at := data[1], 2
	w, at := decimal(data, at)
	h, at := decimal(data, at)
	info.Width, info.Height = w, h
	depth := int64(1)
	if kind != '1' && kind != '4' {
		depth, at = decimal(data, at)
	}
	if at < 0 {
		return ErrCutShort
	}
	if kind < '4' {
		return nil
	}
	row := (w + 7) / 8
	if kind != '4' {
		row = w
		if kind == '6' {
			row *= 3
		}
		if depth > 255 {
			row *= 2
		}
	}
	if row > 0 && h > int64(len(data)-at-1)/row { // one blank stands before the raster
		return ErrCutShort
	}
	return nil
}

// decimal reads a decimal past blanks and comments; after is -1 where there is none.
func decimal(data []byte, at int) (n int64, after int) {
	if at < 0 {
		return 0, -1
	}
	for ; at < len(data) && (data[at] == '#' || data[at] <= ' '); at++ {
		if data[at] == '#' {
			for at < len(data) && data[at] != '\n' && data[at] != '\r' { // as OpenCV ends it, or it would read another size
				at++
			}
		}
	}
	from := at
	for ; at < len(data) && '0' <= data[at] && data[at] <= '9'; at++ {
		n = min(10*n+int64(data[at]-'0'), 1<<40)
	}
	if at == from {
		return 0, -1
	}
	return n, at
}
