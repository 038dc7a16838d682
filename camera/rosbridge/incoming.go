package rosbridge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"time"
)

// incoming is any message of a server: fields of operations that are of no use here
// are left out.
type incoming struct {
	Op    string          `json:"op"`
	ID    json.RawMessage `json:"id"` // a string or a number
	Topic string          `json:"topic"`
	Msg   json.RawMessage `json:"msg"`
	Level string          `json:"level"`
	Data  string          `json:"data"`
	Num   *float64        `json:"num"`
	Total *float64        `json:"total"` // rosbridge_suite for ROS 2 divides without rounding: 3.4 are 3
}

// fragment is a part of a message that is too long for one.
type fragment struct {
	Op    string `json:"op"`
	ID    string `json:"id"`
	Data  string `json:"data"`
	Num   int    `json:"num"`
	Total int    `json:"total"`
}

// deepest is how often a message may be wrapped: a publication in a PNG in fragments.
const deepest = 3

// handle takes a message. One that cannot be read is told of, and costs nothing else.
func (c *Conn) handle(raw []byte, at time.Time, depth int) {
	var m incoming
	err := json.Unmarshal(raw, &m)
	switch {
	case err != nil:
	case m.Op == "publish":
		if take := c.subs[m.Topic]; take != nil {
			take(m.Msg, at)
		}
	case m.Op == "status":
		var text string
		if json.Unmarshal(m.Msg, &text) != nil {
			text = string(m.Msg)
		}
		c.tell(m.Level, text)
	case (m.Op == "fragment" || m.Op == "png") && depth == deepest:
		err = errors.New("it is wrapped too often")
	case m.Op == "fragment" || m.Op == "png":
		err = c.unwrap(&m, at, depth)
	}
	if err != nil {
		c.tell("error", fmt.Sprintf("a message of the server cannot be read: %v", err))
	}
}

// unwrap takes a fragment, or a PNG, which may come in fragments, too.
func (c *Conn) unwrap(m *incoming, at time.Time, depth int) error {
	whole := m.Data
	if m.Op == "fragment" || m.Num != nil {
		var err error
		if whole, err = c.parts.add(m); err != nil || whole == "" {
			return err
		}
	}
	raw := []byte(whole)
	if m.Op == "png" {
		var err error
		if raw, err = fromPNG(whole); err != nil {
			return err
		}
	}
	c.handle(raw, at, depth+1)
	return nil
}

// An assembler joins fragments. Its zero value has none.
type assembler struct {
	open  map[string]*partial
	begun uint64
}

// A partial is a message of which not all fragments are there.
type partial struct {
	data  []string
	there int
	bytes int
	begun uint64
}

// How much may be under way: more is of a server that is not to be trusted.
const (
	mostFragments = 1 << 16 // of one message
	mostOpen      = 8       // messages; the one begun first is given up for another
)

// add takes a fragment and is the whole message with its last one; "" before.
func (a *assembler) add(m *incoming) (string, error) {
	if len(m.ID) == 0 || m.Num == nil || m.Total == nil {
		return "", errors.New("a fragment without id, num or total")
	}
	num, total := int(*m.Num), int(*m.Total)
	if total < 1 || total > mostFragments || num < 0 || num >= total {
		return "", fmt.Errorf("fragment %d of %d", num, total)
	}
	key := m.Op + string(m.ID)
	p := a.open[key]
	if p == nil || len(p.data) != total {
		p = a.begin(key, total)
	}
	if p.data[num] == "" && m.Data != "" {
		p.there++
	}
	p.bytes += len(m.Data) - len(p.data[num])
	p.data[num] = m.Data
	switch {
	case p.bytes > mostMessage:
		delete(a.open, key)
		return "", fmt.Errorf("fragments of more than %d bytes", mostMessage)
	case p.there < total:
		return "", nil
	}
	delete(a.open, key)
	var whole bytes.Buffer
	for _, d := range p.data {
		whole.WriteString(d)
	}
	return whole.String(), nil
}

func (a *assembler) begin(key string, total int) *partial {
	if a.open == nil {
		a.open = map[string]*partial{}
	}
	if len(a.open) >= mostOpen {
		oldest := ""
		for k, p := range a.open {
			if oldest == "" || p.begun < a.open[oldest].begun {
				oldest = k
			}
		}
		delete(a.open, oldest)
	}
	a.begun++
	p := &partial{data: make([]string, total), begun: a.begun}
	a.open[key] = p
	return p
}

// fromPNG is the message in a PNG: the bytes of its pixels in RGB, row by row, and line
// ends up to the last pixel.
func fromPNG(data string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, err
	}
	size, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if int64(size.Width)*int64(size.Height) > mostMessage/3 {
		return nil, fmt.Errorf("a PNG of %dx%d pixels", size.Width, size.Height)
	}
	pic, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	text := make([]byte, 0, 3*size.Width*size.Height)
	for y := range size.Height {
		text = appendRow(text, pic, y)
	}
	return bytes.TrimRight(text, "\n"), nil
}

func appendRow(to []byte, pic image.Image, y int) []byte {
	w := pic.Bounds().Dx()
	if rgb, ok := pic.(*image.RGBA); ok { // what Go makes of a PNG in RGB
		row := rgb.Pix[y*rgb.Stride : y*rgb.Stride+4*w]
		for i := 0; i < len(row); i += 4 {
			to = append(to, row[i], row[i+1], row[i+2])
		}
		return to
	}
	for x := range w {
		p := color.NRGBAModel.Convert(pic.At(pic.Bounds().Min.X+x, pic.Bounds().Min.Y+y)).(color.NRGBA)
		to = append(to, p.R, p.G, p.B)
	}
	return to
}
