package record

import (
	"io"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"

	"deixis/camera"
)

// A rawMatroska writes raw pictures with their times as Matroska (RFC 9559), for a
// program that reads them from a pipe.
type rawMatroska struct{ w io.Writer }

// tick is the unit of its times.
const tick = time.Microsecond

type (
	rawVideo struct {
		PixelWidth  uint64 `ebml:"PixelWidth"`
		PixelHeight uint64 `ebml:"PixelHeight"`
		ColourSpace []byte `ebml:"ColourSpace"`
	}
	rawTrack struct {
		TrackNumber uint64   `ebml:"TrackNumber"`
		TrackUID    uint64   `ebml:"TrackUID"`
		CodecID     string   `ebml:"CodecID"`
		TrackType   uint64   `ebml:"TrackType"`
		Video       rawVideo `ebml:"Video"`
	}
	rawTracks struct {
		TrackEntry []rawTrack `ebml:"TrackEntry"`
	}
	rawSegment struct {
		Info   webm.Info `ebml:"Info"`
		Tracks rawTracks `ebml:"Tracks"`
	}
	rawFile struct {
		Header  webm.EBMLHeader `ebml:"EBML"`
		Segment rawSegment      `ebml:"Segment,size=unknown"`
	}
	rawCluster struct {
		Timecode    uint64     `ebml:"Timecode"`
		SimpleBlock ebml.Block `ebml:"SimpleBlock"`
	}
	rawPicture struct {
		Cluster rawCluster `ebml:"Cluster"`
	}
)

// begin writes what comes before the pictures, which are of w by h pixels.
func (m rawMatroska) begin(w, h int) error {
	return ebml.Marshal(&rawFile{
		Header: webm.EBMLHeader{EBMLVersion: 1, EBMLReadVersion: 1, EBMLMaxIDLength: 4, EBMLMaxSizeLength: 8, DocType: "matroska", DocTypeVersion: 4, DocTypeReadVersion: 2},
		Segment: rawSegment{
			Info: webm.Info{TimecodeScale: uint64(tick), MuxingApp: "deixis", WritingApp: "deixis"},
			Tracks: rawTracks{[]rawTrack{{TrackNumber: 1, TrackUID: 1, CodecID: "V_UNCOMPRESSED", TrackType: 1,
				Video: rawVideo{PixelWidth: uint64(w), PixelHeight: uint64(h), ColourSpace: []byte{'B', 'G', 'R', 24}}}}},
		},
	}, m.w)
}

// add writes the picture of f, shown at that time.
func (m rawMatroska) add(f *camera.Frame, at time.Duration) error {
	return ebml.Marshal(&rawPicture{rawCluster{
		Timecode:    uint64(at / tick),
		SimpleBlock: ebml.Block{TrackNumber: 1, Keyframe: true, Data: [][]byte{f.Pix}},
	}}, m.w)
}
