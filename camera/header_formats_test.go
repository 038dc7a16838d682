package camera

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// An entry is one tag of a TIFF directory; kind 3 is short, 4 is long.
type entry struct {
	tag, kind uint16
	values    []uint32
}

// tiffFile is a TIFF of one directory, with values that do not fit into an entry
// behind it, and then 40 bytes of strips.
func tiffFile(order binary.AppendByteOrder, entries ...entry) []byte {
	data := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		data = []byte("MM\x00*")
	}
	data = order.AppendUint32(data, 8)
	data = order.AppendUint16(data, uint16(len(entries)))
	var behind []byte
	at := 10 + 12*len(entries)
	for _, e := range entries {
		data = order.AppendUint16(order.AppendUint16(data, e.tag), e.kind)
		data = order.AppendUint32(data, uint32(len(e.values)))
		var raw []byte
		for _, v := range e.values {
			if e.kind == 3 {
				raw = order.AppendUint16(raw, uint16(v))
			} else {
				raw = order.AppendUint32(raw, v)
			}
		}
		if len(raw) > 4 {
			data = order.AppendUint32(data, uint32(at+len(behind)))
			behind = append(behind, raw...)
			continue
		}
		data = append(data, append(raw, 0, 0, 0, 0)[:4]...)
	}
	return append(append(data, behind...), make([]byte, 40)...)
}

func tiffEntries(orientation uint32) []entry {
	return []entry{
		{tagWidth, 3, []uint32{9}}, {tagHeight, 4, []uint32{7}}, {tagOrientation, 3, []uint32{orientation}},
		// Two strips, the last of which ends with the file: 5 entries, 16 bytes of values, 40 of pixels.
		{tagStripOffsets, 4, []uint32{10 + 5*12 + 16, 10 + 5*12 + 36}}, {tagStripCounts, 4, []uint32{20, 20}},
	}
}

func exif(orientation uint32) []byte {
	return tiffFile(binary.BigEndian, entry{tagOrientation, 3, []uint32{orientation}})
}

// segment is one of a JPEG.
func segment(marker byte, body string) string {
	n := len(body) + 2
	return string([]byte{0xff, marker, byte(n >> 8), byte(n)}) + body
}

const (
	sof  = "\x08\x00\x1e\x00\x28\x03" // 40x30
	scan = "\x01\xff\x00\x02\xff\xff" // coded data with a stuffed byte, and a fill byte before the next marker
)

func jpegFile(segments ...string) []byte {
	return []byte("\xff\xd8" + strings.Join(segments, "") + segment(0xda, "\x00") + scan + "\xd9")
}

// chunk is one of a PNG.
func pngChunk(kind, body string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + kind + body + "sum."
}

func pngFile(chunks ...string) []byte {
	return []byte(pngHead + pngChunk("IHDR", "\x00\x00\x00\x28\x00\x00\x00\x1e\x08\x02\x00\x00\x00") + strings.Join(chunks, "") + pngChunk("IDAT", "pixels") + pngChunk("IEND", ""))
}

// riff is a WebP of chunks, each padded to an even length.
func riff(chunks ...string) []byte {
	var body string
	for i := 0; i < len(chunks); i += 2 {
		kind, data := chunks[i], chunks[i+1]
		body += kind + string(binary.LittleEndian.AppendUint32(nil, uint32(len(data)))) + data
		if len(data)%2 == 1 {
			body += "\x00"
		}
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4)), "WEBP"+body...)
}

const (
	vp8x = "\x00\x00\x00\x00\x27\x00\x00\x1d\x00\x00"         // 1 + 39 by 1 + 29
	vp8l = "\x2f\x27\x40\x07\x00"                             // 1 + 39 by 1 + 29<<14
	vp8  = "\x00\x00\x00\x9d\x01\x2a\x28\x40\x1e\x80" + "odd" // 40 by 30, with scaling in the upper two bits
)

// bmp is one of a header of 40 bytes, or of OS/2's 12, and n bytes of rows.
func bmp(w, h int32, bits uint16, packed uint32, n int) []byte {
	le := binary.LittleEndian
	data := le.AppendUint32(append([]byte("BM"), make([]byte, 8)...), 54)
	data = le.AppendUint32(data, 40)
	data = le.AppendUint32(le.AppendUint32(data, uint32(w)), uint32(h))
	data = le.AppendUint32(le.AppendUint16(le.AppendUint16(data, 1), bits), packed)
	return append(append(data, make([]byte, 20)...), make([]byte, n)...)
}

func bmpOS2(w, h, bits uint16, n int) []byte {
	le := binary.LittleEndian
	data := le.AppendUint32(le.AppendUint32(append([]byte("BM"), make([]byte, 8)...), 26), 12)
	data = le.AppendUint16(le.AppendUint16(data, w), h)
	return append(le.AppendUint16(le.AppendUint16(data, 1), bits), make([]byte, n)...)
}

func TestReadHeaderOfEachFormat(t *testing.T) {
	for name, tt := range map[string]struct {
		data []byte
		want Header
	}{
		"JPEG":                   {jpegFile(segment(0xc0, sof)), Header{"JPEG", 40, 30, 1}},
		"JPEG, turned":           {jpegFile(segment(0xe1, "Exif\x00\x00"+string(exif(6))), segment(0xc2, sof)), Header{"JPEG", 40, 30, 6}},
		"JPEG, first EXIF holds": {jpegFile(segment(0xe1, "Exif\x00\x00"+string(exif(6))), segment(0xe1, "Exif\x00\x00"+string(exif(3))), segment(0xc0, sof)), Header{"JPEG", 40, 30, 6}},
		"JPEG, thumbnail":        {jpegFile(segment(0xe1, "Exif\x00\x00\xff\xd8\xff\xd9"), segment(0xc0, sof)), Header{"JPEG", 40, 30, 1}},
		"JPEG, other APP1":       {jpegFile(segment(0xe1, string(exif(6))), segment(0xcf, sof)), Header{"JPEG", 40, 30, 1}},
		"JPEG, tables":           {jpegFile(segment(0xc4, "\x00\xff\xff\xff\xff"), segment(0xc8, "\x00\xff\xff\xff\xff"), segment(0xcc, "\x00\xff\xff\xff\xff"), segment(0xd0-1, sof), segment(0xbf, "\x00\xff\xff\xff\xff")), Header{"JPEG", 40, 30, 1}},
		"JPEG, bare markers":     {jpegFile("\xff\x01\xff\xd0\xff\xd7\xff\xd8", segment(0xc0, sof)), Header{"JPEG", 40, 30, 1}},
		"JPEG, empty segment":    {jpegFile(segment(0xfe, ""), segment(0xc0, sof)), Header{"JPEG", 40, 30, 1}},
		"JPEG, the larger size":  {jpegFile(segment(0xc0, sof), segment(0xc1, "\x08\x00\x01\x00\x01")), Header{"JPEG", 40, 30, 1}},
		"PNG":                    {pngFile(), Header{"PNG", 40, 30, 1}},
		"PNG, turned":            {pngFile(pngChunk("eXIf", string(exif(8)))), Header{"PNG", 40, 30, 8}},
		"WebP":                   {riff("VP8 ", vp8), Header{"WebP", 40, 30, 1}},
		"WebP, lossless":         {riff("VP8L", vp8l), Header{"WebP", 40, 30, 1}},
		"WebP, extended, turned": {riff("VP8X", vp8x, "VP8 ", vp8, "EXIF", string(exif(3))), Header{"WebP", 40, 30, 3}},
		"WebP, the larger size":  {riff("VP8X", vp8x, "VP8L", "\x2f\x00\x00\x00\x00"), Header{"WebP", 40, 30, 1}},
		"WebP, no last pad":      {riff("VP8X", vp8x, "EXIF", "odd")[:12+18+8+3], Header{"WebP", 40, 30, 1}},
		"TIFF":                   {tiffFile(binary.LittleEndian, tiffEntries(1)...), Header{"TIFF", 9, 7, 1}},
		"TIFF, turned":           {tiffFile(binary.BigEndian, tiffEntries(8)...), Header{"TIFF", 9, 7, 8}},
		"TIFF, no orientation 9": {tiffFile(binary.BigEndian, tiffEntries(9)...), Header{"TIFF", 9, 7, 1}},
		"TIFF, no orientation 0": {tiffFile(binary.BigEndian, tiffEntries(0)...), Header{"TIFF", 9, 7, 1}},
		"BMP":                    {bmp(3, 2, 24, 0, 24), Header{"BMP", 3, 2, 1}},
		"BMP, top to bottom":     {bmp(3, -2, 24, 0, 24), Header{"BMP", 3, 2, 1}},
		"BMP, run lengths":       {bmp(3, 2, 8, 1, 0), Header{"BMP", 3, 2, 1}},
		"BMP, short runs":        {bmp(3, 2, 4, 2, 0), Header{"BMP", 3, 2, 1}},
		"BMP of OS/2":            {bmpOS2(9, 2, 4, 16), Header{"BMP", 9, 2, 1}},
		"PBM":                    {[]byte("P4\n9 2\n1234"), Header{"PNM", 9, 2, 1}},
		"PGM":                    {[]byte("P5 3 2 255\n123456"), Header{"PNM", 3, 2, 1}},
		"PGM of 16 bits":         {[]byte("P5 3 1 256 123456"), Header{"PNM", 3, 1, 1}},
		"PPM":                    {[]byte("P6\n# by hand\n1 2\n255\n123456"), Header{"PNM", 1, 2, 1}},
		"PBM in letters":         {[]byte("P1 9 2 "), Header{"PNM", 9, 2, 1}},
		"PPM in letters":         {[]byte("P3 9 2 255 "), Header{"PNM", 9, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ReadHeader(tt.data); got != tt.want || err != nil {
				t.Fatalf("%+v, %v; want %+v", got, err, tt.want)
			}
			if tt.want.Format == "PNM" && tt.data[1] < '4' {
				return // text may end anywhere
			}
			for n := range tt.data {
				if _, err := ReadHeader(tt.data[:n]); err == nil && !wholeWithout(tt.data, n) {
					t.Errorf("%d bytes of %d pass for a whole picture", n, len(tt.data))
				}
			}
			UprightTIFF(tt.data)
			if got, _ := ReadHeader(tt.data); tt.want.Format == "TIFF" && got.Orientation != 1 {
				t.Errorf("made upright: %+v", got)
			}
		})
	}
}

// wholeWithout says whether what data has after n bytes may be missing: the pad
// byte of a WebP, and the pixels of a BMP in run lengths, which OpenCV checks.
func wholeWithout(data []byte, n int) bool {
	switch {
	case bytes.HasPrefix(data, []byte("RIFF")):
		return n == len(data)-1
	case bytes.HasPrefix(data, []byte("BM")):
		return n >= 34 && data[30] != 0
	}
	return false
}

func TestReadHeaderRefusesBrokenOnes(t *testing.T) {
	for name, tt := range map[string]struct {
		data []byte
		want error
	}{
		"no picture":                    {[]byte("GIF89a"), ErrFormat},
		"nothing":                       {nil, ErrFormat},
		"P7":                            {[]byte("P7 1 1 "), ErrFormat},
		"P0":                            {[]byte("P0 1 1 "), ErrFormat},
		"a P alone":                     {[]byte("P1"), ErrFormat},
		"RIFF of something else":        {[]byte("RIFF\x04\x00\x00\x00WAVE"), ErrFormat},
		"JPEG without a size":           {jpegFile(), errBroken},
		"JPEG, a segment of 1 byte":     {jpegFile("\xff\xfe\x00\x01"), errBroken},
		"JPEG, a frame of 4 bytes":      {jpegFile(segment(0xc0, "\x08\x00\x1e\x00")), errBroken},
		"JPEG, height after the scan":   {jpegFile(segment(0xc0, "\x08\x00\x00\x00\x28")), errBroken},
		"PNG, a header of 7 bytes":      {[]byte(pngHead + pngChunk("IHDR", "1234567") + pngChunk("IEND", "")), errBroken},
		"PNG without a size":            {[]byte(pngHead + pngChunk("IEND", "")), errBroken},
		"PNG of no width":               {[]byte(pngHead + pngChunk("IHDR", "\x00\x00\x00\x00\x00\x00\x00\x01") + pngChunk("IEND", "")), errBroken},
		"WebP that says too little":     {[]byte("RIFF\x03\x00\x00\x00WEBP"), errBroken},
		"WebP without a size":           {riff("EXIF", "odd"), errBroken},
		"WebP, VP8X of 9 bytes":         {riff("VP8X", vp8x[:9]), errBroken},
		"WebP, VP8L of 4 bytes":         {riff("VP8L", vp8l[:4]), errBroken},
		"WebP, VP8 of 9 bytes":          {riff("VP8 ", vp8[:9]), errBroken},
		"WebP, VP8 called VP8X":         {riff("VP8Y", vp8x), errBroken},
		"TIFF, directory past the end":  {[]byte("II*\x00\xff\xff\xff\xff"), ErrCutShort},
		"TIFF, strip past the end":      {tiffFile(binary.LittleEndian, entry{tagWidth, 3, []uint32{1}}, entry{tagHeight, 3, []uint32{1}}, entry{tagStripOffsets, 3, []uint32{98}}, entry{tagStripCounts, 3, []uint32{1}}), ErrCutShort},
		"TIFF, tile past the end":       {tiffFile(binary.LittleEndian, entry{tagWidth, 3, []uint32{1}}, entry{tagHeight, 3, []uint32{1}}, entry{tagTileOffsets, 3, []uint32{90}}, entry{tagTileCounts, 3, []uint32{9}}), ErrCutShort},
		"TIFF, width of a kind unknown": {tiffFile(binary.LittleEndian, entry{tagWidth, 5, []uint32{9}}, entry{tagHeight, 3, []uint32{9}}), errBroken},
		"BMP of no width":               {bmp(0, 2, 24, 0, 24), errBroken},
		"BMP, rows missing":             {bmp(3, 2, 24, 0, 23), ErrCutShort},
		"BMP of OS/2, rows missing":     {bmpOS2(9, 2, 4, 15), ErrCutShort},
		"BMP, wider than 32 bits count": {bmp(1<<31-1, 1<<31-1, 32, 0, 24), ErrCutShort},
		"PNM without numbers":           {[]byte("P6 x"), ErrCutShort},
		"PNM without a depth":           {[]byte("P6 1 1 x"), ErrCutShort},
		"PBM, a row missing":            {[]byte("P4 9 2\n123"), ErrCutShort},
		"PNM of no height":              {[]byte("P6 1 0 255\n"), errBroken},
		"PNM past any number":           {[]byte("P5 1 99999999999999999999999999 255 1"), ErrCutShort},
	} {
		if got, err := ReadHeader(tt.data); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, tt.want)
		}
	}
}

// A size that was found is told even where the file is cut short right behind it:
// the caller says how large the picture would be.
func TestReadHeaderTellsTheSizeOfACutFile(t *testing.T) {
	png := pngFile()[:len(pngHead)+8+8]
	if got, err := ReadHeader(png); got.Width != 40 || got.Height != 30 || !errors.Is(err, ErrCutShort) {
		t.Errorf("PNG: %+v, %v", got, err)
	}
	if got, err := ReadHeader([]byte("P5 3 2 255\n1")); got.Width != 3 || got.Height != 2 || !errors.Is(err, ErrCutShort) {
		t.Errorf("PGM: %+v, %v", got, err)
	}
}

// What is written upright is one short, whatever stood there.
func TestUprightTIFFWritesAShort(t *testing.T) {
	for name, order := range map[string]interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}{"little endian": binary.LittleEndian, "big endian": binary.BigEndian} {
		data := tiffFile(order, entry{tagOrientation, 4, []uint32{6, 6}}, entry{tagWidth, 3, []uint32{9}})
		UprightTIFF(data)
		e, width := data[10:22], data[22:34]
		if order.Uint16(e) != tagOrientation || order.Uint16(e[2:]) != 3 || order.Uint32(e[4:]) != 1 || order.Uint16(e[8:]) != 1 {
			t.Errorf("%s: % x", name, e)
		}
		if order.Uint16(width) != tagWidth || order.Uint16(width[8:]) != 9 {
			t.Errorf("%s: the entry after it became % x", name, width)
		}
	}
}

func TestWithin(t *testing.T) {
	for name, tt := range map[string]struct {
		h    Header
		want bool
	}{
		"as many":  {Header{Width: 25, Height: 4}, true},
		"one more": {Header{Width: 101, Height: 1}, false},
		"a line":   {Header{Width: 100, Height: 0}, true},
	} {
		if got := tt.h.Within(100); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
