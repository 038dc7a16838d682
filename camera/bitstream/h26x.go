package bitstream

// Types of NAL units.
const (
	h264SPS = 7
	hevcSPS = 33
)

// h264 reads the first sequence parameter set of a packet (ITU-T H.264, 7.3.2.1.1).
func h264(p []byte) (width, height int, ok bool) {
	for nal := range units(p) {
		if len(nal) > 1 && nal[0]&0x9f == h264SPS { // forbidden_zero_bit is 0
			return h264Set(&bits{data: payload(nal[1:])})
		}
	}
	return 0, 0, false
}

func h264Set(b *bits) (width, height int, ok bool) {
	profile := b.u(8)
	b.skip(16) // constraints, level
	b.ue()     // seq_parameter_set_id
	chroma := uint32(1)
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		chroma = h264Chroma(b)
	}
	b.ue()          // log2_max_frame_num_minus4
	switch b.ue() { // pic_order_cnt_type
	case 0:
		b.ue() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		b.skip(1)
		b.se()
		b.se()
		for range min(b.ue(), 255) {
			b.se()
		}
	}
	b.ue() // max_num_ref_frames
	b.skip(1)
	w, h := 16*(int(b.ue())+1), 16*(int(b.ue())+1)
	unitX, unitY := chromaUnits(chroma)
	if !b.flag() { // frame_mbs_only_flag: rows count for one field
		h, unitY = 2*h, 2*unitY
		b.skip(1)
	}
	b.skip(1)
	return b.crop(w, h, unitX, unitY)
}

// h264Chroma reads what the high profiles add, and returns ChromaArrayType.
func h264Chroma(b *bits) uint32 {
	chroma, lists := b.ue(), 8
	separate := false
	if chroma == 3 {
		lists, separate = 12, b.flag()
	}
	b.ue()        // bit_depth_luma_minus8
	b.ue()        // bit_depth_chroma_minus8
	b.skip(1)     // qpprime_y_zero_transform_bypass_flag
	if b.flag() { // seq_scaling_matrix_present_flag
		for i := range lists {
			if b.flag() {
				scalingList(b, i)
			}
		}
	}
	if separate {
		return 0
	}
	return chroma
}

// scalingList passes over one list (7.3.2.1.1.1): six of 16 numbers, the others of 64.
func scalingList(b *bits, list int) {
	size := 16
	if list >= 6 {
		size = 64
	}
	last, next := 8, 8
	for range size {
		if next != 0 {
			next = (last + b.se() + 256) & 0xff
		}
		if next != 0 {
			last = next
		}
	}
}

// chromaUnits are the pixels of one step of a cropping offset (tables 6-1 of both standards).
func chromaUnits(chroma uint32) (x, y int) {
	switch chroma {
	case 1: // 4:2:0
		return 2, 2
	case 2: // 4:2:2
		return 2, 1
	}
	return 1, 1
}

// crop reads a cropping flag and its offsets, and applies them.
func (b *bits) crop(w, h, unitX, unitY int) (width, height int, ok bool) {
	if b.flag() {
		w -= unitX * (int(b.ue()) + int(b.ue())) // left, right
		h -= unitY * (int(b.ue()) + int(b.ue())) // top, bottom
	}
	return w, h, !b.bad
}

// hevc reads the first sequence parameter set of a packet (ITU-T H.265, 7.3.2.2.1).
func hevc(p []byte) (width, height int, ok bool) {
	for nal := range units(p) {
		// The base layer's: nuh_layer_id, six bits over both bytes, is 0.
		if len(nal) > 2 && nal[0]>>1 == hevcSPS && nal[0]&1 == 0 && nal[1]>>3 == 0 {
			return hevcSet(&bits{data: payload(nal[2:])})
		}
	}
	return 0, 0, false
}

func hevcSet(b *bits) (width, height int, ok bool) {
	b.skip(4) // sps_video_parameter_set_id
	layers := int(b.u(3))
	b.skip(1)      // sps_temporal_id_nesting_flag
	b.skip(88 + 8) // profile_tier_level: the general profile and level
	if layers > 0 {
		flags := b.u(16) // of each layer but the last: has it a profile, has it a level
		for i := range layers {
			if flags>>(15-2*i)&1 == 1 {
				b.skip(88)
			}
			if flags>>(14-2*i)&1 == 1 {
				b.skip(8)
			}
		}
	}
	b.ue() // sps_seq_parameter_set_id
	chroma := b.ue()
	if chroma == 3 && b.flag() { // separate_colour_plane_flag
		chroma = 0
	}
	w, h := int(b.ue()), int(b.ue())
	unitX, unitY := chromaUnits(chroma)
	return b.crop(w, h, unitX, unitY)
}
