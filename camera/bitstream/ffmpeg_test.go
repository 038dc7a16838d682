package bitstream

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// encoders is the list that ffmpeg prints of its encoders.
var encoders = sync.OnceValue(func() string {
	out, _ := exec.Command("ffmpeg", "-hide_banner", "-encoders").Output() // without a list the tests are skipped
	return string(out)
})

// stream is what ffmpeg writes of two frames of a test picture.
func stream(t *testing.T, size, args string) []byte {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on this machine (install it to read what encoders write)")
	}
	words := strings.Fields(args)
	if !strings.Contains(encoders(), " "+words[0]+" ") {
		t.Skipf("this ffmpeg has no encoder %s", words[0])
	}
	all := append(strings.Fields("-v error -nostdin -f lavfi -i testsrc=rate=25:size="+size+" -frames:v 2 -c:v"), words...)
	cmd := exec.CommandContext(t.Context(), ffmpeg, append(all, "-")...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v", args, err)
	}
	return out
}

// ivf are the packets of an IVF file: 32 bytes, then 12 and a packet each.
func ivf(t *testing.T, file []byte) (packets [][]byte) {
	t.Helper()
	for p := file[32:]; len(p) > 0; {
		n := 12 + int(binary.LittleEndian.Uint32(p))
		packets = append(packets, p[12:n])
		p = p[n:]
	}
	if len(packets) != 2 {
		t.Fatalf("%d packets", len(packets))
	}
	return packets
}

func TestSizeAsEncodersWriteIt(t *testing.T) {
	for i, tt := range []struct {
		codec         string
		width, height int
		args          string
	}{
		{"avc1", 770, 578, "libx264 -f h264"},
		{"avc1", 512, 384, "libx264 -profile:v baseline -pix_fmt yuv420p -f h264"},
		{"avc1", 34, 22, "libx264 -pix_fmt yuv420p -x264-params cqm=jvt -f h264"},
		{"avc1", 322, 244, "libx264 -pix_fmt yuv420p -flags +ildct+ilme -f h264"},
		{"avc1", 770, 577, "libx264 -pix_fmt yuv422p10le -f h264"},
		{"hvc1", 770, 578, "libx265 -pix_fmt yuv420p -preset ultrafast -x265-params log-level=error -f hevc"},
		{"hvc1", 512, 384, "libx265 -pix_fmt yuv422p10le -preset ultrafast -x265-params log-level=error -f hevc"},
		{"MJPG", 770, 577, "mjpeg -pix_fmt yuvj420p -f mjpeg"},
		{"mpg2", 770, 577, "mpeg2video -f mpeg2video"},
		{"mpg1", 512, 384, "mpeg1video -f mpeg1video"},
		{"FMP4", 770, 577, "mpeg4 -f m4v"},
		{"mpeg", 770, 577, "mpeg4 -f m4v"},
		{"mpeg", 512, 384, "mpeg2video -f mpeg2video"},
		{"VP80", 770, 577, "libvpx -f ivf"},
		{"VP90", 770, 577, "libvpx-vp9 -pix_fmt yuv420p -f ivf"},
		{"VP90", 512, 384, "libvpx-vp9 -pix_fmt yuv444p -f ivf"},
		{"VP90", 34, 22, "libvpx-vp9 -pix_fmt gbrp -f ivf"},
	} {
		size := fmt.Sprintf("%dx%d", tt.width, tt.height)
		t.Run(fmt.Sprint(i, tt.codec, size), func(t *testing.T) {
			c := coded{tt.codec, stream(t, size, tt.args), tt.width, tt.height}
			if strings.HasSuffix(tt.args, "ivf") {
				packets := ivf(t, c.packet)
				c.packet = packets[0]
				if w, h, ok := Size(c.codec, packets[1]); ok {
					t.Errorf("%dx%d of a packet between key frames", w, h)
				}
			}
			if w, h, ok := Size(c.codec, c.packet); w != c.width || h != c.height || !ok {
				t.Errorf("%dx%d %v, want %s", w, h, ok, size)
			}
			cuts(t, tt.args, c)
		})
	}
}
