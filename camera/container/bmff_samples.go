package container

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"math/big"
)

const (
	maxEdits = 1 << 10
	maxTicks = 1 << 60 // times beyond are taken as damaged, so that sums stay in range
)

// An edit shows the frames whose composition time lies in [from, to), at that time plus shift.
type edit struct{ from, to, shift int64 }

var showAll = edit{from: math.MinInt64, to: math.MaxInt64}

// edits reads an elst box (8.6.6). Frames outside of every edit are decoded but not shown.
func (f *file) edits(elst box, media, movie uint32) []edit {
	head := f.content(elst, 8)
	stride := int64(12)
	if head[0] == 1 {
		stride = 20
	}
	n := min(int64(binary.BigEndian.Uint32(head[4:])), max(0, elst.end-elst.start-8)/stride, maxEdits)
	if n <= 0 || media == 0 || movie == 0 {
		return []edit{showAll}
	}
	var all []edit
	start := int64(0) // of this edit, in the media's ticks
	table := f.content(box{start: elst.start + 8, end: elst.end}, int(n*stride))
	for e := table; len(e) > 0; e = e[stride:] {
		duration, at := int64(binary.BigEndian.Uint32(e)), int64(int32(binary.BigEndian.Uint32(e[4:])))
		if stride == 20 {
			duration, at = int64(binary.BigEndian.Uint64(e)), int64(binary.BigEndian.Uint64(e[8:]))
		}
		length := rescale(duration, media, movie)
		if at > maxTicks || length > maxTicks || start > maxTicks {
			return []edit{showAll}
		}
		switch {
		case at < 0: // nothing is shown
		case length == 0: // to the end of the media
			all = append(all, edit{at, math.MaxInt64, start - at})
		default:
			all = append(all, edit{at, at + length, start - at})
		}
		start += length
	}
	if len(all) == 0 {
		return []edit{showAll}
	}
	return all
}

// rescale is the nearest to n*to/from; more than maxTicks where that is out of range.
func rescale(n int64, to, from uint32) int64 {
	p := new(big.Int).Mul(new(big.Int).SetUint64(uint64(n)), big.NewInt(2*int64(to)))
	p.Add(p, big.NewInt(int64(from)))
	p.Div(p, big.NewInt(2*int64(from)))
	if !p.IsInt64() {
		return math.MaxInt64
	}
	return p.Int64()
}

// samples adds the presentation times of the samples that a moov box lists.
func (f *file) samples(t *track, times *timeline) {
	for _, e := range t.edits {
		t.next = f.runs(t, func(first, step, count int64) { e.add(times, first, step, count) })
	}
}

// add adds what an edit shows of count composition times that are step apart.
func (e edit) add(times *timeline, first, step, count int64) {
	low, high := int64(0), count
	switch {
	case step == 0 && (first < e.from || first >= e.to):
		return
	case step > 0:
		if first < e.from {
			low = (e.from - first + step - 1) / step
		}
		if e.to < math.MaxInt64 {
			high = min(high, max(0, (e.to-first+step-1)/step))
		}
	}
	if low < high {
		times.addRun(first+low*step+e.shift, step, high-low)
	}
}

// runs yields the composition times of the samples in runs that are evenly apart, and returns
// the decoding time after the last one. A table that ends early goes on as it ended: stts with
// its last difference, ctts with nothing to add.
func (f *file) runs(t *track, yield func(first, step, count int64)) (decoding int64) {
	stts, ctts := f.table(t.stts), f.table(t.ctts)
	for left := t.count; left > 0; {
		if !stts.more() && stts.read == 0 || f.steps <= 0 {
			return decoding
		}
		count, offset := left, int64(0)
		if stts.count > 0 {
			count = min(count, stts.count)
		}
		if ctts.more() {
			count, offset = min(count, ctts.count), int64(ctts.value)
		}
		step := int64(stts.value)
		if step < 0 {
			step = 1 // damaged; FFmpeg reads it so
		}
		if decoding > maxTicks || step > 0 && count > maxTicks/step {
			return decoding
		}
		yield(decoding+offset, step, count)
		decoding += step * count
		left -= count
		stts.count -= min(count, stts.count)
		ctts.count -= min(count, ctts.count)
	}
	return decoding
}

// A table reads the entries of an stts or ctts box: a value, and for how many samples it holds.
type table struct {
	f     *file
	r     *bufio.Reader
	left  int64 // entries to come
	read  int64 // entries so far
	count int64 // samples to which value still applies
	value int32
}

func (f *file) table(b box) *table {
	head := f.content(b, 8)
	return &table{
		f:    f,
		r:    bufio.NewReader(io.NewSectionReader(f.r, b.start+8, max(0, b.end-b.start-8))),
		left: min(int64(binary.BigEndian.Uint32(head[4:])), max(0, b.end-b.start-8)/8),
	}
}

// more goes to the next entry where the current one is used up; false: there is none.
func (t *table) more() bool {
	for t.count == 0 && t.left > 0 && t.f.step() {
		var e [8]byte
		if _, err := io.ReadFull(t.r, e[:]); err != nil {
			t.left = 0
			return false
		}
		t.left--
		t.read++
		t.count, t.value = int64(binary.BigEndian.Uint32(e[:])), int32(binary.BigEndian.Uint32(e[4:]))
	}
	return t.count > 0
}
