// Package container reads what a video file says about itself: how far its pictures are to be
// turned, whether the file is cut short, and the presentation times of its last frames.
//
// MP4 and MOV (ISO/IEC 14496-12), MPEG-TS (ISO/IEC 13818-1), Matroska and WebM (RFC 9559) are
// understood; of RIFF files, such as AVI, only whether they are cut short. Nothing is decoded.
package container

import (
	"encoding/binary"
	"io"
	"time"
)

// Facts is what a video file says about its first video track.
type Facts struct {
	Turn  int             // degrees clockwise by which a decoded picture must be turned to stand upright: 0, 90, 180 or 270
	Short bool            // the file ends before its own structure says
	Last  []time.Duration // presentation times of the last frames (at most 64), counted from the first frame's, ascending; nil: unknown, as in a file that is cut short
}

// Read walks the structure of the size bytes of r. What it does not understand, and what
// cannot be read, leaves the zero value. It takes bounded memory and time whatever the bytes.
func Read(r io.ReaderAt, size int64) Facts {
	f := file{r: r, size: size, steps: maxSteps}
	head := f.bytes(0, 12)
	if len(head) < 12 {
		return Facts{}
	}
	var facts Facts
	switch kind := string(head[4:8]); {
	case string(head[:4]) == "RIFF":
		facts.Short = f.riffShort()
	case string(head[:4]) == ebmlHead:
		facts = f.matroska()
	case kind == "ftyp" || kind == "wide" || kind == "mdat" || kind == "moov" || kind == "free":
		facts = f.bmff()
	default:
		facts = f.transportStream()
	}
	if facts.Short || f.steps <= 0 {
		facts.Last = nil
	}
	return facts
}

// maxSteps bounds all boxes, elements and table entries that are read of one file: enough for
// a day at 60 frames a second with a few entries a frame.
const maxSteps = 1 << 25

// A file is the bytes under one call of Read.
type file struct {
	r     io.ReaderAt
	size  int64
	steps int // how many more boxes, elements and entries may be read
}

// step says whether one more box, element or entry may be read.
func (f *file) step() bool {
	f.steps--
	return f.steps > 0
}

// bytes reads up to n bytes at an offset; fewer at the end of the file, none outside it.
func (f *file) bytes(at int64, n int) []byte {
	if at < 0 || at >= f.size {
		return nil
	}
	b := make([]byte, min(int64(n), f.size-at))
	read, _ := f.r.ReadAt(b, at) // an error leaves the file shorter
	return b[:read]
}

// riffShort walks the RIFF chunks of a file: an AVI above 1 GiB has several (OpenDML).
func (f *file) riffShort() bool {
	for at := int64(0); f.step(); {
		head := f.bytes(at, 8)
		if len(head) < 8 || string(head[:4]) != "RIFF" {
			return false
		}
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		at += 8 + length
		if at > f.size {
			return true
		}
		at += length & 1 // chunks start at even offsets
	}
	return false
}
