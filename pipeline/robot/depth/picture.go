package depth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"strings"

	"deixis/model"
	"deixis/pipeline/robot"
)

// A Picture is the depth of each pixel along the optical axis, row by row.
type Picture struct {
	Width, Height int
	MM            []uint16 // millimetres; 0 where it is not known
}

// compressedHeader is how many bytes compressed_depth_image_transport puts before the PNG: the
// kind of compression, and two numbers by which depths of 32FC1 were made whole ones.
const compressedHeader = 12

var pngHead = []byte("\x89PNG\r\n\x1a\n")

// decode reads a PNG of 16 bits grey in millimetres of at most most pixels, or what
// compressedDepth of ROS has; format is that of its message, "" for a plain PNG.
func decode(data []byte, format string, most int) (*Picture, error) {
	var a, b float64
	if !bytes.HasPrefix(data, pngHead) && len(data) > compressedHeader && bytes.HasPrefix(data[compressedHeader:], pngHead) {
		a = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4:])))
		b = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[8:])))
		data = data[compressedHeader:]
	}
	if !bytes.HasPrefix(data, pngHead) {
		return nil, fmt.Errorf("not a PNG (format %.60q; compressedDepth with png is read)", format)
	}
	size, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if size.Width > most/max(1, size.Height) {
		return nil, fmt.Errorf("%dx%d pixels are more than %d (--max-pixels raises the limit)", size.Width, size.Height, most)
	}
	pic, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	grey, ok := pic.(*image.Gray16)
	if !ok {
		return nil, errors.New("not 16 bits of grey")
	}
	p := &Picture{Width: size.Width, Height: size.Height, MM: make([]uint16, size.Width*size.Height)}
	for y := range p.Height {
		row := grey.Pix[y*grey.Stride:]
		for x := range p.Width {
			p.MM[y*p.Width+x] = binary.BigEndian.Uint16(row[2*x:])
		}
	}
	if strings.HasPrefix(format, "32FC1") {
		p.dequantise(a, b)
	}
	return p, nil
}

// dequantise turns what stands for depths of 32FC1 into millimetres: a / (v - b) metres.
func (p *Picture) dequantise(a, b float64) {
	for i, v := range p.MM {
		if v == 0 {
			continue
		}
		mm := math.Round(1000 * a / (float64(v) - b))
		p.MM[i] = 0
		if mm >= 1 && mm <= math.MaxUint16 {
			p.MM[i] = uint16(mm)
		}
	}
}

// Range is the depth of the pixels whose middle lies in box; false where none is known.
func (p *Picture) Range(box model.Box) (robot.Range, bool) {
	edge := func(v float32, most int) int { return min(max(int(math.Round(float64(v))), 0), most) }
	x1, x2, y1, y2 := edge(box.X1, p.Width), edge(box.X2, p.Width), edge(box.Y1, p.Height), edge(box.Y2, p.Height)
	if x2 <= x1 || y2 <= y1 {
		return robot.Range{}, false
	}
	var counts [math.MaxUint16 + 1]int32
	for y := y1; y < y2; y++ {
		for _, mm := range p.MM[y*p.Width+x1 : y*p.Width+x2] {
			counts[mm]++
		}
	}
	all := (x2 - x1) * (y2 - y1)
	known := all - int(counts[0])
	if known == 0 {
		return robot.Range{}, false
	}
	counts[0] = 0
	at := func(share float64) float64 { // metres that this share of the known pixels is nearer than
		left := int32(share * float64(known-1))
		for mm, n := range counts {
			if left < n {
				return float64(mm) / 1000
			}
			left -= n
		}
		return 0 // never: the counts add up to known
	}
	return robot.Range{Median: at(0.5), Spread: at(0.75) - at(0.25), Valid: float64(known) / float64(all)}, true
}
