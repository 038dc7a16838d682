package container

import (
	"encoding/binary"
	"iter"
	"math"
)

// A box of ISO/IEC 14496-12 (4.2): its type and where its content lies.
type box struct {
	kind       string
	start, end int64
	cut        bool // it claims to go on after the end of what it lies in
}

// boxes yields the boxes between two offsets, up to what is no box.
func (f *file) boxes(at, end int64) iter.Seq[box] {
	return func(yield func(box) bool) {
		for f.step() {
			head := f.bytes(at, 16)
			if len(head) < 8 || end-at < 8 {
				return // the end, or padding after it
			}
			length, skip := int64(binary.BigEndian.Uint32(head)), int64(8)
			switch {
			case length == 0: // the box goes to the end of the file
				length = end - at
			case length == 1 && len(head) == 16:
				length, skip = int64(binary.BigEndian.Uint64(head[8:])), 16
			}
			if length < skip {
				return // not a box
			}
			b := box{kind: string(head[4:8]), start: at + skip, cut: length > end-at}
			b.end = at + min(length, end-at)
			if !yield(b) {
				return
			}
			at = b.end
		}
	}
}

// find is the first box at the end of a path of types; it is empty if there is none.
func (f *file) find(in box, path ...string) box {
	for _, kind := range path {
		var found box
		for b := range f.boxes(in.start, in.end) {
			if b.kind == kind {
				found = b
				break
			}
		}
		in = found
	}
	return in
}

// content is the start of a box, filled up with zeros to n bytes.
func (f *file) content(b box, n int) []byte {
	out := make([]byte, n)
	copy(out, f.bytes(b.start, int(min(int64(n), b.end-b.start))))
	return out
}

// bmff reads an MP4 or MOV file.
func (f *file) bmff() Facts {
	var facts Facts
	var t *track
	var times timeline
	for b := range f.boxes(0, f.size) {
		facts.Short = facts.Short || b.cut
		switch {
		case b.kind == "moov" && t == nil:
			if t = f.movie(b); t != nil {
				f.samples(t, &times)
			}
		case b.kind == "moof" && t != nil:
			f.fragment(b, t, &times)
		}
	}
	if t != nil {
		facts.Turn = t.turn
		facts.Last = times.durations(int64(t.timescale))
	}
	return facts
}

// A track is the first video track of a movie.
type track struct {
	id        uint32
	timescale uint32 // ticks a second of its media
	turn      int    // degrees clockwise
	edits     []edit
	count     int64  // samples in stts and ctts
	stts      box    // decoding times
	ctts      box    // what the composition (presentation) time adds to them
	duration  uint32 // of a sample in a fragment that does not say (trex)
	next      int64  // decoding time of the first sample of the next fragment
}

// movie finds the first video track of a moov box; nil if there is none.
func (f *file) movie(moov box) *track {
	for trak := range f.boxes(moov.start, moov.end) {
		mdia := f.find(trak, "mdia")
		if trak.kind != "trak" || string(f.content(f.find(mdia, "hdlr"), 12)[8:]) != "vide" {
			continue
		}
		stbl := f.find(mdia, "minf", "stbl")
		t := &track{
			timescale: f.timescale(f.find(mdia, "mdhd")),
			stts:      f.find(stbl, "stts"),
			ctts:      f.find(stbl, "ctts"),
		}
		for b := range f.boxes(stbl.start, stbl.end) {
			if b.kind == "stsz" || b.kind == "stz2" {
				t.count = int64(binary.BigEndian.Uint32(f.content(b, 12)[8:]))
			}
		}
		f.header(t, f.find(moov, "mvhd"), f.find(trak, "tkhd"))
		t.edits = f.edits(f.find(trak, "edts", "elst"), t.timescale, f.timescale(f.find(moov, "mvhd")))
		mvex := f.find(moov, "mvex")
		for b := range f.boxes(mvex.start, mvex.end) {
			if trex := f.content(b, 16); b.kind == "trex" && binary.BigEndian.Uint32(trex[4:]) == t.id {
				t.duration = binary.BigEndian.Uint32(trex[12:])
			}
		}
		return t
	}
	return nil
}

// timescale is the ticks a second of an mvhd or mdhd box.
func (f *file) timescale(b box) uint32 {
	c := f.content(b, 24)
	if c[0] == 1 {
		return binary.BigEndian.Uint32(c[20:])
	}
	return binary.BigEndian.Uint32(c[12:])
}

// header reads the track's id and its turn. The matrices of the track and of the movie both
// apply (6.2.2); a picture that they mirror is only turned, so that what is up stays up.
func (f *file) header(t *track, mvhd, tkhd box) {
	c, at := f.content(tkhd, 88), 40
	t.id = binary.BigEndian.Uint32(c[12:])
	if c[0] == 1 {
		t.id, at = binary.BigEndian.Uint32(c[20:]), 52
	}
	own := readMatrix(c[at:])
	c, at = f.content(mvhd, 84), 36
	if c[0] == 1 {
		at = 48
	}
	all := readMatrix(c[at:])
	down := [2]float64{own[2]*all[0] + own[3]*all[2], own[2]*all[1] + own[3]*all[3]} // where (0, 1) goes
	if down == [2]float64{} {
		return
	}
	quarters := int(math.Round(math.Atan2(-down[0], down[1]) / (math.Pi / 2)))
	t.turn = (quarters + 4) % 4 * 90
}

// readMatrix is a, b, c, d of a transformation matrix: (x, y) goes to (ax+cy, bx+dy).
func readMatrix(b []byte) (m [4]float64) {
	for i, at := range []int{0, 4, 12, 16} {
		m[i] = float64(int32(binary.BigEndian.Uint32(b[at:])))
	}
	return m
}
