package robot

import (
	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot/lens"
)

// A Ranger knows how far away it is what pictures show. Its methods are called by one
// goroutine.
type Ranger interface {
	// Prepare readies what Range needs for the picture that the box of v is known in. It
	// may take as long as a picture takes to decode. f is what is shown.
	Prepare(f *camera.Frame, v *pipeline.View)
	// Range is the depth within box, in pixels of a source of w by h pixels; false where
	// there is none for that picture.
	Range(box model.Box, w, h int) (Range, bool)
}

// A Range is the depth of what lies in a box: along the optical axis, metres.
type Range struct {
	Median float64
	Spread float64 // from the first quartile to the third
	Valid  float64 // share of the box's pixels that have a depth
}

// A Depth is a Range in a message.
type Depth struct {
	MedianM float64     `json:"median_m"` // along the optical axis
	SpreadM float64     `json:"spread_m"` // between the quartiles
	Valid   float64     `json:"valid"`    // share of the box's pixels that have a depth, 0..1
	Point   *[3]float64 `json:"point"`    // x, y, z of the box's centre at that depth, metres in the optical frame; null without a lens
}

// newDepth is r in a message, with the point at the middle of box; l may be nil.
func newDepth(r Range, box model.Box, l *lens.Lens) *Depth {
	d := &Depth{MedianM: model.Round(r.Median, 4), SpreadM: model.Round(r.Spread, 4), Valid: model.Round(r.Valid, 3)}
	if l == nil {
		return d
	}
	ray, ok := l.Ray(float64(box.X1+box.X2)/2, float64(box.Y1+box.Y2)/2)
	if !ok || ray.Z <= 0 {
		return d
	}
	d.Point = &[3]float64{model.Round(ray.X/ray.Z*r.Median, 4), model.Round(ray.Y/ray.Z*r.Median, 4), d.MedianM}
	return d
}
