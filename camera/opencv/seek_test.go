package opencv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"deixis/camera"
)

// readOn reads c to its end.
func readOn(t *testing.T, c Source) (all []camera.Place) {
	t.Helper()
	var f camera.Frame
	for {
		err := c.Next(t.Context(), &f)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, camera.Place{Seq: f.Seq, PTS: f.PTS, Sum: f.Checksum()})
	}
}

// seekable are files of twelve seconds or more that are told apart by how they can be sought in.
func seekable(t *testing.T) map[string]string {
	t.Helper()
	plain := filepath.Join(t.TempDir(), "plain.avi")
	film(t, plain, "MJPG", 64, 48, 200)
	files := map[string]string{"every frame a keyframe": plain}
	for name, args := range map[string]string{
		"B frames":          "-f lavfi -i testsrc2=size=96x64:rate=25:duration=12 -c:v libx264 -bf 3 -g 50 -pix_fmt yuv420p",
		"open groups":       "-f lavfi -i testsrc2=size=96x64:rate=25:duration=12 -c:v libx264 -bf 3 -g 50 -x264-params open-gop=1:scenecut=0 -pix_fmt yuv420p",
		"one keyframe":      "-f lavfi -i testsrc2=size=96x64:rate=25:duration=12 -c:v mpeg4 -g 600",
		"variable rate":     "-f lavfi -i testsrc2=size=96x64:rate=50:duration=12 -vf select='not(mod(n\\,7))+not(mod(n\\,3))' -fps_mode vfr -c:v libx264 -bf 2 -g 40 -pix_fmt yuv420p",
		"not from zero":     "-f lavfi -i testsrc2=size=96x64:rate=25:duration=12 -c:v libx264 -bf 2 -g 40 -pix_fmt yuv420p -output_ts_offset 7.3 -f mpegts",
		"intra refresh":     "-f lavfi -i testsrc2=size=96x64:rate=25:duration=12 -c:v libx264 -g 100 -x264-params intra-refresh=1 -pix_fmt yuv420p",
		"a mark for turned": "-f lavfi -i testsrc2=size=96x64:rate=25:duration=12 -c:v libx264 -g 50 -pix_fmt yuv420p -metadata:s:v rotate=90",
	} {
		files[name] = madeBy(t, filepath.Join(t.TempDir(), "clip.mkv"), args)
	}
	return files
}

// TestGoOn: reading on after any place gives the frames that reading through gives.
func TestGoOn(t *testing.T) {
	files := seekable(t)
	for name, file := range files {
		for _, within := range []bool{false, true} {
			if within && name != "B frames" {
				continue
			}
			all := readOn(t, openFileOf(t, file, Options{InProcess: within}))
			for _, n := range []int{1, 17, len(all) / 2, len(all) - 30, len(all)} {
				got := readOn(t, openFileOf(t, file, Options{InProcess: within, At: all[n-1]}))
				if len(got) != len(all)-n {
					t.Fatalf("%s: after frame %d there are %d, want %d", name, n, len(got), len(all)-n)
				}
				for i, p := range got {
					if w := all[n+i]; p.Seq != w.Seq || p.PTS != w.PTS || p.Sum != w.Sum {
						t.Fatalf("%s: after frame %d comes %+v, want %+v", name, n, p, w)
					}
				}
			}
		}
	}
}

// TestSought: the index is used where it can be, or going on would take as long as
// all that was read before.
func TestSought(t *testing.T) {
	file := madeBy(t, filepath.Join(t.TempDir(), "clip.mp4"), "-f lavfi -i testsrc2=size=96x64:rate=25:duration=20 -c:v libx264 -bf 3 -g 50 -pix_fmt yuv420p")
	at := readOn(t, openFileOf(t, file, Options{}))[399]
	c := openFileOf(t, file, Options{At: at}).(*Capture)
	if _, found := c.s.h.(finder).Found(); !found {
		t.Error("the place was not found by its time")
	}
}

func TestGoOnInAnotherFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.avi")
	film(t, file, "MJPG", 64, 48, 20)
	ref, err := camera.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	all := readOn(t, openFileOf(t, file, Options{}))
	for name, at := range map[string]camera.Place{
		"another picture": {Seq: 10, PTS: all[9].PTS, Sum: all[9].Sum + 1},
		"another time":    {Seq: 10, PTS: all[9].PTS + time.Millisecond, Sum: all[9].Sum},
		"after its end":   {Seq: 21, PTS: all[19].PTS + time.Second, Sum: 1},
	} {
		if _, err := Open(context.Background(), ref, Options{At: at}); !errors.Is(err, camera.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGoOnInPictures(t *testing.T) {
	ref := camera.Ref{Kind: camera.Images, Paths: []string{"no1.png", "no2.png", "no3.png"}}
	s := NewImages(ref, Options{At: camera.Place{Seq: 2, Passed: []string{"no1.png"}}})
	var f camera.Frame
	if err := s.Next(t.Context(), &f); !errors.Is(err, camera.ErrLacking) || err.Error() != "2 of 3 pictures could not be read: no1.png, no3.png" {
		t.Error(err)
	}
}

// rangeOf reads a range of a file, and what is told of it.
func rangeOf(t *testing.T, file string, o Options) ([]camera.Place, Range) {
	t.Helper()
	c := openFileOf(t, file, o)
	all := readOn(t, c)
	return all, c.Range()
}

func samePlace(a, b camera.Place) bool { return a.PTS == b.PTS && a.Sum == b.Sum }

// TestRange: ranges of a file, one after the other, are all its frames, and each begins after
// the frame that the one before ended with, or says that it was jumped into.
func TestRange(t *testing.T) {
	for name, file := range seekable(t) {
		all := readOn(t, openFileOf(t, file, Options{}))
		for _, o := range []Options{{}, {Whole: true}, {InProcess: true}} {
			if (o.InProcess || o.Whole) && name != "B frames" {
				continue
			}
			const part = 2700 * time.Millisecond
			n, jumped, again := 0, 0, 0
			for from := time.Duration(0); n < len(all) || from <= all[len(all)-1].PTS+part; from += part {
				o.From, o.To = from, from+part
				got, r := rangeOf(t, file, o)
				if r.Jumped && !samePlace(r.Before, all[n-1]) {
					again++
					whole := o
					whole.Whole = true
					got, r = rangeOf(t, file, whole)
				}
				if r.Jumped {
					jumped++
				}
				if n > 0 && !samePlace(r.Before, all[n-1]) || n == 0 && r.Before.Seq != 0 {
					t.Fatalf("%s from %v: before it is %+v", name, from, r.Before)
				}
				for i, p := range got {
					if n+i >= len(all) || !samePlace(p, all[n+i]) || !r.Jumped && p.Seq != all[n+i].Seq || p.Seq != r.Before.Seq+uint64(i)+1 {
						t.Fatalf("%s from %v: frame %d is %+v", name, from, n+i+1, p)
					}
				}
				n += len(got)
				if r.Ended != (n == len(all)) {
					t.Fatalf("%s from %v: after frame %d of %d it is ended: %v", name, from, n, len(all), r.Ended)
				}
			}
			t.Logf("%s: %d of %d ranges were jumped into, %d in vain", name, jumped, int(all[len(all)-1].PTS/part)+1, again)
			if o.Whole && jumped > 0 || !o.Whole && jumped == 0 && name == "B frames" {
				t.Errorf("%s: %d ranges were jumped into", name, jumped)
			}
		}
	}
}

// TestSurvey: a file whose size changes in the middle is known before it is cut into ranges,
// and ends where it ends when it is read through.
func TestSurvey(t *testing.T) {
	dir := t.TempDir()
	const scene = "-f lavfi -i testsrc2=size=%s:rate=25:duration=%d -c:v libx264 -g 25 -bf 0 -pix_fmt yuv420p -f h264"
	const same = "-f lavfi -i testsrc2=size=96x64:rate=25:duration=%d -c:v libx264 -pix_fmt yuv420p"
	var both []byte
	for i, args := range []string{fmt.Sprintf(scene, "96x64", 9), fmt.Sprintf(scene, "64x48", 9)} {
		raw, err := os.ReadFile(madeBy(t, filepath.Join(dir, strconv.Itoa(i)+".h264"), args))
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, raw...)
	}
	joined := filepath.Join(dir, "joined.h264")
	if err := os.WriteFile(joined, both, 0o644); err != nil {
		t.Fatal(err)
	}
	file := madeBy(t, filepath.Join(dir, "joined.mp4"), "-r 25 -i "+joined+" -c copy")
	read := func(o Options) (n int, r Range, err error) {
		c := openFileOf(t, file, o)
		var f camera.Frame
		for {
			if err := c.Next(t.Context(), &f); err != nil {
				return n, c.Range(), err
			}
			n++
		}
	}
	_, _, want := read(Options{})
	if errors.Is(want, io.EOF) {
		t.Skip("this OpenCV follows changes of size")
	}
	for _, within := range []bool{false, true} {
		for path, want := range map[string]bool{file: false, madeBy(t, filepath.Join(dir, "same.mp4"), fmt.Sprintf(same, 3)): true} {
			i, divisible, err := Survey(t.Context(), camera.Ref{Kind: camera.File, URI: path, Path: path}, Options{InProcess: within})
			if err != nil || divisible != want || i.Width != 96 {
				t.Errorf("%s: %+v, divisible %v, %v", path, i, divisible, err)
			}
		}
	}
	n, _, err := read(Options{From: 6 * time.Second, To: 14 * time.Second, Whole: true})
	if n != 75 || err == nil || err.Error() != want.Error() {
		t.Errorf("from the beginning: %d frames, %v, want %v", n, err, want)
	}
}

func TestRangeOfPicturesAndPatterns(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		var f camera.Frame
		f.Resize(8, 8)
		if err := WriteImage(filepath.Join(dir, fmt.Sprintf("%d.png", i)), &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "1.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for source, tt := range map[string]struct {
		from, to time.Duration
		want     []uint64
		ended    bool
	}{
		dir:                        {0, 3 * time.Second, []uint64{1, 3}, false},
		dir + "/":                  {2 * time.Second, 0, []uint64{3, 4, 5}, true},
		"pattern://8x8@2?frames=6": {time.Second, 2 * time.Second, []uint64{3, 4}, false},
		"pattern://8x8@2?frames=5": {time.Second, 0, []uint64{3, 4, 5}, true},
	} {
		ref, err := camera.Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), ref, Options{From: tt.from, To: tt.to})
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for _, p := range readOn(t, s) {
			got = append(got, p.Seq)
		}
		if !slices.Equal(got, tt.want) || s.Range().Ended != tt.ended {
			t.Errorf("%s: %v, ended %v", source, got, s.Range().Ended)
		}
		s.Close()
	}
}
