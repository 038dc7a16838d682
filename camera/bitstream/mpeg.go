package bitstream

import mathbits "math/bits"

// mpeg2 reads the sequence header of MPEG-1 or MPEG-2 (ITU-T H.262, 6.2.2.1), and the higher
// bits of the size in the sequence extension after it (6.2.2.3).
func mpeg2(p []byte) (width, height int, ok bool) {
	const header, extension, slice = 0xb3, 0xb5, 0x01
	for unit := range units(p) {
		if len(unit) == 0 {
			continue
		}
		b := &bits{data: unit[1:]}
		switch {
		case unit[0] == header:
			width, height = int(b.u(12)), int(b.u(12))
			ok = !b.bad
		case unit[0] == extension && ok && b.u(4) == 1:
			b.skip(8 + 1 + 2) // profile and level, progressive_sequence, chroma_format
			width |= int(b.u(2)) << 12
			height |= int(b.u(2)) << 12
			return width, height, !b.bad
		case unit[0] == slice:
			return width, height, ok
		}
	}
	return width, height, ok
}

// mpeg4 reads the video object layer of MPEG-4 part 2 (ISO/IEC 14496-2, 6.2.3).
func mpeg4(p []byte) (width, height int, ok bool) {
	const firstLayer, lastLayer, extendedAspect, rectangular = 0x20, 0x2f, 15, 0
	for unit := range units(p) {
		if len(unit) == 0 || unit[0] < firstLayer || unit[0] > lastLayer {
			continue
		}
		b := &bits{data: unit[1:]}
		b.skip(1 + 8)
		if b.flag() { // is_object_layer_identifier
			b.skip(4 + 3)
		}
		if b.u(4) == extendedAspect {
			b.skip(8 + 8)
		}
		if b.flag() { // vol_control_parameters
			b.skip(2 + 1)
			if b.flag() { // vbv_parameters
				b.skip(79)
			}
		}
		if b.u(2) != rectangular {
			return 0, 0, false
		}
		b.skip(1)
		resolution := b.u(16) // vop_time_increment_resolution
		b.skip(1)
		if b.flag() { // fixed_vop_rate: an increment below the resolution
			b.skip(max(1, mathbits.Len32(max(1, resolution)-1)))
		}
		b.skip(1)
		width = int(b.u(13))
		b.skip(1)
		height = int(b.u(13))
		return width, height, !b.bad
	}
	return 0, 0, false
}
