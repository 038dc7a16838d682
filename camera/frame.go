// Package camera brings light in: frames from a device, a file, a network
// stream, a folder of images or a test pattern.
//
// The package itself is plain Go. What needs OpenCV lives in camera/opencv.
package camera

import "time"

// Frame is one picture: packed BGR rows, top to bottom.
//
// A Frame owns Pix. Callees may read it until they return, and CopyTo what
// they keep.
type Frame struct {
	Seq           uint64        // counts every picture the source took, from 1; a gap is a drop
	At            time.Time     // when the picture was taken, by the clock of this machine
	PTS           time.Duration // place in the recording or stream, 0 at its first frame
	Width, Height int           // pixels
	Pix           []byte        // len(Pix) == 3*Width*Height; blue, green, red
	File          string        // which file it is from: Ref.Name of a picture, the path of a video; "" for anything else
	Cut           bool          // it shows another scene than the frame before: no target goes on across it
	Mirrored      bool          // left and right are swapped against what the source gave
}

// Mirror swaps left and right.
func (f *Frame) Mirror() {
	for y := range f.Height {
		row := f.Pix[3*y*f.Width : 3*(y+1)*f.Width]
		for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
			a, b := row[i:i+3:i+3], row[j:j+3:j+3]
			a[0], a[1], a[2], b[0], b[1], b[2] = b[0], b[1], b[2], a[0], a[1], a[2]
		}
	}
	f.Mirrored = !f.Mirrored
}

// Resize makes f a picture of w by h pixels and keeps the memory it has where
// that is enough. The pixels are then undefined.
func (f *Frame) Resize(w, h int) {
	n := 3 * w * h
	if cap(f.Pix) < n {
		f.Pix = make([]byte, n)
	}
	f.Width, f.Height, f.Pix = w, h, f.Pix[:n]
}

// CopyTo makes to an independent copy of f and reuses the memory of to.
func (f *Frame) CopyTo(to *Frame) {
	to.Resize(f.Width, f.Height)
	copy(to.Pix, f.Pix)
	to.Seq, to.At, to.PTS = f.Seq, f.At, f.PTS
	to.File, to.Cut, to.Mirrored = f.File, f.Cut, f.Mirrored
}
