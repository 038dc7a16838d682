package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

func TestSightings(t *testing.T) {
	s, err := readSightings("testdata/vtest.json")
	if err != nil || len(s.Things) < 4 || s.FPS != 10 {
		t.Fatalf("%+v, %v", s, err)
	}
	th := &s.Things[0]
	a, b := th.Boxes[0], th.Boxes[1]
	half := model.Box{X1: (a.Box[0] + b.Box[0]) / 2, Y1: (a.Box[1] + b.Box[1]) / 2, X2: (a.Box[2] + b.Box[2]) / 2, Y2: (a.Box[3] + b.Box[3]) / 2}
	for frame, want := range map[float64]model.Box{
		float64(a.Frame):             {X1: a.Box[0], Y1: a.Box[1], X2: a.Box[2], Y2: a.Box[3]},
		float64(a.Frame+b.Frame) / 2: half,
	} {
		if box, seen := th.at(frame); seen != 1 || box.IoU(want) < 0.999 {
			t.Errorf("frame %g: %v (%g), want %v", frame, box, seen, want)
		}
	}
	if box, seen := th.at(float64(th.last()) + 1); seen != 0 || box.Area() != 0 {
		t.Errorf("after the last: %v, %g", box, seen)
	}
}

func TestBrokenSightings(t *testing.T) {
	const box = `{"frame": 1, "box": [1, 2, 3, 4]}`
	for name, tt := range map[string]struct{ text, says string }{
		"not JSON":   {"{", "unexpected end"},
		"empty":      {"{}", `"fps"`},
		"no phrase":  {`{"fps": 9, "things": [{"boxes": [` + box + `]}]}`, "thing 1"},
		"one box":    {`{"fps": 9, "things": [{"phrase": "a", "boxes": [` + box + `]}]}`, "two boxes"},
		"same frame": {`{"fps": 9, "things": [{"phrase": "a", "boxes": [` + box + `,` + box + `]}]}`, "frame 1 comes after frame 1"},
		"no box":     {`{"fps": 9, "things": [{"phrase": "a", "boxes": [` + box + `,{"frame": 2, "box": [5, 5, 5, 9]}]}]}`, "no box"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "truth.json")
			if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := readSightings(file); err == nil || app.ExitCode(err) != app.ExitInput || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// TestBenchOfWhatSomebodySaw measures on a pattern whose discs are where a file says.
func TestAnswerOfTheMoment(t *testing.T) {
	second := time.Time{}.Add(100 * time.Millisecond)
	said := answered{{Phrase: "first"}, {Phrase: "second", At: second}}
	for pts, want := range map[time.Duration]string{0: "first", 98: "first", 100: "second", 9000: "second"} {
		if got := said.whole("", &camera.Frame{PTS: pts * time.Millisecond}).Phrase; got != want {
			t.Errorf("at %d ms: %s, want %s", pts, got, want)
		}
	}
}
