package listen

import (
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
)

// TestLineHearsTheLastWords: a source that fails does not take what was just said with it.
func TestLineHearsTheLastWords(t *testing.T) {
	broken := fmt.Errorf("%w: it is cut off", ErrSound)
	for name, end := range map[string]error{"its end": io.EOF, "a cut": broken} {
		for _, every := range []bool{true, false} {
			pcm := append(spoken(1), sound(part{0.5, 500})...) // no silence follows the second
			var d diary
			l := d.line(&Line{From: &tape{pcm: pcm, err: end}, Mode: Always, Every: every, By: &scribe{script: says("the cup", "the dog")}})
			err := l.Run(t.Context())
			if want := end == broken; errors.Is(err, ErrSound) != want || (err != nil) != want {
				t.Errorf("%s: Run = %v", name, err)
			}
			if len(d.did) != 2 {
				t.Errorf("%s: it did %+v", name, d.did)
			}
		}
	}
}

// A few bytes less than a header promises are no fault: many programs count the
// header among the sound.
func TestFileThatLacksAFewBytes(t *testing.T) {
	good := wavOf(wavPCM, 16, 1, Rate, 1000, sine(440, Rate))
	for lacks, want := range map[int]int{0: 1000, 1: 999, 44: 978, mostLacking: 872} {
		f, err := OpenFile(write(t, good[:len(good)-lacks]), false)
		if err != nil {
			t.Fatal(err)
		}
		pcm, err := readAll(t, f, 100)
		if err != nil || len(pcm) != want {
			t.Errorf("%d bytes are missing: %d samples, want %d: %v", lacks, len(pcm), want, err)
		}
		f.Close()
	}
}

// TestG711 holds the ends and steps of the two laws, as G.711 tabulates them (of 16 bits).
func TestG711(t *testing.T) {
	for b, want := range map[byte]int{0xff: 0, 0x7f: 0, 0xfe: 8, 0x7e: -8, 0xf0: 120, 0xef: 132, 0x80: 32124, 0x00: -32124, 0x8f: 16764, 0x90: 15996} {
		if got := muLaw(b) * 32768; got != float64(want) {
			t.Errorf("mu-law %#x is %v, want %d", b, got, want)
		}
	}
	for b, want := range map[byte]int{0xd5: 8, 0x55: -8, 0xd4: 24, 0xc5: 264, 0xda: 248, 0xf5: 528, 0xaa: 32256, 0x2a: -32256} {
		if got := aLaw(b) * 32768; got != float64(want) {
			t.Errorf("A-law %#x is %v, want %d", b, got, want)
		}
	}
	for name, law := range map[string]func(byte) float64{"mu": muLaw, "A": aLaw} {
		levels := map[float64]bool{}
		for b := range 256 {
			levels[math.Abs(law(byte(b)))] = true
			if law(byte(b)) != -law(byte(b)^0x80) {
				t.Errorf("%s-law: %#x is not the other sign of %#x", name, b, b^0x80)
			}
		}
		if len(levels) != 128 {
			t.Errorf("%s-law has %d levels, want 128", name, len(levels))
		}
	}
}

func TestCompressedFile(t *testing.T) {
	for _, kind := range []int{wavALaw, wavMuLaw} {
		f, err := OpenFile(write(t, wavOf(kind, 8, 1, Rate, 1000, sine(440, Rate))), false)
		if err != nil {
			t.Fatal(err)
		}
		pcm, err := readAll(t, f, 100)
		if err != nil || len(pcm) != 1000 {
			t.Errorf("format %d: %d samples, %v", kind, len(pcm), err)
		}
		f.Close()
	}
}
