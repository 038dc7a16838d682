package bitstream

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// bin packs numbers, each written as "value:bits", "ue:value", or plain bits; the end is filled with a
// stop bit and zeros, and bytes that look like a start code are kept apart as in a NAL unit.
func bin(t testing.TB, words string) []byte {
	t.Helper()
	var all strings.Builder
	for _, word := range strings.Fields(words) {
		var v, n int
		if _, err := fmt.Sscanf(word, "ue:%d", &v); err == nil {
			digits := fmt.Sprintf("%b", v+1)
			all.WriteString(strings.Repeat("0", len(digits)-1) + digits)
		} else if _, err := fmt.Sscanf(word, "%d:%d", &v, &n); err == nil {
			fmt.Fprintf(&all, "%0*b", n, v)
		} else {
			all.WriteString(word)
		}
	}
	all.WriteString("1")
	var out []byte
	for b := all.String(); b != ""; b = b[min(8, len(b)):] {
		var v byte
		if _, err := fmt.Sscanf((b + "0000000")[:8], "%b", &v); err != nil {
			t.Fatal(err)
		}
		if v <= 3 && bytes.HasSuffix(out, []byte{0, 0}) {
			out = append(out, 3)
		}
		out = append(out, v)
	}
	return out
}

// A coded is a packet and the size that it announces.
type coded struct {
	codec         string
	packet        []byte
	width, height int
}

// written are packets made bit by bit from the standards' tables, of forms that encoders seldom write.
func written(t testing.TB) map[string]coded {
	code := "\x00\x00\x01"
	nal := func(head, words string) []byte { return append([]byte(code+head), bin(t, words)...) }
	main264 := "77:8 0:8 30:8 ue:0 ue:0 "
	main265 := "0:4 0:3 1 0:32 0:32 0:24 93:8 "
	layers := "0:4 3:3 1 0:32 0:32 0:24 93:8 11 01 00 0:10 " + // profile and level, level, nothing
		strings.Repeat("255:8 ", 11) + "90:8 60:8 "
	vol := "0 1:8 "
	return map[string]coded{
		"H.264":                       {"avc1", nal("\x67", main264+"ue:0 ue:0 ue:4 0 ue:39 ue:29 1 1 0 0"), 640, 480},
		"H.264 after other units":     {"h264", append([]byte(code+"\x09\xf0\x00"+code+"\x06\x05"), nal("\x27", main264+"ue:2 ue:4 0 ue:39 ue:29 1 1 0 0")...), 640, 480},
		"H.264 order type 1":          {"H264", nal("\x67", main264+"ue:1 0 ue:5 ue:6 ue:2 ue:1 ue:2 ue:4 0 ue:9 ue:9 1 1 0"), 160, 160},
		"H.264 interlaced, cropped":   {"\x1b\x00\x00\x00", nal("\x67", main264+"ue:2 ue:4 0 ue:119 ue:33 0 0 1 1 ue:0 ue:0 ue:0 ue:2"), 1920, 1080},
		"H.264 4:2:2 cropped":         {"avc1", nal("\x67", "122:8 0:8 30:8 ue:0 ue:2 ue:2 ue:2 0 0 ue:0 ue:2 ue:4 0 ue:9 ue:9 1 1 1 ue:1 ue:2 ue:3 ue:4"), 154, 153},
		"H.264 separate planes":       {"avc1", nal("\x67", "244:8 0:8 30:8 ue:0 ue:3 1 ue:0 ue:0 0 0 ue:0 ue:2 ue:4 0 ue:9 ue:9 1 1 1 ue:1 ue:2 ue:3 ue:4"), 157, 153},
		"H.264 bytes kept apart":      {"avc1", nal("\x67", "77:8 0:8 0:8 ue:0 ue:0 ue:0 ue:0 ue:65534 0 ue:39 ue:29 1 1 0"), 640, 480},
		"HEVC":                        {"hvc1", nal("\x42\x01", main265+"ue:0 ue:1 ue:640 ue:480 0"), 640, 480},
		"HEVC layers, 4:2:2, cropped": {"hev1", nal("\x42\x01", layers+"ue:0 ue:2 ue:200 ue:100 1 ue:1 ue:2 ue:3 ue:4"), 194, 93},
		"HEVC second view first":      {"$\x00\x00\x00", append(nal("\x42\x09", main265+"ue:0 ue:1 ue:8 ue:8 0"), nal("\x42\x01", main265+"ue:0 ue:3 1 ue:64 ue:48 1 ue:1 ue:0 ue:0 ue:0")...), 63, 48},
		"MPEG-1":                      {"mpg1", []byte(code + "\xb3\x16\x01\x20\x13"), 352, 288},
		"MPEG-2 above 4095":           {"mpg2", []byte(code + "\xb3\x00\x20\x03\x14" + code + "\xb5\x14\x8a\xd0\x80"), 4098, 8195},
		"MPEG-4":                      {"mp4v", append([]byte(code+"\x00"+code+"\x20"), bin(t, vol+"0 1:4 0 0:2 1 25:16 1 0 1 320:13 1 240:13 1")...), 320, 240},
		"MPEG-4 with everything":      {"FMP4", append([]byte(code+"\x21"), bin(t, vol+"1 1:4 1:3 15:4 4:8 3:8 1 1:2 1 1 9:15 1 9:15 1 9:15 1 0:3 9:11 1 9:15 1 0:2 1 30000:16 1 1 1001:15 1 321:13 1 241:13 1")...), 321, 241},
		"MPEG-4 by FFmpeg's name":     {"mpeg", slices.Concat([]byte(code+"\x20"), bin(t, vol+"0 1:4 0 0:2 1 25:16 1 0 1 320:13 1 240:13 1"), []byte(code+"\xb3\x00\x10\x07"+code+"\xb6")), 320, 240},
		"MPEG-2 by FFmpeg's name":     {"mpeg", []byte(code + "\xb3\x16\x01\x20\x13" + code + "\x00"), 352, 288},
		"JPEG":                        {"MJPG", []byte("\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc0\x00\x0b\x08\x00\x30\x00\x40\x01\x01\x11\x00\xff\xda"), 64, 48},
		"JPEG, progressive":           {"jpeg", []byte("\xff\xd8\xff\xc4\x00\x02\xff\xc2\x00\x0b\x08\x00\x30\x00\x40\x01\x01\x11\x00"), 64, 48},
		"VP8 with a scale":            {"VP80", []byte("\x10\x00\x00\x9d\x01\x2a\x40\x41\xf0\x80"), 320, 240},
		"VP9":                         {"vp09", bin(t, "2:2 0 0 0 0 1 0 73:8 131:8 66:8 1:3 0 319:16 239:16"), 320, 240},
		"VP9 profile 3, RGB":          {"VP90", bin(t, "2:2 1 1 0 0 0 1 0 73:8 131:8 66:8 1 7:3 0 319:16 239:16"), 320, 240},
		"VP9 profile 1, 4:4:0":        {"vp9\x00", bin(t, "2:2 1 0 0 0 1 0 73:8 131:8 66:8 1:3 0 01 0 319:16 239:16"), 320, 240},
	}
}

func TestSize(t *testing.T) {
	for name, tt := range written(t) {
		if w, h, ok := Size(tt.codec, tt.packet); w != tt.width || h != tt.height || !ok {
			t.Errorf("%s: %dx%d %v, want %dx%d", name, w, h, ok, tt.width, tt.height)
		}
	}
}

// cuts reads each beginning of a packet and says whether only the right size, or none, was read.
func cuts(t *testing.T, name string, c coded) {
	t.Helper()
	if _, _, ok := Size(c.codec, nil); ok {
		t.Errorf("%s: a size of nothing", name)
	}
	for n := range min(len(c.packet), 2000) {
		if w, h, ok := Size(c.codec, c.packet[:n:n]); ok && (w != c.width || h != c.height) {
			t.Errorf("%d bytes of %s: %dx%d, want %dx%d or nothing", n, name, w, h, c.width, c.height)
		}
	}
}

func TestEveryLength(t *testing.T) {
	for name, c := range written(t) {
		if name == "MPEG-2 above 4095" || c.codec == "mpeg" { // whole before its end
			continue
		}
		cuts(t, name, c)
	}
}

func TestNoSize(t *testing.T) {
	code := "\x00\x00\x01"
	for name, c := range map[string]coded{
		"unknown codec":              {codec: "HFYU", packet: []byte("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x30\x00\x40\x01\x01\x11\x00")},
		"no codec":                   {codec: "", packet: []byte("\xff\xd8")},
		"H.264 without parameters":   {codec: "avc1", packet: []byte(code + "\x65\x88\x84" + code)},
		"H.264 cropped to nothing":   {codec: "avc1", packet: append([]byte(code+"\x67"), bin(t, "77:8 0:8 30:8 ue:0 ue:0 ue:2 ue:4 0 ue:0 ue:0 1 1 1 ue:4 ue:4 ue:0 ue:0")...)},
		"H.264 too large":            {codec: "avc1", packet: append([]byte(code+"\x67"), bin(t, "77:8 0:8 30:8 ue:0 ue:0 ue:2 ue:4 0 ue:9999999 ue:0 1 1 0")...)},
		"HEVC slice":                 {codec: "hevc", packet: []byte(code + "\x26\x01\xaf\x09")},
		"JPEG without header":        {codec: "MJPG", packet: []byte("\xff\xd8\xff\xda\x00\x08")},
		"JPEG of no height":          {codec: "MJPG", packet: []byte("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x40\x01\x01\x11\x00")},
		"MPEG-2 picture":             {codec: "mpg2", packet: []byte(code + "\x00\x00\x0f\xff\xf8" + code + "\x01")},
		"MPEG-4 of a shape":          {codec: "mp4v", packet: append([]byte(code+"\x20"), bin(t, "0 1:8 0 1:4 0 1:2 1 25:16 1 0 1 320:13 1 240:13 1")...)},
		"VP8 between key frames":     {codec: "VP80", packet: []byte("\x11\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00")},
		"VP9 between key frames":     {codec: "VP90", packet: bin(t, "2:2 0 0 0 1 1 0 73:8 131:8 66:8 1:3 0 319:16 239:16")},
		"VP9 shown again":            {codec: "VP90", packet: bin(t, "2:2 0 0 1 0 0:3 73:8 131:8 66:8 1:3 0 319:16 239:16")},
		"VP9 with a false sync code": {codec: "VP90", packet: bin(t, "2:2 0 0 0 0 1 0 73:8 131:8 67:8 1:3 0 319:16 239:16")},
	} {
		if w, h, ok := Size(c.codec, c.packet); ok || w != 0 || h != 0 {
			t.Errorf("%s: %dx%d %v", name, w, h, ok)
		}
	}
}

func FuzzSize(f *testing.F) {
	for _, c := range written(f) {
		f.Add(c.codec, c.packet)
	}
	f.Fuzz(func(t *testing.T, codec string, packet []byte) {
		w, h, ok := Size(codec, packet)
		if inside := w >= 1 && h >= 1 && w <= maxSide && h <= maxSide; ok != inside {
			t.Errorf("%dx%d %v", w, h, ok)
		}
	})
}
