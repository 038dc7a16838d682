// Package model is what the program knows of the network: the phrase that
// goes in, the box that comes out, and the bundle that holds the weights.
//
// The package itself is plain Go. What needs ONNX Runtime lives in model/onnx.
package model

// Box is a rectangle in frame pixels, corners X1,Y1 (inside) to X2,Y2 (outside).
type Box struct{ X1, Y1, X2, Y2 float32 }

// Area is zero for a box with no inside. Its unit is pixels squared.
func (b Box) Area() float32 { return max(0, b.X2-b.X1) * max(0, b.Y2-b.Y1) }

// IoU is the area shared by b and o over the area of their union, 0 to 1.
func (b Box) IoU(o Box) float32 {
	both := Box{max(b.X1, o.X1), max(b.Y1, o.Y1), min(b.X2, o.X2), min(b.Y2, o.Y2)}.Area()
	if both == 0 {
		return 0
	}
	return both / (b.Area() + o.Area() - both)
}

// Clip is the part of b inside a frame of w by h pixels.
func (b Box) Clip(w, h int) Box {
	return Box{
		min(max(b.X1, 0), float32(w)), min(max(b.Y1, 0), float32(h)),
		min(max(b.X2, 0), float32(w)), min(max(b.Y2, 0), float32(h)),
	}
}

// Mirror is b in a frame of w pixels whose left and right are swapped.
func (b Box) Mirror(w int) Box { return Box{float32(w) - b.X2, b.Y1, float32(w) - b.X1, b.Y2} }
