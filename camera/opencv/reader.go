package opencv

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"deixis/camera"
	"deixis/camera/child"
)

// readerRole is the child's name of reading a video.
const readerRole = "reader"

// slots is how many frames the ring holds: one that the parent copies, one that
// the child fills, and those read ahead.
const slots = 4

// Roles is what a child of this program can do for this package; main and
// TestMain hand it to child.Serve.
func Roles() map[string]child.Role { return map[string]child.Role{readerRole: read} }

// order is the first message to a reader. Those that follow are numbers of
// slots that it may fill again.
type order struct {
	Ref                       camera.Ref
	Width, Height             int
	FPS                       float64
	Format                    string
	OpenTimeout, ReadTimeout  time.Duration
	MaxPixels, SlotSize, Skip int
	Seek                      bool          // jump over Skip frames by the container's index; false decodes them
	At                        camera.Place  // read on after it, where it is found; Skip is 0 then
	From                      time.Duration // where it is not 0, read on from some frames before it; Skip is 0 then
	Survey                    bool          // read packets alone; Found says whether all are of one size
}

// report is a message of a reader. The first says what was opened, each that
// follows tells of one frame, of progress alone, or of the end.
type report struct {
	Err, Cause string // of opening, or why it ends early; Cause is the name of a sentinel
	Info       Info

	Found bool          // the place to read on from; told with Info
	Base  time.Duration // OpenCV's time of the first frame, where Found

	Working       bool // it goes on and has no frame yet
	End           bool
	Lost          int // frames that could not be decoded so far
	Index         int // of the frame in the file, from 0
	Slot          int
	Width, Height int
	PTS           time.Duration
	At            int64 // when it was taken, or else read, ns since 1970
}

// causes are the sentinels that keep their meaning between two processes.
var causes = map[string]error{
	"device": camera.ErrNoDevice, "picture": camera.ErrNoPicture, "lost": camera.ErrLost,
	"missing": fs.ErrNotExist, "permission": fs.ErrPermission,
}

// causeOf is the name of err's sentinel; "" for none.
func causeOf(err error) string {
	for name, cause := range causes {
		if errors.Is(err, cause) {
			return name
		}
	}
	return ""
}

// A toldError is an error of a reader in its own words.
type toldError struct {
	says  string
	cause error
}

func (e *toldError) Error() string { return e.says }
func (e *toldError) Unwrap() error { return e.cause }

// err is what a report says went wrong; nil for nothing.
func (r report) err() error {
	if r.Err == "" {
		return nil
	}
	return &toldError{r.Err, causes[r.Cause]}
}

// read is the child's work: it reads a video into the ring until it ends.
func read(c *child.Conn) error {
	debug.SetGCPercent(400) // small messages are all that it allocates
	var o order
	if err := c.Receive(&o); err != nil {
		return err
	}
	free := make(chan int, slots)
	for slot := range slots {
		free <- slot
	}
	over := make(chan struct{})
	go func() { // the parent's end ends the child, even within a native call
		var slot int
		for c.Receive(&slot) == nil {
			free <- slot
		}
		os.Exit(0)
	}()
	v, err := openVideo(o.Ref, Options{
		Width: o.Width, Height: o.Height, FPS: o.FPS, Format: o.Format,
		OpenTimeout: o.OpenTimeout, ReadTimeout: o.ReadTimeout, MaxPixels: o.MaxPixels,
	})
	if err != nil {
		if sent := c.Send(report{Err: err.Error(), Cause: causeOf(err)}); sent != nil {
			return sent
		}
		<-over // the parent has the word, and ends this process
	}
	working := func() error { return c.Send(report{Working: true}) }
	told := report{Info: v.Info()}
	if o.At.Seq > 0 {
		if told.Base, told.Found, err = v.seek(o.At, working); err != nil {
			return err
		}
		o.Skip = int(o.At.Seq)
	}
	switch {
	case o.Survey:
		if told.Found, err = v.survey(working); err != nil {
			return err
		}
	case o.From > 0:
		told.Base, told.Found = v.jump(o.From)
	}
	if err := c.Send(told); err != nil {
		return err
	}
	if o.Survey {
		<-over
	}
	if o.At.Seq == 0 && o.From == 0 {
		if err := v.skip(o.Skip, o.Seek, working); err != nil {
			return err
		}
	}
	for index := o.Skip; ; index++ {
		if err := readOne(c, v, o, index, <-free); err != nil {
			return err
		}
	}
}

// readOne decodes one frame into a slot of the ring and reports it.
func readOne(c *child.Conn, v *video, o order, index, slot int) error {
	memory := c.Memory[slot*o.SlotSize : (slot+1)*o.SlotSize : (slot+1)*o.SlotSize]
	f := camera.Frame{Pix: memory}
	err := v.Read(&f)
	at := time.Now()
	if !f.At.IsZero() {
		at = f.At
	}
	end := report{End: true, Lost: v.lost}
	var change *sizeChange
	switch {
	case errors.As(err, &change):
		end.Err, end.Cause = err.Error(), causeOf(err)
		fallthrough
	case errors.Is(err, io.EOF):
		if err := c.Send(end); err != nil {
			return err
		}
		select {} // the parent ends this process
	case err != nil:
		return err
	case len(f.Pix) > o.SlotSize || &f.Pix[0] != &memory[0]:
		return fmt.Errorf("a frame of %dx%d pixels is larger than the limit", f.Width, f.Height)
	}
	return c.Send(report{Slot: slot, Index: index, Width: f.Width, Height: f.Height, PTS: f.PTS, At: at.UnixNano(), Lost: v.lost})
}
