package listen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrSound says that a file or stream is no sound that can be read.
var ErrSound = errors.New("no sound that can be read")

// Formats of a WAV's samples.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavALaw       = 6 // telephones, ITU-T G.711
	wavMuLaw      = 7
	wavExtensible = 0xFFFE // the true one follows in the same chunk
)

// Rates that a file may have.
const (
	leastRate = 2000
	mostRate  = 192000
)

// endlessSize and more, or 0, is what programs write that do not know yet how
// much sound will follow and cannot go back.
const endlessSize = 0x7F000000

// mostLacking is how many bytes a file may lack of those that its header promises
// before that is an error: many programs count their header among them.
const mostLacking = 256

// wav is a RIFF/WAVE stream behind its header.
type wav struct {
	from     io.Reader
	rate     int
	channels int
	bytes    int   // of one sample of one channel
	kind     int   // one of the formats above, not wavExtensible
	left     int64 // bytes of sound that are still to come, as the header says
	endless  bool  // its writer did not know: sound goes on until the end
	raw      []byte
}

// newWAV reads the header, up to the first sample.
func newWAV(r io.Reader) (*wav, error) {
	var riff [12]byte
	switch n, err := io.ReadFull(r, riff[:]); {
	case n == 0 && errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: it is empty", ErrSound)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: %d bytes are no WAV", ErrSound, n)
	case err != nil:
		return nil, err
	case (string(riff[:4]) != "RIFF" && string(riff[:4]) != "RF64") || string(riff[8:]) != "WAVE":
		return nil, fmt.Errorf("%w: it does not begin as a WAV does (convert it with `ffmpeg -i FILE -ac 1 -ar %d out.wav`)", ErrSound, Rate)
	}
	w := &wav{from: r}
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, fmt.Errorf("%w: the WAV ends before its sound", ErrSound)
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		switch name := string(head[:4]); {
		case name == "fmt ":
			if err := w.format(size); err != nil {
				return nil, err
			}
		case name == "data" && w.rate == 0:
			return nil, fmt.Errorf("%w: the WAV has sound before its format", ErrSound)
		case name == "data":
			w.left, w.endless = size, size == 0 || size >= endlessSize
			return w, nil
		default:
			if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
				return nil, fmt.Errorf("%w: the WAV ends inside its %q chunk", ErrSound, name)
			}
		}
	}
}

// format reads the fmt chunk.
func (w *wav) format(size int64) error {
	if size < 16 || size > 1<<16 {
		return fmt.Errorf("%w: the WAV's format has %d bytes", ErrSound, size)
	}
	b := make([]byte, size+size%2)
	if _, err := io.ReadFull(w.from, b); err != nil {
		return fmt.Errorf("%w: the WAV ends inside its format", ErrSound)
	}
	kind, bits := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[14:]))
	if kind == wavExtensible && size >= 26 {
		kind = int(binary.LittleEndian.Uint16(b[24:]))
	}
	w.channels, w.rate = int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	w.kind, w.bytes = kind, bits/8
	float, law := kind == wavFloat, kind == wavALaw || kind == wavMuLaw
	switch {
	case kind != wavPCM && !float && !law:
		return fmt.Errorf("%w: the WAV is compressed (format %d); convert it with `ffmpeg -i FILE -c:a pcm_s16le out.wav`", ErrSound, kind)
	case w.channels == 0 || w.channels > 64:
		return fmt.Errorf("%w: the WAV has %d channels", ErrSound, w.channels)
	case w.rate < leastRate || w.rate > mostRate:
		return fmt.Errorf("%w: the WAV has %d samples a second, not %d to %d", ErrSound, w.rate, leastRate, mostRate)
	case bits%8 != 0 || float && bits != 32 && bits != 64 || law && bits != 8 || !float && (bits < 8 || bits > 32):
		return fmt.Errorf("%w: the WAV has %d bits a sample", ErrSound, bits)
	}
	return nil
}

// Read gives the mean of all channels, -1 to 1, at the file's own rate. After
// far fewer samples than the header promises it gives an ErrSound.
func (w *wav) Read(pcm []float32) (int, error) {
	frame := w.bytes * w.channels
	want := len(pcm) * frame
	if !w.endless {
		want = int(min(int64(want), w.left/int64(frame)*int64(frame)))
	}
	if want == 0 {
		return 0, io.EOF
	}
	if len(w.raw) < want {
		w.raw = make([]byte, want)
	}
	got, err := io.ReadFull(w.from, w.raw[:want])
	w.left -= int64(got)
	n := got / frame
	for i := range n {
		pcm[i] = w.mean(w.raw[i*frame : (i+1)*frame])
	}
	switch {
	case err == nil || n > 0:
		return n, nil
	case (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && !w.endless && w.left > mostLacking:
		return 0, fmt.Errorf("%w: the WAV is cut off: %d bytes of its sound are missing", ErrSound, w.left)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, io.EOF
	}
	return 0, err
}

// mean is the mean of one sample of each channel.
func (w *wav) mean(frame []byte) float32 {
	var sum float64
	for b := range w.channels {
		sum += w.sample(frame[b*w.bytes : (b+1)*w.bytes])
	}
	m := sum / float64(w.channels)
	if math.IsNaN(m) {
		return 0
	}
	return float32(max(-1, min(1, m)))
}

// sample is one sample as a number from -1 to 1.
func (w *wav) sample(b []byte) float64 {
	switch {
	case w.kind == wavFloat && w.bytes == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case w.kind == wavFloat:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case w.kind == wavMuLaw:
		return muLaw(b[0])
	case w.kind == wavALaw:
		return aLaw(b[0])
	case w.bytes == 1: // the only one without a sign
		return (float64(b[0]) - 128) / 128
	case w.bytes == 2:
		return float64(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case w.bytes == 3:
		return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
	}
	return float64(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
}

// muLaw expands a byte of mu-law (ITU-T G.711, table 2): all bits inverted, then the
// sign, three bits of exponent and four of mantissa.
func muLaw(b byte) float64 {
	b = ^b
	size := (int(b&15)<<3+132)<<(b>>4&7) - 132
	return signed(size, b&128 != 0)
}

// aLaw expands a byte of A-law (ITU-T G.711, table 1): every other bit inverted, then
// the sign, which is set for what is positive, exponent and mantissa.
func aLaw(b byte) float64 {
	b ^= 0x55
	size := int(b&15)<<4 + 8
	if exponent := b >> 4 & 7; exponent > 0 {
		size = (size + 256) << (exponent - 1)
	}
	return signed(size, b&128 == 0)
}

// signed is a sample of 16 bits as a number from -1 to 1.
func signed(size int, negative bool) float64 {
	if negative {
		size = -size
	}
	return float64(size) / (1 << 15)
}
