package opencv

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestDevicesUnder(t *testing.T) {
	dev, sys := t.TempDir(), t.TempDir()
	for _, name := range []string{"video0", "video10", "video2", "video-enc", "vbi0"} {
		if err := os.WriteFile(filepath.Join(dev, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(sys, "video2"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sys, "video2", "name"), []byte("HD Camera: HD Camera\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	vga := []Mode{{Format: "YUYV", Width: 640, Height: 480, FPS: []float64{30}}}
	got, err := devicesUnder(dev, sys, func(node string) ([]Mode, string) {
		if filepath.Base(node) == "video10" {
			return nil, "busy"
		}
		return vga, ""
	})
	want := []Device{
		{0, filepath.Join(dev, "video0"), "", true, "", vga},
		{2, filepath.Join(dev, "video2"), "HD Camera: HD Camera", true, "", vga},
		{10, filepath.Join(dev, "video10"), "", false, "busy", []Mode{}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("devices = %+v, %v; want %+v", got, err, want)
	}
}

func TestProbeRefusesWhatIsNoDevice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "video0")
	if _, why := probe(file); why == "" {
		t.Error("a missing node is usable")
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, why := probe(file); why == "" {
		t.Error("a plain file is usable")
	}
}

// driver answers as a camera of Linux does, from lists.
type driver struct {
	caps    uint32
	formats []string
	sizes   map[string][][2]uint32    // of a format
	ranges  map[string][6]uint32      // of a format that takes every size between
	rates   map[[2]uint32][][2]uint32 // of a size: seconds, over
}

func (d *driver) ask(request uintptr, arg []byte) error {
	i := int(get(arg, 0))
	switch request {
	case vidiocQuerycap:
		put(arg, capabilitiesAt, capDeviceCaps)
		put(arg, deviceCapsAt, d.caps)
		return nil
	case vidiocEnumFmt:
		if get(arg, fmtTypeAt) == bufCapture && i < len(d.formats) {
			copy(arg[fmtPixelAt:], d.formats[i])
			return nil
		}
	case vidiocEnumFrameSizes:
		format := fourCC(get(arg, sizePixelAt))
		if r, ok := d.ranges[format]; ok && i == 0 {
			put(arg, sizeTypeAt, 3)
			for n, v := range r {
				put(arg, sizeUnionAt+4*n, v)
			}
			return nil
		}
		if all := d.sizes[format]; i < len(all) {
			put(arg, sizeTypeAt, discrete)
			put(arg, sizeUnionAt, all[i][0])
			put(arg, sizeUnionAt+4, all[i][1])
			return nil
		}
	case vidiocEnumFrameIntervals:
		if all := d.rates[[2]uint32{get(arg, ivalWidthAt), get(arg, ivalHeightAt)}]; i < len(all) {
			put(arg, ivalTypeAt, discrete)
			put(arg, ivalUnionAt, all[i][0])
			put(arg, ivalUnionAt+4, all[i][1])
			return nil
		}
	}
	return syscall.EINVAL
}

func TestModes(t *testing.T) {
	d := &driver{
		caps: capVideoCapture, formats: []string{"YUYV", "MJPG", "NV12"},
		sizes:  map[string][][2]uint32{"YUYV": {{640, 480}, {1280, 720}}, "MJPG": {{1280, 720}}},
		ranges: map[string][6]uint32{"NV12": {32, 1920, 2, 32, 1080, 2}},
		rates:  map[[2]uint32][][2]uint32{{640, 480}: {{1, 15}, {1, 30}, {1001, 30000}}, {1280, 720}: {{1, 10}}, {1920, 1080}: {{0, 0}}},
	}
	got, why := capabilities(d.ask)
	want := []Mode{
		{"NV12", 1920, 1080, &[2]int{32, 32}, []float64{}},
		{"YUYV", 1280, 720, nil, []float64{10}},
		{"MJPG", 1280, 720, nil, []float64{10}},
		{"YUYV", 640, 480, nil, []float64{30, 15}},
	}
	if why != "" || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %q, want %+v", got, why, want)
	}
	d.caps = 0x02 // an output
	if _, why := capabilities(d.ask); !strings.Contains(why, "no pictures") {
		t.Errorf("an output: %q", why)
	}
	if _, why := capabilities(func(uintptr, []byte) error { return syscall.ENOTTY }); why != "not a video device" {
		t.Errorf("no video device: %q", why)
	}
}

func TestModesOfADriverWithoutEnd(t *testing.T) {
	d := &driver{caps: capVideoCapture}
	got, _ := capabilities(func(request uintptr, arg []byte) error {
		if request == vidiocQuerycap {
			return d.ask(request, arg)
		}
		put(arg, sizeTypeAt, discrete)
		return nil
	})
	if len(got) > 2*mostListed*mostListed {
		t.Errorf("%d modes", len(got))
	}
}
