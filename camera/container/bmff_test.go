package container

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"
)

// read reads the facts of bytes.
func read(data []byte) Facts { return Read(bytes.NewReader(data), int64(len(data))) }

// ms are times in milliseconds.
func ms(times ...int) (all []time.Duration) {
	for _, n := range times {
		all = append(all, time.Duration(n)*time.Millisecond)
	}
	return all
}

// fields is big-endian data: a number of its own size, text, or bytes.
func fields(all ...any) []byte {
	var b []byte
	for _, v := range all {
		switch v := v.(type) {
		case string:
			b = append(b, v...)
		case int: // 32 bits
			b = binary.BigEndian.AppendUint32(b, uint32(v))
		default:
			b, _ = binary.Append(b, binary.BigEndian, v)
		}
	}
	return b
}

// boxOf is an MP4 box around its content.
func boxOf(kind string, content ...any) []byte {
	body := fields(content...)
	return fields(len(body)+8, kind, body)
}

// A movie is what the tests change of an MP4 whose first track is sound.
type movie struct {
	version  byte     // of the boxes with two forms
	matrix   [4]int   // a, b, c, d of tkhd, as 16.16
	edits    [][2]int // duration in thousandths of a second, media time in ticks; nil: no elst
	stts     []int
	ctts     []int // nil: none
	count    int   // of samples
	scale    int   // ticks a second
	duration int   // of trex; 0: no mvex
}

// plain is five samples at 10 a second.
func plain() movie {
	return movie{matrix: [4]int{1 << 16, 0, 0, 1 << 16}, stts: []int{5, 100}, count: 5, scale: 1000}
}

func (m movie) bytes() []byte {
	long := func(n int) any { // a field of 64 bits in version 1
		if m.version == 1 {
			return uint64(n)
		}
		return n
	}
	version := int(m.version) << 24
	matrix := fields(m.matrix[0], m.matrix[1], 0, m.matrix[2], m.matrix[3], 0, 0, 0, 1<<30)
	identity := fields(1<<16, 0, 0, 0, 1<<16, 0, 0, 0, 1<<30)
	var edts, ctts, mvex []byte
	if m.edits != nil {
		elst := fields(version, len(m.edits))
		for _, e := range m.edits {
			elst = append(elst, fields(long(e[0]), long(e[1]), 1<<16)...)
		}
		edts = boxOf("edts", boxOf("elst", elst))
	}
	if m.ctts != nil {
		ctts = boxOf("ctts", version, len(m.ctts)/2, fields(anys(m.ctts)...))
	}
	if m.duration > 0 {
		mvex = boxOf("mvex", boxOf("trex", 0, 2, 1, m.duration, 0, 0))
	}
	sound := boxOf("trak", boxOf("mdia", boxOf("hdlr", 0, 0, "soun", 0, 0, 0)))
	video := boxOf("trak",
		boxOf("tkhd", version, long(0), long(0), 2, 0, long(0), uint64(0), uint64(0), matrix, 0, 0), edts,
		boxOf("mdia",
			boxOf("mdhd", version, long(0), long(0), m.scale, long(0), 0),
			boxOf("hdlr", 0, 0, "vide", 0, 0, 0),
			boxOf("minf", boxOf("stbl",
				boxOf("stts", 0, len(m.stts)/2, fields(anys(m.stts)...)), ctts,
				boxOf("stsz", 0, 0, m.count)))))
	mvhd := boxOf("mvhd", version, long(0), long(0), 1000, long(0), 1<<16, uint16(1<<8), uint16(0), uint64(0), identity)
	return append(boxOf("ftyp", "isom", 0), boxOf("moov", mvhd, sound, video, mvex)...)
}

func anys(all []int) (out []any) {
	for _, v := range all {
		out = append(out, v)
	}
	return out
}

func TestTimesOfMovie(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*movie)
		want   []time.Duration
	}{
		"constant rate":         {func(*movie) {}, ms(0, 100, 200, 300, 400)},
		"version 1":             {func(m *movie) { m.version, m.edits = 1, [][2]int{{300, 100}} }, ms(0, 100, 200)},
		"several rates":         {func(m *movie) { m.stts = []int{2, 100, 0, 7, 3, 500} }, ms(0, 100, 200, 700, 1200)},
		"B frames":              {func(m *movie) { m.ctts = []int{1, 100, 1, 300, 2, 0, 1, 100} }, ms(0, 100, 200, 300, 400)},
		"ctts below zero":       {func(m *movie) { m.version, m.ctts = 1, []int{1, 0, 1, 200, 2, -100, 1, 0} }, ms(0, 100, 200, 300, 400)},
		"stts ends early":       {func(m *movie) { m.stts = []int{2, 100} }, ms(0, 100, 200, 300, 400)},
		"ctts ends early":       {func(m *movie) { m.ctts = []int{1, 0} }, ms(0, 100, 200, 300, 400)},
		"edit from the middle":  {func(m *movie) { m.edits = [][2]int{{300, 200}} }, ms(0, 100, 200)},
		"edit to the middle":    {func(m *movie) { m.edits = [][2]int{{250, 0}} }, ms(0, 100, 200)},
		"empty edit first":      {func(m *movie) { m.edits = [][2]int{{70, -1}, {300, 100}} }, ms(0, 100, 200)},
		"edit without length":   {func(m *movie) { m.edits = [][2]int{{0, 300}} }, ms(0, 100)},
		"two edits":             {func(m *movie) { m.edits = [][2]int{{200, 300}, {50, -1}, {200, 0}} }, ms(0, 100, 250, 350)},
		"samples at one time":   {func(m *movie) { m.stts = []int{5, 0} }, ms(0, 0, 0, 0, 0)},
		"thirds of a second":    {func(m *movie) { m.scale, m.stts, m.count = 3, []int{2, 1}, 2 }, []time.Duration{0, time.Second / 3}},
		"no samples":            {func(m *movie) { m.count = 0 }, nil},
		"no stts":               {func(m *movie) { m.stts = nil }, nil},
		"no timescale":          {func(m *movie) { m.scale = 0 }, nil},
		"order of no decoder":   {func(m *movie) { m.count, m.version, m.ctts = 40, 1, []int{20, 0, 20, -2000} }, nil},
		"times out of range":    {func(m *movie) { m.count, m.stts = 1<<32-1, []int{1<<32 - 1, 1<<31 - 1} }, nil},
		"shown is nothing":      {func(m *movie) { m.edits = [][2]int{{100, 10_000}} }, nil},
		"more samples than fit": {func(m *movie) { m.count, m.stts = 1<<32-1, []int{1<<32 - 1, 1} }, lastMilliseconds(1<<32 - 1)},
	} {
		t.Run(name, func(t *testing.T) {
			m := plain()
			tt.change(&m)
			if got := read(m.bytes()); !slices.Equal(got.Last, tt.want) || got.Short || got.Turn != 0 {
				t.Errorf("%+v, want %v", got, tt.want)
			}
		})
	}
}

// lastMilliseconds are the last 64 of n times that are a millisecond apart.
func lastMilliseconds(n int) (all []time.Duration) {
	for i := n - 64; i < n; i++ {
		all = append(all, time.Duration(i)*time.Millisecond)
	}
	return all
}

func TestTurn(t *testing.T) {
	const one = 1 << 16
	for name, tt := range map[string]struct {
		matrix [4]int
		want   int
	}{
		"upright":       {[4]int{one, 0, 0, one}, 0},
		"quarter":       {[4]int{0, one, -one, 0}, 90},
		"half":          {[4]int{-one, 0, 0, -one}, 180},
		"three":         {[4]int{0, -one, one, 0}, 270},
		"mirrored":      {[4]int{-one, 0, 0, one}, 0},
		"upside down":   {[4]int{one, 0, 0, -one}, 180},
		"scaled":        {[4]int{0, 3 * one, -one / 2, 0}, 90},
		"a few degrees": {[4]int{65000, 8000, -8000, 65000}, 0},
		"nothing":       {[4]int{}, 0},
	} {
		for version := range byte(2) {
			m := plain()
			m.matrix, m.version = tt.matrix, version
			if got := read(m.bytes()).Turn; got != tt.want {
				t.Errorf("%s, version %d: %d degrees, want %d", name, version, got, tt.want)
			}
		}
	}
}

// fragmented is a movie of no samples with three fragments, and one of another track.
func fragmented() []byte {
	m := plain()
	m.count, m.duration, m.edits = 0, 100, [][2]int{{0, 50}}
	moof := func(track int, tfhd, tfdt, trun []byte) []byte {
		return append(boxOf("moof", boxOf("mfhd", 0, 1), boxOf("traf", boxOf("tfhd", tfhd), tfdt, boxOf("trun", trun))), boxOf("mdat", "....")...)
	}
	return slices.Concat(m.bytes(),
		moof(2, fields(0, 2), boxOf("tfdt", 1<<24, uint64(5000)), fields(dataOffset|firstSampleFlags, 2, 8, 0)),
		moof(1, fields(0, 1), boxOf("tfdt", 0, 90_000), fields(0, 9)),
		moof(2, fields(baseDataOffset|descriptionIndex|defaultDuration, 2, uint64(0), 1, 20), nil, fields(1<<24|compositionOffset|sampleSize, 3, 7, 20, 7, 20, 7, -40)),
		moof(2, fields(0, 2), boxOf("tfdt", 0, 6000), fields(sampleDuration|sampleFlags, 2, 5, 0, 9, 0)))
}

func TestFragments(t *testing.T) {
	if got, want := read(fragmented()), ms(0, 100, 200, 220, 240, 1000, 1005); !slices.Equal(got.Last, want) {
		t.Errorf("%v, want %v", got.Last, want)
	}
}

func TestEveryLengthOfMovie(t *testing.T) {
	for _, whole := range [][]byte{plain().bytes(), fragmented()} {
		for n := range whole {
			got := read(whole[:n])
			if got.Short && got.Last != nil {
				t.Errorf("%d bytes of %d: times %v of a file that is cut short", n, len(whole), got.Last)
			}
		}
	}
}

func TestShort(t *testing.T) {
	box := func(kind string, length, n int) []byte { return fields(length, kind, make([]byte, n)) }
	ftyp := box("ftyp", 16, 8)
	large := func(n uint64) []byte { return fields(1, "mdat", n, 0) }
	riff := func(n uint32) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), n), "AVI LIST"...)
	}
	ebml := "\x1a\x45\xdf\xa3\x84head"
	segment := func(size string) []byte {
		return []byte(ebml + "\x18\x53\x80\x67" + size + "\x1f\x43\xb6\x75\x83\xe7\x81\x01")
	}
	for name, tt := range map[string]struct {
		file []byte
		want bool
	}{
		"whole MP4":           {slices.Concat(ftyp, box("mdat", 12, 4)), false},
		"MP4 without end":     {slices.Concat(ftyp, box("mdat", 13, 4)), true},
		"up to the end":       {slices.Concat(ftyp, box("mdat", 0, 4)), false},
		"64-bit length":       {slices.Concat(ftyp, large(20)), false},
		"64-bit length cut":   {slices.Concat(ftyp, large(21)), true},
		"64-bit length, full": {slices.Concat(ftyp, large(1<<63-1)), true},
		"padding after it":    {slices.Concat(ftyp, make([]byte, 20)), false},
		"whole AVI":           {riff(8), false},
		"AVI cut":             {riff(9), true},
		"AVI of two, whole":   {slices.Concat(riff(8), riff(8)), false},
		"AVI of two, cut":     {slices.Concat(riff(8), riff(9)), true},
		"another kind":        {[]byte("a file of quite another kind"), false},
		"nothing":             {nil, false},
		"whole Matroska":      {segment("\x88"), false},
		"live Matroska":       {segment("\xff"), false},
		"segment cut":         {segment("\x89"), true},
		"cluster cut":         {[]byte(ebml + "\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\x84\xe7\x81\x01"), true},
		"block cut":           {[]byte(ebml + "\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\xff\xe7\x81\x01\xa3\x88\x81"), true},
	} {
		if got := read(tt.file).Short; got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestBytesAfterTheFileAreNotRead(t *testing.T) {
	whole := plain().bytes()
	if got := Read(strings.NewReader(string(whole)+"\x00\x00\xff\xffmoof"), int64(len(whole))); got.Short || len(got.Last) != 5 {
		t.Errorf("%+v", got)
	}
}
