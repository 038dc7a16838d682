package container

import (
	"encoding/binary"
	"math/bits"
	"time"
)

const ebmlHead = "\x1a\x45\xdf\xa3"

// Element IDs (RFC 9559, section 5).
const (
	idEBML           = 0x1a45dfa3
	idSegment        = 0x18538067
	idInfo           = 0x1549a966
	idTimestampScale = 0x2ad7b1
	idTracks         = 0x1654ae6b
	idTrackEntry     = 0xae
	idTrackNumber    = 0xd7
	idTrackType      = 0x83
	idCluster        = 0x1f43b675
	idTimestamp      = 0xe7
	idSimpleBlock    = 0xa3
	idBlockGroup     = 0xa0
	idBlock          = 0xa1
)

// maxClusters bounds how many clusters at the end are remembered: one has a frame or more.
const maxClusters = keep

// An element of EBML (RFC 8794): its ID and where its content lies.
type element struct {
	id         uint32
	start, end int64
	unknown    bool // the size is not known: it ends where its parent does, or its next sibling starts
	cut        bool // it claims to go on after the end of the file
}

// element reads the head of the element at an offset.
func (f *file) element(at, end int64) (e element, ok bool) {
	head := f.bytes(at, int(min(12, max(0, end-at))))
	if len(head) < 2 || head[0] < 0x10 || !f.step() {
		return e, false
	}
	n := bits.LeadingZeros8(head[0]) + 1
	for _, b := range head[:min(n, len(head))] {
		e.id = e.id<<8 | uint32(b)
	}
	size, m, ok := vint(head[min(n, len(head)):])
	if !ok {
		return e, false
	}
	e.start, e.unknown = at+int64(n+m), size == 1<<(7*m)-1
	e.cut = !e.unknown && size > f.size-e.start
	e.end = e.start + min(size, end-e.start)
	if e.unknown {
		e.end = end
	}
	return e, true
}

// vint is a number of variable size (RFC 8794, section 4) and its count of bytes.
func vint(b []byte) (value int64, n int, ok bool) {
	if len(b) == 0 || b[0] == 0 || bits.LeadingZeros8(b[0]) >= len(b) {
		return 0, 0, false
	}
	n = bits.LeadingZeros8(b[0]) + 1
	value = int64(b[0]) & (1<<(8-n) - 1)
	for _, c := range b[1:n] {
		value = value<<8 | int64(c)
	}
	return value, n, true
}

// number is the unsigned integer that an element holds.
func (f *file) number(e element) (v uint64) {
	for _, b := range f.bytes(e.start, int(min(8, e.end-e.start))) {
		v = v<<8 | uint64(b)
	}
	return v
}

// A segment is what the walk over a Matroska file knows so far.
type segment struct {
	scale    int64 // nanoseconds of a tick of the clusters' timestamps
	track    uint64
	times    timeline  // in nanoseconds
	clusters []element // of known size after the first with frames: read at the end, from the last backwards
	cut      bool
	damaged  bool // bytes that are no element
}

// matroska reads a Matroska or WebM file.
func (f *file) matroska() Facts {
	s := segment{scale: int64(time.Millisecond)}
	whole := f.segment(&s)
	var last [][]int64
	for n := 0; len(s.clusters) > 0 && n < keep; s.clusters = s.clusters[:len(s.clusters)-1] {
		times, _ := f.cluster(s.clusters[len(s.clusters)-1], &s)
		last = append(last, times)
		n += len(times)
	}
	for i := len(last) - 1; i >= 0; i-- {
		for _, at := range last[i] {
			s.times.add(at)
		}
	}
	if !whole || s.damaged {
		return Facts{Short: s.cut}
	}
	return Facts{Short: s.cut, Last: s.times.durations(int64(time.Second))}
}

// segment walks the elements of the file's first segment; whole: it came to its end.
func (f *file) segment(s *segment) (whole bool) {
	at, end := int64(0), f.size
	for at < end {
		e, ok := f.element(at, end)
		s.cut = s.cut || ok && e.cut
		switch {
		case !ok || e.unknown && e.id != idSegment && e.id != idCluster:
			return false
		case e.id == idSegment:
			at, end = e.start, e.end
			continue
		case e.id == idInfo:
			f.info(e, s)
		case e.id == idTracks && s.track == 0:
			f.tracks(e, s)
		case e.id == idCluster && !e.unknown && s.times.n > 0:
			if len(s.clusters) >= 2*maxClusters {
				s.clusters = s.clusters[:copy(s.clusters, s.clusters[maxClusters:])]
			}
			s.clusters = append(s.clusters, e)
		case e.id == idCluster:
			var times []int64
			times, e.end = f.cluster(e, s)
			for _, t := range times {
				s.times.add(t)
			}
		}
		at = e.end
	}
	return true
}

func (f *file) info(info element, s *segment) {
	for at := info.start; at < info.end; {
		e, ok := f.element(at, info.end)
		if !ok {
			return
		}
		if v := f.number(e); e.id == idTimestampScale && v > 0 && v <= uint64(time.Minute) {
			s.scale = int64(v)
		}
		at = e.end
	}
}

// tracks finds the number of the first video track.
func (f *file) tracks(tracks element, s *segment) {
	for at := tracks.start; at < tracks.end && s.track == 0; {
		entry, ok := f.element(at, tracks.end)
		if !ok {
			return
		}
		var number, kind uint64
		for at := entry.start; entry.id == idTrackEntry && at < entry.end; {
			e, ok := f.element(at, entry.end)
			if !ok {
				break
			}
			switch e.id {
			case idTrackNumber:
				number = f.number(e)
			case idTrackType:
				kind = f.number(e)
			}
			at = e.end
		}
		if kind == 1 { // video
			s.track = number
		}
		at = entry.end
	}
}

// cluster returns the times of the video track's frames in a cluster, at most the first
// mostLast and the last keep, and where the cluster ends: before the next element of the
// segment, whose IDs are the ones of four bytes, if its size is not known.
func (f *file) cluster(c element, s *segment) (times []int64, end int64) {
	start, at := int64(0), c.start
	for at < c.end {
		e, ok := f.element(at, c.end)
		if !ok {
			s.damaged = true
			return times, c.end
		}
		if c.unknown && e.id > 0xffffff {
			return times, at
		}
		s.cut = s.cut || e.cut
		switch e.id {
		case idTimestamp:
			start = int64(f.number(e) & (1<<40 - 1))
		case idBlockGroup:
			at = e.start // its children are read as the cluster's
			continue
		case idSimpleBlock, idBlock:
			if relative, ok := f.block(e, s.track); ok {
				if len(times) >= mostLast+2*keep {
					times = append(times[:mostLast], times[len(times)-keep:]...)
				}
				times = append(times, (start+relative)*s.scale)
			}
		}
		at = e.end
	}
	return times, at
}

// block is the time of a block of a track relative to its cluster, in ticks.
func (f *file) block(e element, track uint64) (relative int64, ok bool) {
	head := f.bytes(e.start, int(min(10, e.end-e.start)))
	number, n, ok := vint(head)
	if !ok || uint64(number) != track || len(head) < n+2 {
		return 0, false
	}
	return int64(int16(binary.BigEndian.Uint16(head[n:]))), true
}
