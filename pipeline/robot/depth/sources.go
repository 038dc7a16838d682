package depth

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"deixis/camera"
	"deixis/camera/rosbridge"
	"deixis/pipeline"
)

// A folder holds a depth picture for each picture: of the same name, or else in the same
// order.
type folder struct {
	paths []string
	names map[string]int // of files without what follows the point, to their numbers
}

func openFolder(path string) (*folder, error) {
	ref, err := camera.Parse(path)
	if err != nil {
		return nil, err
	}
	if ref.Kind != camera.Images {
		return nil, fmt.Errorf("%q is a %s, not a folder of PNGs", path, ref.Kind)
	}
	f := &folder{paths: ref.Paths, names: map[string]int{}}
	for i, p := range ref.Paths {
		f.names[stem(p)] = i + 1
	}
	return f, nil
}

func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// of is the depth picture of the picture that the box of v is known in.
func (d *folder) of(f *camera.Frame, v *pipeline.View) (shot, bool) {
	n := int(v.Seq)
	if v.At.IsZero() || v.At.Equal(f.At) { // that which is shown
		n = int(f.Seq)
		if same := d.names[stem(f.File)]; f.File != "" && same > 0 {
			n = same
		}
	}
	return shot{number: n}, n >= 1 && n <= len(d.paths)
}

// mostBytes is how large the file of a picture of most pixels may be.
func mostBytes(most int) int64 { return 4*int64(most) + 1<<20 }

func (d *folder) read(number, most int) ([]byte, error) {
	return camera.ReadRegular(d.paths[number-1], mostBytes(most))
}

func checkTCP(source string) error {
	u, err := url.Parse(source)
	if err != nil || u.Hostname() == "" || u.Port() == "" || u.Path != "" || u.User != nil {
		return errors.New("not like tcp://HOST:PORT")
	}
	return nil
}

// silence is how long nothing may come of a stream.
const silence = 5 * time.Second

// readTCP reads PNGs one after the other, until the stream ends.
func (m *Meter) readTCP(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: silence}).DialContext(ctx, "tcp", strings.TrimPrefix(m.o.Source, "tcp://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
		data, err := readPNG(in, mostBytes(m.o.MaxPixels))
		if err != nil {
			return err
		}
		m.put(shot{at: time.Now(), data: data})
	}
}

// readPNG reads one PNG: its chunks up to IEND (PNG 1.2, 3.2).
func readPNG(in io.Reader, most int64) ([]byte, error) {
	data := make([]byte, len(pngHead), 64<<10)
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, err
	}
	if string(data) != string(pngHead) {
		return nil, errors.New("not a stream of PNGs")
	}
	for {
		var head [8]byte // length and kind
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return nil, err
		}
		long := int64(binary.BigEndian.Uint32(head[:])) + 4 // and the checksum
		if int64(len(data))+long > most {
			return nil, fmt.Errorf("a PNG of more than %d bytes", most)
		}
		data = append(data, head[:]...)
		from := len(data)
		data = append(data, make([]byte, long)...)
		if _, err := io.ReadFull(in, data[from:]); err != nil {
			return nil, err
		}
		if string(head[4:]) == "IEND" {
			return data, nil
		}
	}
}

// readTopic reads a topic of CompressedImage until the connection ends.
func (m *Meter) readTopic(ctx context.Context) error {
	server, topic, err := rosbridge.ParseSource(m.o.Source)
	if err != nil {
		return err
	}
	o := m.o.Rosbridge
	o.URL = server
	o.Told = func(level, text string) {
		m.o.Log.Warn("the rosbridge server says", "source", m.o.Source, "level", level, "text", text)
	}
	conn, err := rosbridge.Dial(ctx, o, rosbridge.Subscription{
		Topic: topic, Type: "sensor_msgs/CompressedImage", Queue: 1, BestEffort: true,
		Take: func(msg json.RawMessage, at time.Time) {
			var p rosbridge.CompressedImage
			if json.Unmarshal(msg, &p) == nil {
				m.put(shot{at: at, stamp: p.Header.Stamp.Time(), format: p.Format, data: p.Data})
			}
		},
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	select {
	case <-conn.Done():
		return conn.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
