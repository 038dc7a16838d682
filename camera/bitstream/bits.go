package bitstream

import (
	"bytes"
	"iter"
)

// bits reads numbers from the front of data, highest bit first.
type bits struct {
	data []byte
	at   int  // bits read
	bad  bool // more was read than there is, or a number is out of range
}

// u is the next n bits, at most 32.
func (b *bits) u(n int) (v uint32) {
	for range n {
		if b.at >= 8*len(b.data) {
			b.bad = true
			return 0
		}
		v = v<<1 | uint32(b.data[b.at/8]>>(7-b.at%8)&1)
		b.at++
	}
	return v
}

func (b *bits) flag() bool { return b.u(1) == 1 }

// skip passes over n bits.
func (b *bits) skip(n int) {
	if b.at += n; b.at > 8*len(b.data) {
		b.at, b.bad = 8*len(b.data), true
	}
}

// ue is an unsigned Exp-Golomb number (ITU-T H.264, 9.1).
func (b *bits) ue() uint32 {
	zeros := 0
	for !b.bad && !b.flag() {
		zeros++
	}
	if zeros > 31 {
		b.bad = true
	}
	if b.bad {
		return 0
	}
	return 1<<zeros - 1 + b.u(zeros)
}

// se is a signed Exp-Golomb number.
func (b *bits) se() int {
	v := int(b.ue())
	if v&1 == 1 {
		return (v + 1) / 2
	}
	return -v / 2
}

// units yields what follows each start code 00 00 01, up to the next one.
func units(p []byte) iter.Seq[[]byte] {
	code := []byte{0, 0, 1}
	return func(yield func([]byte) bool) {
		_, rest, found := bytes.Cut(p, code)
		for found {
			var unit []byte
			if unit, rest, found = bytes.Cut(rest, code); !yield(unit) {
				return
			}
		}
	}
}

// payload is a NAL unit without the bytes that keep start codes out of it (H.264, 7.4.1.1).
func payload(nal []byte) []byte {
	return bytes.ReplaceAll(nal, []byte{0, 0, 3}, []byte{0, 0})
}
