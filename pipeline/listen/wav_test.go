package listen

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wavOf is a WAV file of what sample says of each frame and channel.
func wavOf(format, bits, channels, rate, frames int, sample func(i, channel int) float64) []byte {
	var data bytes.Buffer
	for i := range frames {
		for c := range channels {
			x := sample(i, c)
			switch {
			case format == wavFloat && bits == 64:
				binary.Write(&data, binary.LittleEndian, x)
			case format == wavFloat:
				binary.Write(&data, binary.LittleEndian, float32(x))
			case bits == 8:
				data.WriteByte(byte(math.Round(x*127) + 128))
			default:
				v := int32(math.Round(x * float64(int64(1)<<31-int64(1)<<(32-bits))))
				var b [4]byte
				binary.LittleEndian.PutUint32(b[:], uint32(v))
				data.Write(b[4-bits/8:])
			}
		}
	}
	var w bytes.Buffer
	w.WriteString("RIFF")
	binary.Write(&w, binary.LittleEndian, uint32(36+data.Len()))
	w.WriteString("WAVELIST")
	binary.Write(&w, binary.LittleEndian, uint32(3)) // odd, so a byte of padding follows
	w.WriteString("abc\x00fmt ")
	head := struct {
		Size                 uint32
		Format, Channels     uint16
		Rate, BytesPerSecond uint32
		Frame, Bits          uint16
	}{16, uint16(format), uint16(channels), uint32(rate), uint32(rate * channels * bits / 8), uint16(channels * bits / 8), uint16(bits)}
	binary.Write(&w, binary.LittleEndian, head)
	w.WriteString("data")
	binary.Write(&w, binary.LittleEndian, uint32(data.Len()))
	w.Write(data.Bytes())
	return w.Bytes()
}

func sine(hz float64, rate int) func(i, _ int) float64 {
	return func(i, _ int) float64 { return 0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)) }
}

// extensible gives a WAV the longer form of its format.
func extensible(w []byte) []byte {
	at := bytes.Index(w, []byte("fmt ")) + 4
	kind := [2]byte(w[at+4 : at+6])
	long := append([]byte{}, w[:at]...)
	long = append(long, 40, 0, 0, 0, 0xFE, 0xFF)
	long = append(long, w[at+6:at+20]...)
	long = append(long, 22, 0, 16, 0, 4, 0, 0, 0, kind[0], kind[1])
	long = append(long, make([]byte, 14)...)
	return append(long, w[at+20:]...)
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// readAll reads a source in pieces of n.
func readAll(t *testing.T, s Source, n int) ([]float32, error) {
	t.Helper()
	var all []float32
	pcm := make([]float32, n)
	for {
		got, err := s.Read(t.Context(), pcm)
		all = append(all, pcm[:got]...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func TestFileFormats(t *testing.T) {
	for name, content := range map[string][]byte{
		"8 bit":          wavOf(wavPCM, 8, 1, Rate, Rate, sine(440, Rate)),
		"16 bit":         wavOf(wavPCM, 16, 1, Rate, Rate, sine(440, Rate)),
		"24 bit":         wavOf(wavPCM, 24, 1, Rate, Rate, sine(440, Rate)),
		"32 bit":         wavOf(wavPCM, 32, 1, Rate, Rate, sine(440, Rate)),
		"float":          wavOf(wavFloat, 32, 1, Rate, Rate, sine(440, Rate)),
		"double":         wavOf(wavFloat, 64, 1, Rate, Rate, sine(440, Rate)),
		"extensible":     extensible(wavOf(wavPCM, 24, 1, Rate, Rate, sine(440, Rate))),
		"stereo":         wavOf(wavPCM, 16, 2, Rate, Rate, sine(440, Rate)),
		"48 kHz":         wavOf(wavPCM, 16, 1, 48000, 48000, sine(440, 48000)),
		"44.1 kHz":       wavOf(wavPCM, 16, 2, 44100, 44100, sine(440, 44100)),
		"22.05 kHz":      wavOf(wavPCM, 16, 1, 22050, 22050, sine(440, 22050)),
		"8 kHz":          wavOf(wavPCM, 16, 1, 8000, 8000, sine(440, 8000)),
		"a prime number": wavOf(wavPCM, 16, 1, 12347, 12347, sine(440, 12347)),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := OpenFile(write(t, content), false)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			pcm, err := readAll(t, f, 333)
			if err != nil {
				t.Fatal(err)
			}
			if abs(len(pcm)-Rate) > 2 {
				t.Fatalf("%d samples for a second", len(pcm))
			}
			want := sine(440, Rate)
			for i := 500; i < Rate-500; i++ {
				if d := math.Abs(float64(pcm[i]) - want(i, 0)); !(d <= 0.01) {
					t.Fatalf("sample %d is %v, want %v", i, pcm[i], want(i, 0))
				}
			}
		})
	}
}

func TestFileMixesDown(t *testing.T) {
	f, err := OpenFile(write(t, wavOf(wavFloat, 32, 2, Rate, 100, func(_, c int) float64 { return []float64{0.75, 0.25}[c] })), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, err := readAll(t, f, 64)
	if err != nil || len(pcm) != 100 || pcm[50] != 0.5 {
		t.Errorf("%d samples, the fiftieth %v, %v", len(pcm), pcm[50], err)
	}
}

// What the new rate cannot hold must vanish, not fold back as another tone.
func TestResamplerFoldsNothingBack(t *testing.T) {
	r := newResampler(48000, Rate)
	high := sine(11000, 48000) // would come back at 5 kHz
	in := make([]float32, 48000)
	for i := range in {
		in[i] = float32(high(i, 0))
	}
	var loudest float32
	for _, x := range r.push(nil, in)[100:] {
		loudest = max(loudest, x, -x)
	}
	if loudest > 0.001 {
		t.Errorf("11 kHz leaves %v of 0.5", loudest)
	}
}

func TestFileBroken(t *testing.T) {
	good := wavOf(wavPCM, 16, 1, Rate, 1000, sine(440, Rate))
	at := bytes.Index(good, []byte("fmt "))
	with := func(offset int, b ...byte) []byte {
		bad := bytes.Clone(good)
		copy(bad[at+8+offset:], b)
		return bad
	}
	for name, tt := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":            {nil, "empty"},
		"short":            {[]byte("RIFF"), "no WAV"},
		"an MP3":           {append([]byte("ID3\x04"), make([]byte, 500)...), "ffmpeg"},
		"only a header":    {good[:12], "before its sound"},
		"cut in a chunk":   {good[:22], "LIST"},
		"cut in format":    {good[:at+12], "inside its format"},
		"cut before sound": {good[:at+24], "before its sound"},
		"compressed":       {with(0, 0x55), "compressed"},
		"no channels":      {with(2, 0, 0), "0 channels"},
		"rate of zero":     {with(4, 0, 0, 0, 0), "0 samples a second"},
		"rate from a star": {with(4, 0xff, 0xff, 0xff, 0x7f), "samples a second"},
		"12 bits":          {with(14, 12), "12 bits"},
		"40 bits":          {with(14, 40), "40 bits"},
		"small float":      {with(0, 3), "16 bits"},
		"no sample":        {good[:at+32], "not one sample"},
		"cut in its sound": {good[:len(good)-501], "501 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			content := tt.content
			if name == "no sample" {
				content = append(bytes.Clone(content[:len(content)-4]), 0, 0, 0, 0)
			}
			file := write(t, content)
			f, err := OpenFile(file, false)
			if err == nil {
				_, err = readAll(t, f, 100)
				f.Close()
			}
			if !errors.Is(err, ErrSound) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), file) {
				t.Errorf("%v; want an ErrSound that names the file and %q", err, tt.says)
			}
		})
	}
	if _, err := OpenFile("no/such.wav", false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// Programs that write to a pipe put no length, or an absurd one.
func TestFileOfUnknownLength(t *testing.T) {
	for _, size := range []uint32{0, 0xFFFFFFFF, 0x7FFFF000} {
		t.Run(fmt.Sprintf("%#x", size), func(t *testing.T) {
			w := wavOf(wavPCM, 16, 1, Rate, 1000, sine(440, Rate))
			binary.LittleEndian.PutUint32(w[bytes.Index(w, []byte("data"))+4:], size)
			f, err := OpenFile(write(t, w), false)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if pcm, err := readAll(t, f, 100); err != nil || len(pcm) != 1000 {
				t.Errorf("%d samples, %v", len(pcm), err)
			}
		})
	}
}

func TestFilePaced(t *testing.T) {
	name := write(t, wavOf(wavPCM, 16, 1, Rate, 2*Rate, sine(440, Rate)))
	synctest.Test(t, func(t *testing.T) {
		f, err := OpenFile(name, true)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		began := time.Now()
		if _, err := readAll(t, f, Chunk); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); abs(ms(took)-2000) > 1 {
			t.Errorf("two seconds took %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f, err := OpenFile(name, true)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		short, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		if n, err := f.Read(short, make([]float32, Rate)); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second in half of one: %d samples, %v", n, err)
		}
		if rest, err := readAll(t, f, Rate); err != nil || len(rest) != 2*Rate {
			t.Errorf("what nobody waited for is lost: %d samples, %v", len(rest), err)
		}
	})
}
