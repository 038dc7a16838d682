package opencv

import (
	"encoding/binary"
	"io"
	"os"
)

// incomplete says whether a video file is shorter than its own container says:
// an MP4 or MOV with a box that runs past the end of the file, or an AVI with
// such a RIFF chunk. Counts of frames do not tell, because edit lists hide
// frames and rates are guessed. Files of other kinds do not say.
func incomplete(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	return runsOver(f, info.Size())
}

// mostBoxes bounds the walk over a file's top boxes.
const mostBoxes = 1 << 20

func runsOver(r io.ReaderAt, size int64) bool {
	var head [16]byte
	if n, _ := r.ReadAt(head[:], 0); n < 12 {
		return false
	}
	if string(head[:4]) == "RIFF" {
		return 8+int64(binary.LittleEndian.Uint32(head[4:])) > size
	}
	if kind := string(head[4:8]); kind != "ftyp" && kind != "wide" && kind != "mdat" && kind != "moov" && kind != "free" {
		return false
	}
	at := int64(0)
	for range mostBoxes {
		n, _ := r.ReadAt(head[:], at)
		if n < 8 {
			return false // the end, or padding after it
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		switch {
		case length == 0: // the box goes to the end of the file
			return false
		case length == 1 && n == 16:
			length = int64(binary.BigEndian.Uint64(head[8:]))
		}
		if length < 8 {
			return false // not a box
		}
		if length > size-at {
			return true
		}
		at += length
	}
	return false
}
