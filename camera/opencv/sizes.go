package opencv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"gocv.io/x/gocv"

	"deixis/camera"
	"deixis/camera/bitstream"
)

// packetSizes reads the coded packets of a file beside the decoder, one a picture, for the size that
// they announce. With FFmpeg 5 and later OpenCV keeps the size that a file began with: of
// smaller pictures it would show a part of the one before, too.
type packetSizes struct {
	dev           *gocv.VideoCapture
	packet        gocv.Mat
	codec         string
	width, height int // announced last; 0 before
	read          int // packets
}

// watchSizes opens a file for its packets; nil where OpenCV cannot give them.
func watchSizes(path string) *packetSizes {
	dev, err := gocv.OpenVideoCaptureWithAPI(asPath(path), gocv.VideoCaptureFFmpeg)
	if err = opened(dev, err); err != nil {
		return nil
	}
	dev.Set(gocv.VideoCaptureFormat, -1)                    // coded packets instead of pictures
	tag := uint32(max(0, dev.Get(gocv.VideoCaptureFOURCC))) // of MPEG-TS a number: a stream type
	return &packetSizes{dev: dev, packet: gocv.NewMat(), codec: string(binary.LittleEndian.AppendUint32(nil, tag))}
}

// A resize is a change of size from one picture to the next.
type resize struct {
	from, to [2]int
	picture  int // counted from 1
}

// until reads packets until there were n, and returns a change of size among those that it
// read; nil if there was none. Decoders give pictures in another order than packets come in,
// but never across a change of size.
func (s *packetSizes) until(n int) *resize {
	for s != nil && s.read < n && s.dev.Read(&s.packet) && !s.packet.Empty() {
		s.read++
		data, err := s.packet.DataPtrUint8()
		if err != nil {
			return nil
		}
		w, h, ok := bitstream.Size(s.codec, data)
		if !ok {
			continue
		}
		from := [2]int{s.width, s.height}
		s.width, s.height = w, h
		if to := [2]int{w, h}; from[0] > 0 && from != to {
			return &resize{from: from, to: to, picture: s.read}
		}
	}
	return nil
}

// A sizeChange is a change of size that OpenCV does not follow.
type sizeChange struct {
	resize
	ref camera.Ref
}

func (e *sizeChange) Error() string {
	return fmt.Sprintf("read video %q: from picture %d on its size is %dx%d instead of %dx%d, which OpenCV cannot follow: bring it to one size first (ffmpeg -i FILE -vf scale=%d:%d ONE-SIZE.mp4)",
		e.ref, e.picture, e.to[0], e.to[1], e.from[0], e.from[1], e.from[0], e.from[1])
}

func (e *sizeChange) Unwrap() error { return camera.ErrNoPicture }

// followed is an error where the packets of the pictures read so far changed their size and
// the picture just decoded did not.
func (v *video) followed() error {
	r := v.sizes.until(v.read)
	size := [2]int{v.width, v.height}
	if v.turn%180 != 0 {
		size[0], size[1] = size[1], size[0]
	}
	if r == nil || r.to == size {
		return nil
	}
	return &sizeChange{resize: *r, ref: v.ref}
}

// Close frees what reads the packets.
func (s *packetSizes) Close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.packet.Close(), s.dev.Close())
}
