package container

import (
	"bufio"
	"encoding/binary"
	"io"
)

// Flags of the tfhd and trun boxes (8.8.7, 8.8.8).
const (
	baseDataOffset   = 0x1
	descriptionIndex = 0x2
	defaultDuration  = 0x8

	dataOffset        = 0x1
	firstSampleFlags  = 0x4
	sampleDuration    = 0x100
	sampleSize        = 0x200
	sampleFlags       = 0x400
	compositionOffset = 0x800
)

// fragment adds the presentation times of the track's samples in a moof box. An edit list
// only moves them: what lies before its start is shown all the same, as FFmpeg does.
func (f *file) fragment(moof box, t *track, times *timeline) {
	for traf := range f.boxes(moof.start, moof.end) {
		tfhd := f.content(f.find(traf, "tfhd"), 24)
		if traf.kind != "traf" || binary.BigEndian.Uint32(tfhd[4:]) != t.id {
			continue
		}
		flags, at, duration := binary.BigEndian.Uint32(tfhd), 8, t.duration
		if flags&baseDataOffset != 0 {
			at += 8
		}
		if flags&descriptionIndex != 0 {
			at += 4
		}
		if flags&defaultDuration != 0 {
			duration = binary.BigEndian.Uint32(tfhd[at:])
		}
		for b := range f.boxes(traf.start, traf.end) {
			switch b.kind {
			case "tfdt":
				t.next = f.decodeTime(b)
			case "trun":
				f.trackRun(b, t, int64(duration), times)
			}
		}
	}
}

// decodeTime is the baseMediaDecodeTime of a tfdt box.
func (f *file) decodeTime(tfdt box) int64 {
	c := f.content(tfdt, 12)
	if c[0] == 1 {
		return int64(binary.BigEndian.Uint64(c[4:]) & (maxTicks - 1))
	}
	return int64(binary.BigEndian.Uint32(c[4:]))
}

// trackRun adds the samples of a trun box.
func (f *file) trackRun(trun box, t *track, duration int64, times *timeline) {
	head := f.content(trun, 8)
	flags, count := binary.BigEndian.Uint32(head), int64(binary.BigEndian.Uint32(head[4:]))
	at, stride := trun.start+8, int64(0)
	for _, flag := range []uint32{dataOffset, firstSampleFlags} {
		if flags&flag != 0 {
			at += 4
		}
	}
	for _, flag := range []uint32{sampleDuration, sampleSize, sampleFlags, compositionOffset} {
		if flags&flag != 0 {
			stride += 4
		}
	}
	shift := t.edits[0].shift
	if flags&(sampleDuration|compositionOffset) == 0 {
		if t.next <= maxTicks && count <= maxTicks/max(1, duration) {
			times.addRun(t.next+shift, duration, count)
			t.next += duration * count
		}
		return
	}
	r := bufio.NewReader(io.NewSectionReader(f.r, at, max(0, trun.end-at)))
	entry := make([]byte, stride)
	for range count {
		if _, err := io.ReadFull(r, entry); err != nil || !f.step() || t.next > maxTicks {
			return
		}
		length, offset := duration, int64(0)
		if flags&sampleDuration != 0 {
			length = int64(binary.BigEndian.Uint32(entry))
		}
		if flags&compositionOffset != 0 {
			offset = int64(int32(binary.BigEndian.Uint32(entry[stride-4:])))
		}
		times.add(t.next + offset + shift)
		t.next += length
	}
}
