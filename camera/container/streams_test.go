package container

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"
)

// ts is a transport stream: the tables of a program of sound and video, then a packet a frame.
func ts(frames ...[]byte) []byte {
	pat := fields("\x00\x00\xb0\x15\x00\x01\xc1\x00\x00", uint16(0), uint16(0xe010), uint16(1), uint16(0xe100), 0)
	pmt := fields("\x00\x02\xb0\x1c\x00\x01\xc1\x00\x00", uint16(0xe101), uint16(0xf000),
		"\x0f\xe1\x02\xf0\x00", "\x1b\xe1\x01\xf0\x05\x01\x02\x03\x04\x05", 0)
	return slices.Concat(packet(0, pat), packet(0x100, pmt), packet(0x102, pes(1)), slices.Concat(frames...))
}

// packet is one packet that starts something, filled up with 0xff.
func packet(pid uint16, payload []byte) []byte {
	p := fields("\x47", 0x4000|pid, "\x10", payload)
	return append(p, bytes.Repeat([]byte{0xff}, tsPacket-len(p))...)
}

// pes is the head of a PES packet of video with a PTS, which is taken modulo 1<<33.
func pes(pts int64) []byte {
	pts &= tsWrap - 1
	return []byte{0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21 | byte(pts>>29)&0xe, byte(pts >> 22), byte(pts>>14) | 1, byte(pts >> 7), byte(pts<<1) | 1}
}

// frame is a packet of the video stream.
func frame(pts int64) []byte { return packet(0x101, pes(pts)) }

// key is a frame that can be decoded without what is before it.
func key(pts int64) []byte {
	p := fields("\x47", uint16(0x4101), "\x30\x01\x40", pes(pts))
	return append(p, make([]byte, tsPacket-len(p))...)
}

// ticks are frames ms milliseconds apart from a PTS on.
func ticks(from int64, n int, step int64) (all []byte) {
	for i := range int64(n) {
		all = append(all, frame(from+i*step)...)
	}
	return all
}

func TestTransportStream(t *testing.T) {
	const s = tsClock
	noPTS := pes(0)
	noPTS[7] = 0
	bad, scrambled := frame(99*s), frame(99*s)
	bad[1] |= 0x80
	scrambled[3] |= 0x80
	var m2ts []byte
	for p := range slices.Chunk(ts(frame(s), frame(2*s)), tsPacket) {
		m2ts = append(append(m2ts, "time"...), p...)
	}
	for name, tt := range map[string]struct {
		file []byte
		want []time.Duration
	}{
		"in order":               {ts(frame(5*s), frame(6*s), frame(8*s)), ms(0, 1000, 3000)},
		"B frames":               {ts(frame(5*s), frame(8*s), frame(6*s), frame(7*s)), ms(0, 1000, 2000, 3000)},
		"wrap":                   {ts(frame(-s), frame(s), frame(0), frame(2*s)), ms(0, 1000, 2000, 3000)},
		"wrap, B frames":         {ts(frame(s), frame(-s), frame(0)), ms(0, 1000, 2000)},
		"starts between keys":    {ts(frame(5*s), frame(6*s), key(9*s), frame(7*s), frame(8*s), frame(10*s)), ms(0, 1000)},
		"192-byte packets":       {m2ts, ms(0, 1000)},
		"damaged and scrambled":  {ts(frame(s), bad, scrambled, frame(3*s)), ms(0, 2000)},
		"lost bytes":             {slices.Concat(ts(frame(s), frame(2*s), frame(3*s)), frame(4 * s)[100:], ticks(5*s, 8, s)), ms(0, 1000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 11000)},
		"a frame without a time": {ts(frame(s), packet(0x101, noPTS), frame(2*s)), ms(0, 1000)},
		"clock set back":         {ts(ticks(100*s, 40, s), ticks(100*s, 40, s)), nil},
		"clock set forward":      {ts(ticks(s, 2, s), ticks(1000*s, 2, s)), ms(0, 1000, 999_000, 1000_000)},
		"no frames":              {ts(), nil},
		"no tables":              {ticks(0, 9, s), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := read(tt.file); !slices.Equal(got.Last, tt.want) || got.Short {
				t.Errorf("%+v, want %v", got, tt.want)
			}
		})
	}
}

func TestTransportStreamReadsBothEnds(t *testing.T) {
	const n = (tsTail*5/4 + 1) / tsPacket // above one window of the end
	head := ts(ticks(9000, 100, 9000))
	filling := bytes.Repeat(packet(0x102, pes(0)), n)
	tail := ticks(9000_000, 100, 9000)
	for name, file := range map[string][]byte{
		"times at the end":        slices.Concat(head, filling, tail),
		"times before the window": slices.Concat(head, tail, filling),
	} {
		got := read(file).Last
		if len(got) != 64 || got[63] != 109800*time.Millisecond || got[0] != got[63]-6300*time.Millisecond {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// el is an EBML element; its size takes eight bytes.
func el(id string, content ...any) []byte {
	body := fields(content...)
	return fields(id, 1<<56|uint64(len(body)), body)
}

const (
	unknownSize = "\xff"
	clusterID   = "\x1f\x43\xb6\x75"
	segmentID   = "\x18\x53\x80\x67"
)

// mkv is a Matroska file of clusters, of known size or not, with the tracks of sound and video.
func mkv(known bool, scale int, clusters ...[]byte) []byte {
	body := fields(el("\x11\x4d\x9b\x74", "seek head"), el("\x15\x49\xa9\x66", el("\x2a\xd7\xb1", scale)),
		el("\x16\x54\xae\x6b", el("\xae", el("\xd7", "\x01"), el("\x83", "\x02")), el("\xae", el("\xd7", "\x02"), el("\x83", "\x01"))))
	for _, c := range clusters {
		if known {
			body = append(body, el(clusterID, c)...)
		} else {
			body = append(body, clusterID+unknownSize+string(c)...)
		}
	}
	head := el("\x1a\x45\xdf\xa3", "webm")
	if known {
		return append(head, el(segmentID, body)...)
	}
	return append(append(head, segmentID+unknownSize...), body...)
}

// cluster is a timestamp and blocks of video at times relative to it, with sound between.
func cluster(at int, blocks ...int16) []byte {
	c := el("\xe7", at)
	for i, relative := range blocks {
		c = append(c, el("\xa3", "\x81", int16(999), "\x00sound")...)
		block := fields("\x82", relative, "\x00video")
		if i%2 == 0 {
			c = append(c, el("\xa3", block)...)
		} else {
			c = append(c, el("\xa0", el("\xa1", block), el("\x9b", 40))...)
		}
	}
	return c
}

func TestMatroska(t *testing.T) {
	const milli = 1_000_000
	var many [][]byte
	for i := range 500 {
		many = append(many, cluster(i*100, 0, 50))
	}
	var manyWant []time.Duration
	for i := 1000 - 64; i < 1000; i++ {
		manyWant = append(manyWant, time.Duration(i)*50*time.Millisecond)
	}
	for name, tt := range map[string]struct {
		scale    int
		clusters [][]byte
		want     []time.Duration
	}{
		"one cluster":          {milli, [][]byte{cluster(7, 0, 40, 80)}, ms(0, 40, 80)},
		"B frames":             {milli, [][]byte{cluster(1000, 0, 120, 40, 80)}, ms(0, 40, 80, 120)},
		"before the cluster":   {milli, [][]byte{cluster(1000, -500, 500)}, ms(0, 1000)},
		"scale of ten":         {10 * milli, [][]byte{cluster(1000, 0, 4), cluster(2000, 0)}, ms(0, 40, 10_000)},
		"many clusters":        {milli, many, manyWant},
		"no blocks":            {milli, [][]byte{cluster(1)}, nil},
		"first without blocks": {milli, [][]byte{cluster(1), cluster(5000, 0, 40)}, ms(0, 40)},
		"no clusters":          {milli, nil, nil},
		"the clock set back":   {milli, [][]byte{cluster(60_000, slices.Repeat([]int16{0}, 30)...), cluster(0, slices.Repeat([]int16{0}, 30)...)}, nil},
	} {
		for _, known := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				if got := read(mkv(known, tt.scale, tt.clusters...)); !slices.Equal(got.Last, tt.want) || got.Short {
					t.Errorf("known sizes %v: %+v, want %v", known, got, tt.want)
				}
			})
		}
	}
	if got := read(append(mkv(false, milli, cluster(7, 0, 40)), make([]byte, 50)...)); got.Last != nil {
		t.Errorf("after bytes that are no element: %v", got.Last)
	}
}

// broken fails from an offset on.
type broken struct {
	io.ReaderAt
	from int64
}

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from {
		return 0, errors.New("input/output error")
	}
	return b.ReaderAt.ReadAt(p, at)
}

func TestDiskThatFails(t *testing.T) {
	for name, file := range map[string][]byte{
		"MP4":       fragmented(),
		"Matroska":  mkv(true, 1_000_000, cluster(0, 0, 1)),
		"transport": ts(ticks(0, 20, 9000)),
	} {
		if whole := read(file); len(whole.Last) == 0 {
			t.Fatalf("%s: no times of the whole file", name)
		}
		for from := range int64(len(file)) {
			if got := Read(broken{bytes.NewReader(file), from}, int64(len(file))); got.Turn != 0 {
				t.Errorf("%s fails at %d: %+v", name, from, got)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	turned := plain()
	turned.version, turned.edits, turned.ctts = 1, [][2]int{{50, -1}, {300, 100}}, []int{1, 100, 1, 300, 2, -5}
	for _, seed := range [][]byte{
		turned.bytes(), fragmented(), ts(key(5), frame(9), ticks(-50, 9, 9000)),
		mkv(true, 1_000_000, cluster(0, 0, 1), cluster(5, 0)), mkv(false, 5, cluster(0, 0, 1), cluster(5, 0)),
		[]byte("RIFF\x04\x00\x00\x00AVI RIFF\xff\xff\xff\xff"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := read(data)
		if got.Turn%90 != 0 || got.Turn < 0 || got.Turn > 270 {
			t.Errorf("a turn of %d degrees", got.Turn)
		}
		if len(got.Last) > mostLast || !slices.IsSorted(got.Last) || len(got.Last) > 0 && got.Last[0] < 0 {
			t.Errorf("times %v", got.Last)
		}
	})
}
