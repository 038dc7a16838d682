package annotate

import (
	"deixis/camera"
	"deixis/model"
	"deixis/pipeline/track"
)

// Passed says whether there are frames that were passed over.
func (v *Video) Passed() bool {
	for i := range v.Frames {
		if !v.Frames[i].Asked {
			return true
		}
	}
	return false
}

// Carry moves the boxes of frames that were passed over to where optical flow puts
// them, from the answers before and after. next reads the recording again, frame by
// frame; its error is returned.
func (v *Video) Carry(next func(f *camera.Frame) error) error {
	var f camera.Frame
	var flow track.Between
	var boxes []model.Box
	at := make([]int, len(v.Tracks)) // the first box of each that is not before the frame answered last
	last := -1                       // frame answered last
	for frame := range v.Frames {
		if err := next(&f); err != nil {
			return err
		}
		if last < 0 && !v.Frames[frame].Asked {
			continue
		}
		flow.Add(&f)
		if !v.Frames[frame].Asked {
			continue
		}
		for i := range v.Tracks {
			all := v.Tracks[i].Boxes
			if all[0].Frame > last {
				break // so do all that follow
			}
			for at[i] < len(all) && all[at[i]].Frame < last {
				at[i]++
			}
			from, to := at[i], at[i]+frame-last
			if last < 0 || frame == last+1 || to >= len(all) || all[from].Frame != last || all[to].Frame != frame {
				continue
			}
			boxes = flow.Boxes(boxes[:0], all[from].Box, all[to].Box)
			for k, b := range boxes {
				all[from+1+k].Box = b.Clip(v.Frames[last+1+k].Width, v.Frames[last+1+k].Height)
			}
		}
		flow.Begin()
		last = frame
	}
	for i := range v.Tracks { // to the end of the recording, after the last answer
		all := v.Tracks[i].Boxes
		from := len(all) - (len(v.Frames) - last)
		if last < 0 || last == len(v.Frames)-1 || from < 0 || all[from].Frame != last {
			continue
		}
		for k, b := range flow.After(boxes[:0], all[from].Box) {
			all[from+1+k].Box = b.Clip(v.Frames[last+1+k].Width, v.Frames[last+1+k].Height)
		}
	}
	return nil
}
