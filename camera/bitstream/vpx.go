package bitstream

import "encoding/binary"

// vp8 reads the header of a key frame (RFC 6386, 9.1).
func vp8(p []byte) (width, height int, ok bool) {
	if len(p) < 10 || p[0]&1 != 0 || string(p[3:6]) != "\x9d\x01\x2a" {
		return 0, 0, false
	}
	// The upper two bits of each are a scale for showing it.
	return int(binary.LittleEndian.Uint16(p[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(p[8:]) & 0x3fff), true
}

// vp9 reads the uncompressed header of a key frame (VP9 bitstream specification, 6.2). A
// packet with several frames (a superframe, annex B) starts with the first of them.
func vp9(p []byte) (width, height int, ok bool) {
	const frameMarker, sync, sRGB = 2, 0x498342, 7
	b := &bits{data: p}
	if b.u(2) != frameMarker {
		return 0, 0, false
	}
	profile := b.u(1) | b.u(1)<<1
	if profile == 3 {
		b.skip(1)
	}
	showExisting, inter := b.flag(), b.flag()
	if showExisting || inter {
		return 0, 0, false
	}
	b.skip(1 + 1) // show_frame, error_resilient_mode
	if b.u(24) != sync {
		return 0, 0, false
	}
	if profile >= 2 {
		b.skip(1) // 10 or 12 bits
	}
	odd := profile == 1 || profile == 3 // a subsampling other than 4:2:0
	switch space := b.u(3); {
	case space != sRGB && odd:
		b.skip(1 + 2 + 1) // color_range, subsampling, reserved
	case space != sRGB:
		b.skip(1)
	case odd:
		b.skip(1)
	default: // the specification has none
		return 0, 0, false
	}
	return int(b.u(16)) + 1, int(b.u(16)) + 1, !b.bad
}
