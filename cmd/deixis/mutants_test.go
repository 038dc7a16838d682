package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/pipeline/listen"
	"deixis/pipeline/record"
)

var (
	mutateFor  = flag.Duration("mutate", time.Minute, "how long TestMutants goes on making inputs")
	mutateSeed = flag.Uint64("mutate-seed", 1, "of its random numbers")
)

// TestMutants reads damaged videos, pictures, sounds and MJPEG streams, as the program
// reads them: whatever is in them, reading ends by itself, and leaves no process, file
// or memory behind. A mutant that fails is kept, and its number makes it again.
func TestMutants(t *testing.T) {
	seeds := healthy(t)
	stream := newStreamServer(t)
	o := opencv.Options{Log: slog.New(slog.DiscardHandler), MaxPixels: 4_000_000, NoFrame: 2 * time.Second, ReadTimeout: 2 * time.Second, MaxResident: 1 << 30}
	dir := t.TempDir()
	var before footprint
	var frames, refused int
	began := time.Now()
	n := 0
	for ; time.Since(began) < *mutateFor; n++ {
		if n == len(seeds) { // each kind has been read once
			before = footprintNow()
		}
		seed := seeds[n%len(seeds)]
		rng := rand.New(rand.NewPCG(*mutateSeed, uint64(n)))
		data := seed.data
		if n >= len(seeds) {
			data = mutant(rng, seed.data)
		}
		file := filepath.Join(dir, fmt.Sprintf("m%d%s", n, seed.ext))
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute) // no decoder is given so long
		var got int
		var err error
		o := o
		if n < len(seeds) { // their libraries are loaded only now
			o.NoFrame, o.ReadTimeout = time.Minute, time.Minute
		}
		switch seed.ext {
		case ".wav":
			got, err = hearAll(ctx, file)
		case ".mjpeg":
			stream.data.Store(&data)
			got, err = watchAll(ctx, stream.URL+"/"+filepath.Base(file), o)
		default:
			got, err = watchAll(ctx, file, o)
		}
		if seed.ext == ".mjpeg" && errors.Is(err, camera.ErrLost) {
			err = nil // how a stream ends
		}
		if n < len(seeds) && (err != nil || got == 0) {
			t.Errorf("%s, undamaged: %d frames, %v", seed.name, got, err)
		}
		if ctx.Err() != nil {
			kept := filepath.Join(os.TempDir(), filepath.Base(file))
			t.Fatalf("mutant %d of seed %d (%s) does not end: %v; it is kept as %s: %v", n, *mutateSeed, seed.name, err, kept, os.Rename(file, kept))
		}
		stop()
		os.Remove(file)
		frames += got
		if err != nil {
			refused++
		}
	}
	stream.Close()
	t.Logf("%d mutants of %d kinds, %d frames read, %d ended with an error", n, len(seeds), frames, refused)
	if n <= 2*len(seeds) {
		t.Skip("too few to say anything about growth")
	}
	after := footprintNow()
	// A heap may hold some pictures of the largest size that is read, 12 MB each; a leak
	// of one for each hundred mutants would be more in half an hour.
	if grown := after.resident - before.resident; grown > 200<<20 {
		t.Errorf("resident memory grew by %d MiB", grown>>20)
	}
	if after.files > before.files {
		t.Errorf("%d files are open, %d were", after.files, before.files)
	}
	if after.children > before.children {
		t.Errorf("%d processes are left, %d were there", after.children, before.children)
	}
}

// A healthyInput is what mutants are made of.
type healthyInput struct {
	name, ext string
	data      []byte
}

// healthy makes small inputs of every kind that this machine can make.
func healthy(t *testing.T) []healthyInput {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i >> 7)
	}
	var jpg, pngs, bmps, tiffs, mjpeg bytes.Buffer
	err := errors.Join(jpeg.Encode(&jpg, img, nil), png.Encode(&pngs, img), bmp.Encode(&bmps, img), tiff.Encode(&tiffs, img, nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		fmt.Fprintf(&mjpeg, "--x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", jpg.Len(), jpg.Bytes())
	}
	mjpeg.WriteString("--x--\r\n")
	all := []healthyInput{
		{"JPEG", ".jpg", jpg.Bytes()}, {"PNG", ".png", pngs.Bytes()}, {"BMP", ".bmp", bmps.Bytes()}, {"TIFF", ".tiff", tiffs.Bytes()},
		{"WAV", ".wav", wavOf(make([]float32, 4000))}, {"MJPEG over HTTP", ".mjpeg", mjpeg.Bytes()},
	}
	dir := t.TempDir()
	clip := filepath.Join(dir, "a.mp4")
	r, err := record.New(clip, record.Options{FPS: 10})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := camera.Parse("pattern://64x48@10?frames=8")
	if err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	for from := camera.NewPattern(ref); ; {
		if err := from.Next(t.Context(), &f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if err := r.Show(t.Context(), &f, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	all = append(all, healthyInput{"MP4", ".mp4", []byte(read(t, clip))})
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Log("no ffmpeg on this machine: fewer kinds of video (install it for all)")
		return all
	}
	for _, kind := range [][]string{
		{"whole.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p"}, {"a.mov", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"}, {"a.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj444p"}, {"b.avi", "-c:v", "mpeg4"},
		{"a.mkv", "-c:v", "libx264", "-pix_fmt", "yuv420p"}, {"a.ts", "-c:v", "mpeg2video"}, {"b.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p"}, {"a.webm", "-c:v", "libvpx-vp9"}, {"a.gif"},
	} {
		out := filepath.Join(dir, kind[0])
		args := append([]string{"-v", "error", "-i", clip}, kind[1:]...)
		if said, err := exec.CommandContext(t.Context(), ffmpeg, append(args, out)...).CombinedOutput(); err != nil {
			t.Logf("ffmpeg makes no %s here: %s", kind[0], said)
			continue
		}
		all = append(all, healthyInput{strings.Join(kind, " "), filepath.Ext(out), []byte(read(t, out))})
	}
	return all
}

// mutant is data with a few of the faults that disks, radios and programs make.
func mutant(rng *rand.Rand, data []byte) []byte {
	out := bytes.Clone(data)
	at := func() int { return rng.IntN(len(out)) }
	for range 1 + rng.IntN(4) {
		if len(out) < 16 {
			return out
		}
		switch i := at(); rng.IntN(8) {
		case 0: // a bit
			out[i] ^= 1 << rng.IntN(8)
		case 1: // a byte
			out[i] = byte(rng.Uint32())
		case 2: // a number, made extreme
			extreme := [][]byte{{0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}, {0, 0, 0, 1}, {1, 0, 0, 0}, {0, 0, 0xff, 0xff}}
			copy(out[i:], extreme[rng.IntN(len(extreme))])
		case 3: // cut short
			out = out[:i]
		case 4: // a piece lost
			j := min(len(out), i+1+rng.IntN(200))
			out = append(out[:i:i], out[j:]...)
		case 5: // a piece twice
			j := min(len(out), i+1+rng.IntN(200))
			out = append(out[:j:j], out[i:]...)
		case 6: // a piece from elsewhere
			copy(out[i:], out[at():])
		case 7: // noise
			for j := i; j < min(len(out), i+rng.IntN(64)); j++ {
				out[j] = byte(rng.Uint32())
			}
		}
	}
	return out
}

// watchAll reads every frame of a source.
func watchAll(ctx context.Context, source string, o opencv.Options) (n int, err error) {
	ref, err := camera.Parse(source)
	if err != nil {
		return 0, err
	}
	from, err := opencv.Open(ctx, ref, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	var f camera.Frame
	for ; n < 1000; n++ { // a mutant may say that it has millions
		if err := from.Next(ctx, &f); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}

// hearAll reads every sample of a sound.
func hearAll(ctx context.Context, file string) (n int, err error) {
	from, err := listen.OpenFile(file, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	pcm := make([]float32, listen.Chunk)
	for {
		got, err := from.Read(ctx, pcm)
		n += got
		if errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// A streamServer sends what it holds as an MJPEG stream.
type streamServer struct {
	*httptest.Server
	data atomic.Pointer[[]byte]
}

func newStreamServer(t *testing.T) *streamServer {
	s := &streamServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=x")
		w.Write(*s.data.Load())
	}))
	t.Cleanup(s.Close)
	return s
}

// A footprint is what a process holds of its machine; zero where it is not told.
type footprint struct {
	resident        int64 // bytes
	files, children int
}

func footprintNow() (f footprint) {
	runtime.GC()
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(raw)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			f.resident = pages * int64(os.Getpagesize())
		}
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.files = len(open)
	}
	if tasks, err := filepath.Glob("/proc/self/task/*/children"); err == nil {
		for _, task := range tasks {
			raw, _ := os.ReadFile(task)
			f.children += len(strings.Fields(string(raw)))
		}
	}
	return f
}
