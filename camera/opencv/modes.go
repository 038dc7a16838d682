package opencv

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// A Mode is a way in which a camera gives pictures.
type Mode struct {
	Format   string    `json:"format"`             // four letters, to be asked for with --pixel-format
	Width    int       `json:"width"`              // pixels; the greatest where Smallest is there
	Height   int       `json:"height"`             //
	Smallest *[2]int   `json:"smallest,omitempty"` // width and height of the smallest, where every size between is there
	FPS      []float64 `json:"fps"`                // frames a second, fastest first; empty unknown
}

// A control asks one thing of an open device: it reads and writes arg, whose
// layout goes with the request. Its error ends a list.
type control func(request uintptr, arg []byte) error

// From linux/videodev2.h: requests, the sizes of what goes with them, and
// where in it things are.
const (
	vidiocQuerycap           = 0x80685600
	vidiocEnumFmt            = 0xc0405602
	vidiocEnumFrameSizes     = 0xc02c564a
	vidiocEnumFrameIntervals = 0xc034564b

	capBytes, fmtBytes, sizeBytes, ivalBytes = 104, 64, 44, 52

	capabilitiesAt, deviceCapsAt       = 84, 88
	capVideoCapture, capVideoCaptureMP = 0x00000001, 0x00001000
	capDeviceCaps                      = 0x80000000

	bufCapture, bufCaptureMP = 1, 9 // kinds of buffer: pictures in one plane, or in several
	discrete                 = 1    // a list of single sizes or intervals, and no range

	fmtTypeAt, fmtPixelAt                                           = 4, 44
	sizePixelAt, sizeTypeAt, sizeUnionAt                            = 4, 8, 12
	ivalPixelAt, ivalWidthAt, ivalHeightAt, ivalTypeAt, ivalUnionAt = 4, 8, 12, 16, 20
)

// mostListed bounds every list: a driver that never ends one is broken.
const mostListed = 64

// capabilities asks a device what it can do, or says why it gives no pictures:
// a webcam often has a second node that carries only its metadata.
func capabilities(ask control) (all []Mode, why string) {
	arg := make([]byte, capBytes)
	if ask(vidiocQuerycap, arg) != nil {
		return nil, "not a video device"
	}
	caps := get(arg, capabilitiesAt)
	if caps&capDeviceCaps != 0 {
		caps = get(arg, deviceCapsAt)
	}
	if caps&(capVideoCapture|capVideoCaptureMP) == 0 {
		return nil, "carries no pictures (metadata or output)"
	}
	return modes(ask), ""
}

// modes lists what a camera can do, largest and fastest first.
func modes(ask control) []Mode {
	var all []Mode
	for _, kind := range []uint32{bufCapture, bufCaptureMP} {
		for i := range uint32(mostListed) {
			arg := make([]byte, fmtBytes)
			put(arg, 0, i)
			put(arg, fmtTypeAt, kind)
			if ask(vidiocEnumFmt, arg) != nil {
				break
			}
			all = append(all, sizes(ask, get(arg, fmtPixelAt))...)
		}
	}
	slices.SortStableFunc(all, func(a, b Mode) int {
		return cmp.Or(cmp.Compare(b.Width*b.Height, a.Width*a.Height), cmp.Compare(fastest(b), fastest(a)))
	})
	return all
}

// sizes lists the modes of one pixel format.
func sizes(ask control, format uint32) []Mode {
	var all []Mode
	for i := range uint32(mostListed) {
		arg := make([]byte, sizeBytes)
		put(arg, 0, i)
		put(arg, sizePixelAt, format)
		if ask(vidiocEnumFrameSizes, arg) != nil {
			break
		}
		at := func(n int) uint32 { return get(arg, sizeUnionAt+4*n) }
		if get(arg, sizeTypeAt) == discrete {
			all = append(all, Mode{Format: fourCC(format), Width: int(at(0)), Height: int(at(1)), FPS: rates(ask, format, at(0), at(1))})
			continue
		}
		// least, greatest and step of the width, then of the height
		all = append(all, Mode{
			Format: fourCC(format), Width: int(at(1)), Height: int(at(4)), Smallest: &[2]int{int(at(0)), int(at(3))},
			FPS: rates(ask, format, at(1), at(4)),
		})
		break
	}
	return all
}

// rates lists the frames a second of one size, fastest first.
func rates(ask control, format, width, height uint32) []float64 {
	all := []float64{}
	for i := range uint32(mostListed) {
		arg := make([]byte, ivalBytes)
		put(arg, 0, i)
		put(arg, ivalPixelAt, format)
		put(arg, ivalWidthAt, width)
		put(arg, ivalHeightAt, height)
		if ask(vidiocEnumFrameIntervals, arg) != nil {
			break
		}
		seconds, of := get(arg, ivalUnionAt), get(arg, ivalUnionAt+4) // the shortest, of a range
		if seconds > 0 {
			all = append(all, float64(int(10*float64(of)/float64(seconds)+0.5))/10)
		}
		if get(arg, ivalTypeAt) != discrete {
			break
		}
	}
	slices.SortFunc(all, func(a, b float64) int { return cmp.Compare(b, a) })
	return slices.Compact(all)
}

func fastest(m Mode) float64 {
	if len(m.FPS) == 0 {
		return 0
	}
	return m.FPS[0]
}

// fourCC is a format's code in letters.
func fourCC(code uint32) string {
	letters := binary.LittleEndian.AppendUint32(nil, code)
	letters[3] &^= 0x80 // big-endian formats set it
	for i, c := range letters {
		if c < ' ' || c > '~' {
			letters[i] = ' '
		}
	}
	return strings.TrimRight(string(letters), " ")
}

func put(arg []byte, at int, v uint32)  { binary.NativeEndian.PutUint32(arg[at:], v) }
func get(arg []byte, at int) (v uint32) { return binary.NativeEndian.Uint32(arg[at:]) }
