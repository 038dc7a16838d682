package annotate

import (
	"fmt"
	"path"
	"time"
)

// Stills are the frames of which label formats that hold pictures take one: those
// answered, at least every apart; 0 takes all. Pictures of a folder are a second apart.
func (v *Video) Stills(every time.Duration) []int {
	var stills []int
	for i, f := range v.Frames {
		if n := len(stills); f.Asked && (n == 0 || f.At-v.Frames[stills[n-1]].At >= every) {
			stills = append(stills, i)
		}
	}
	return stills
}

// Still is the file name of a frame's picture.
func (v *Video) Still(frame int) string {
	if file := v.Frames[frame].File; file != "" {
		base := path.Base(file)
		return fmt.Sprintf("%06d_%s.jpg", frame, base[:len(base)-len(path.Ext(base))])
	}
	return fmt.Sprintf("%06d.jpg", frame)
}

// OnStills calls yield for each of the stills with the boxes on it, which are the
// caller's until it returns.
func (v *Video) OnStills(stills []int, yield func(frame int, boxes []Placed) error) error {
	at := v.cursor()
	next := 0
	for _, still := range stills {
		var boxes []Placed
		for ; next <= still; next++ {
			boxes = at.on(next)
		}
		if err := yield(still, boxes); err != nil {
			return err
		}
	}
	return nil
}
