package container

import (
	"bufio"
	"encoding/binary"
	"io"
	"time"
)

const (
	tsPacket  = 188
	tsSync    = 0x47
	tsClock   = 90_000  // ticks a second of PTS
	tsWrap    = 1 << 33 // PTS starts anew here
	tsHead    = 32 << 20
	tsTail    = 2 << 20
	tsMaxTail = 32 << 20
)

// transportStream reads an MPEG-TS, or an M2TS with four bytes before each packet. Only its
// beginning and its end are read. An own reader, because a general demultiplexer goes through
// the whole stream from the start, and puts together what is of no use here.
func (f *file) transportStream() Facts {
	d := demux{f: f}
	if d.start, d.stride = f.packets(); d.stride == 0 {
		return Facts{}
	}
	d.scan(d.start, tsHead, mostLast)
	if len(d.pts) == 0 {
		return Facts{}
	}
	var times timeline
	first := d.pts[0]
	for _, pts := range d.pts {
		times.add(unwrap(pts, first))
	}
	if d.random { // what is shown before it cannot be decoded
		times.first = unwrap(first, first)
	}
	earliest := times.first
	for window := int64(tsTail); ; window *= 4 {
		at := max(d.start, f.size-window)
		at -= (at - d.start) % d.stride
		d.pts, d.random = nil, false
		d.scan(at, window+d.stride, 0)
		if len(d.pts) >= keep || at == d.start {
			break
		}
		if window >= tsMaxTail {
			return Facts{}
		}
	}
	times = timeline{}
	for _, pts := range d.pts {
		times.add(unwrap(pts, first))
	}
	times.first = earliest
	return Facts{Last: times.durations(tsClock)}
}

// unwrap counts PTS from first, which is up to a minute before the earliest.
func unwrap(pts, first int64) int64 {
	const before = int64(time.Minute/time.Second) * tsClock
	return (pts-first+before+tsWrap)%tsWrap - before
}

// packets finds where the first packet starts and how far apart packets are; stride is 0 for
// what is no transport stream.
func (f *file) packets() (start, stride int64) {
	head := f.bytes(0, 5*192)
	for _, stride := range []int{tsPacket, tsPacket + 4} {
		for start := range min(stride, len(head)) {
			n := 0
			for at := start; at < len(head) && head[at] == tsSync; at += stride {
				n++
			}
			if n >= 3 && start+n*stride >= len(head) {
				return int64(start), int64(stride)
			}
		}
	}
	return 0, 0
}

// A demux follows one video stream of a transport stream.
type demux struct {
	f             *file
	start, stride int64
	pmt, video    int     // PIDs of the program map table and of its first video stream; 0: not known yet
	pts           []int64 // of the frames, in the order of decoding
	random        bool    // pts starts at a random access point
}

// scan reads packets from an offset on, over at most length bytes or until most times are
// there (0: no limit, of which the last are kept).
func (d *demux) scan(at, length int64, most int) {
	r := bufio.NewReaderSize(io.NewSectionReader(d.f.r, at, min(length, d.f.size-at)), 1<<16)
	for most == 0 || len(d.pts) < most {
		head, _ := r.Peek(int(d.stride) + 1) // an error is the end
		if len(head) < tsPacket {
			return
		}
		if head[0] != tsSync || len(head) > int(d.stride) && head[d.stride] != tsSync {
			_, _ = r.Discard(1) // damaged: look for the next packet
			continue
		}
		d.packet(head)
		if most == 0 && len(d.pts) >= 2*keep {
			d.pts = d.pts[:copy(d.pts, d.pts[len(d.pts)-keep:])]
		}
		if _, err := r.Discard(int(d.stride)); err != nil {
			return
		}
	}
}

// packet reads one packet (ISO/IEC 13818-1, 2.4.3.2).
func (d *demux) packet(p []byte) {
	pid := int(binary.BigEndian.Uint16(p[1:]) & 0x1fff)
	damaged, starts, scrambled := p[1]&0x80 != 0, p[1]&0x40 != 0, p[3]&0xc0 != 0
	if damaged || scrambled || !starts || p[3]&0x10 == 0 {
		return
	}
	payload, random := p[4:], false
	if p[3]&0x20 != 0 { // an adaptation field
		n := int(p[4]) + 1
		if n >= len(payload) {
			return
		}
		random = n > 1 && p[5]&0x40 != 0
		payload = payload[n:]
	}
	switch {
	case pid == 0 && d.pmt == 0:
		d.association(section(payload, 0))
	case pid == d.pmt && d.video == 0 && pid != 0:
		d.programMap(section(payload, 2))
	case pid == d.video && pid != 0:
		d.frame(payload, random)
	}
}

// section is the body of the table section that starts in a payload, without its checksum; as
// much as is in this packet. It is nil for another table.
func section(payload []byte, table byte) []byte {
	skip := int(payload[0]) + 1 // pointer_field
	if skip+8 > len(payload) || payload[skip] != table {
		return nil
	}
	s := payload[skip:]
	n := int(binary.BigEndian.Uint16(s[1:]) & 0xfff)
	return s[8:max(8, min(3+n-4, len(s)))]
}

// association reads the PID of the first program's map from a program association section.
func (d *demux) association(s []byte) {
	for ; len(s) >= 4; s = s[4:] {
		if binary.BigEndian.Uint16(s) != 0 { // 0 is the network's PID
			d.pmt = int(binary.BigEndian.Uint16(s[2:]) & 0x1fff)
			return
		}
	}
}

// programMap reads the PID of the first video stream from a program map section.
func (d *demux) programMap(s []byte) {
	if len(s) < 4 {
		return
	}
	s = s[min(len(s), 4+int(binary.BigEndian.Uint16(s[2:])&0xfff)):]
	for len(s) >= 5 {
		switch s[0] {
		case 0x01, 0x02, 0x10, 0x1b, 0x24, 0x33, 0x42, 0xd1, 0xea: // MPEG-1, -2, -4, H.264, HEVC, VVC, AVS, Dirac, VC-1
			d.video = int(binary.BigEndian.Uint16(s[1:]) & 0x1fff)
			return
		}
		s = s[min(len(s), 5+int(binary.BigEndian.Uint16(s[3:])&0xfff)):]
	}
}

// frame reads the PTS of a PES packet's header (2.4.3.6). What comes before the first random
// access point cannot be decoded.
func (d *demux) frame(pes []byte, random bool) {
	if len(pes) < 14 || pes[0] != 0 || pes[1] != 0 || pes[2] != 1 || pes[7]&0x80 == 0 {
		return
	}
	if random && !d.random {
		d.pts, d.random = nil, true
	}
	p := pes[9:]
	d.pts = append(d.pts, int64(p[0]&0x0e)<<29|int64(p[1])<<22|int64(p[2]&0xfe)<<14|int64(p[3])<<7|int64(p[4])>>1)
}
