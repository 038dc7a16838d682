package opencv

import (
	"context"
	"errors"
	"io"
	"path/filepath"
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

// TestGoOn: reading on after any place gives the frames that reading through gives.
func TestGoOn(t *testing.T) {
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
