package camera

import (
	"errors"
	"hash/crc32"
	"time"
)

// ErrChanged says that a source does not give the pictures that it gave before.
var ErrChanged = errors.New("not the pictures that were there before")

// Place is how far a source was read, so that another reader can go on after it.
type Place struct {
	Seq    uint64        // of the frame read last; 0: nothing was read
	PTS    time.Duration // of that frame
	Sum    uint32        // its Frame.Checksum
	Passed []string      // Ref.Name of pictures up to there that could not be read
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC-32C of f's size and pixels.
func (f *Frame) Checksum() uint32 {
	size := [8]byte{byte(f.Width), byte(f.Width >> 8), byte(f.Width >> 16), byte(f.Width >> 24), byte(f.Height), byte(f.Height >> 8), byte(f.Height >> 16), byte(f.Height >> 24)}
	return crc32.Update(crc32.Checksum(size[:], castagnoli), castagnoli, f.Pix)
}
