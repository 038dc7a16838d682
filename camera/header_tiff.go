package camera

import "encoding/binary"

// The tags of TIFF 6.0 that are read here.
const (
	tagWidth        = 256
	tagHeight       = 257
	tagStripOffsets = 273
	tagOrientation  = 274
	tagStripCounts  = 279
	tagTileWidth    = 322
	tagTileHeight   = 323
	tagTileOffsets  = 324
	tagTileCounts   = 325
)

// mostTile bounds the pixels of one tile of a TIFF, which a decoder holds whole
// however small the picture is. Usual tiles are 256 by 256.
const mostTile = 1 << 24

// An ifd is the first directory of a TIFF file. EXIF is the same structure, so
// one reader serves both; libraries for EXIF read all tags and none of them
// says where the strips of a TIFF end.
type ifd struct {
	data  []byte
	order binary.ByteOrder
	at    int // the first entry
	n     int // entries of 12 bytes each
}

func isTIFF(data []byte) bool {
	return len(data) >= 8 && (string(data[:4]) == "II*\x00" || string(data[:4]) == "MM\x00*")
}

func openIFD(data []byte) (ifd, error) {
	if !isTIFF(data) {
		return ifd{}, errBroken
	}
	d := ifd{data: data, order: binary.LittleEndian}
	if data[0] == 'M' {
		d.order = binary.BigEndian
	}
	at := int64(d.order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return ifd{}, ErrCutShort
	}
	d.at, d.n = int(at)+2, int(d.order.Uint16(data[at:]))
	if d.at+12*d.n > len(data) {
		return ifd{}, ErrCutShort
	}
	return d, nil
}

// entry is the place of a tag's entry, or -1.
func (d ifd) entry(tag uint16) int {
	for i := range d.n {
		if at := d.at + 12*i; d.order.Uint16(d.data[at:]) == tag {
			return at
		}
	}
	return -1
}

// values are the whole numbers of a tag; ok is false where they lie past the
// end of the file. A tag that is missing has none.
func (d ifd) values(tag uint16) (read func(i int) int64, n int, ok bool) {
	at := d.entry(tag)
	if at < 0 {
		return nil, 0, true
	}
	const short, long = 3, 4
	each, kind := int64(4), d.order.Uint16(d.data[at+2:])
	switch kind {
	case short:
		each = 2
	case long:
	default:
		return nil, 0, true
	}
	count := int64(d.order.Uint32(d.data[at+4:]))
	from := int64(at) + 8
	if count*each > 4 {
		from = int64(d.order.Uint32(d.data[from:]))
	}
	if from+count*each > int64(len(d.data)) {
		return nil, 0, false
	}
	return func(i int) int64 {
		b := d.data[from+int64(i)*each:]
		if each == 2 {
			return int64(d.order.Uint16(b))
		}
		return int64(d.order.Uint32(b))
	}, int(count), true
}

// first is the first number of a tag, or 0.
func (d ifd) first(tag uint16) int64 {
	if read, n, ok := d.values(tag); ok && n > 0 {
		return read(0)
	}
	return 0
}

func readTIFF(data []byte, info *Header) error {
	d, err := openIFD(data)
	if err != nil {
		return err
	}
	info.Width, info.Height = d.first(tagWidth), d.first(tagHeight)
	info.setOrientation(data)
	if tile := (Header{Width: d.first(tagTileWidth), Height: d.first(tagTileHeight)}); !tile.Within(mostTile) {
		return errBroken
	}
	for _, tags := range [][2]uint16{{tagStripOffsets, tagStripCounts}, {tagTileOffsets, tagTileCounts}} {
		offset, n, ok := d.values(tags[0])
		count, m, okToo := d.values(tags[1])
		if !ok || !okToo {
			return ErrCutShort
		}
		for i := range min(n, m) {
			if offset(i)+count(i) > int64(len(data)) {
				return ErrCutShort
			}
		}
	}
	return nil
}

// UprightTIFF writes the orientation 1 into a TIFF file's bytes, so that a decoder
// which turns by itself, as some versions of OpenCV do for some depths, does not.
func UprightTIFF(data []byte) {
	d, err := openIFD(data)
	if err != nil {
		return
	}
	for i := range d.n {
		if at := d.at + 12*i; d.order.Uint16(d.data[at:]) == tagOrientation {
			d.order.PutUint16(d.data[at+2:], 3) // one short
			d.order.PutUint32(d.data[at+4:], 1)
			d.order.PutUint16(d.data[at+8:], 1)
		}
	}
}
