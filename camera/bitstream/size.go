// Package bitstream reads the size of the pictures out of one coded packet, where the packet
// carries it: a key frame's parameter sets or header. Nothing is decoded.
package bitstream

import (
	"encoding/binary"
	"strings"
)

// Size is the width and height in pixels that a packet announces, after cropping; ok is false
// where it announces none or is damaged. The codec is a code of four letters as OpenCV's
// CAP_PROP_FOURCC gives them: a container's tag, the start of FFmpeg's name of the codec, or a
// stream type of MPEG-TS. H.264 and HEVC are read in the form with start codes (Annex B).
func Size(codec string, packet []byte) (width, height int, ok bool) {
	read := readers[strings.TrimRight(strings.ToLower(codec), "\x00 ")]
	if read == nil {
		return 0, 0, false
	}
	width, height, ok = read(packet)
	if !ok || width < 1 || height < 1 || width > maxSide || height > maxSide {
		return 0, 0, false
	}
	return width, height, true
}

// maxSide is the longest side that any of the codecs has (VP9, JPEG); more is damage.
const maxSide = 1 << 16

type reader func(packet []byte) (width, height int, ok bool)

var readers = map[string]reader{
	"avc1": h264, "avc3": h264, "h264": h264, "x264": h264, "\x1b": h264,
	"hevc": hevc, "hvc1": hevc, "hev1": hevc, "h265": hevc, "x265": hevc, "\x24": hevc,
	"mjpg": jpeg, "mjpe": jpeg, "jpeg": jpeg, "mjpa": jpeg, "dmb1": jpeg,
	"mpg1": mpeg2, "mpg2": mpeg2, "\x01": mpeg2, "\x02": mpeg2,
	"mp4v": mpeg4, "fmp4": mpeg4, "xvid": mpeg4, "divx": mpeg4, "dx50": mpeg4, "\x10": mpeg4,
	"mpeg": mpeg2or4,
	"vp80": vp8, "vp08": vp8, "vp8": vp8,
	"vp90": vp9, "vp09": vp9, "vp9": vp9,
}

// mpeg2or4 reads what FFmpeg calls mpeg1video, mpeg2video or mpeg4. The first two start with a
// sequence header that a picture follows; in the last the same code is a group's, before its
// planes (a video object plane has the code b6).
func mpeg2or4(p []byte) (width, height int, ok bool) {
	const sequence, picture = 0xb3, 0x00
	first := true
	for unit := range units(p) {
		if len(unit) == 0 {
			continue
		}
		if first && unit[0] != sequence {
			return mpeg4(p)
		}
		if first = false; unit[0] == picture {
			return mpeg2(p)
		}
	}
	return 0, 0, false
}

// jpeg reads the frame header (ITU-T T.81, B.2.2) of the first picture.
func jpeg(p []byte) (width, height int, ok bool) {
	if len(p) < 2 || p[0] != 0xff || p[1] != 0xd8 {
		return 0, 0, false
	}
	for p = p[2:]; len(p) >= 4; {
		marker := p[1]
		switch {
		case p[0] != 0xff:
			return 0, 0, false
		case marker == 0xff: // a fill byte
			p = p[1:]
			continue
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // without content
			p = p[2:]
			continue
		case marker == 0xd9 || marker == 0xda: // the end, or coded data
			return 0, 0, false
		}
		n := 2 + int(binary.BigEndian.Uint16(p[2:]))
		if n < 4 || n > len(p) {
			return 0, 0, false
		}
		if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc { // SOF
			if n < 9 {
				return 0, 0, false
			}
			return int(binary.BigEndian.Uint16(p[7:])), int(binary.BigEndian.Uint16(p[5:])), true
		}
		p = p[n:]
	}
	return 0, 0, false
}
