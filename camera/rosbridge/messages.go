package rosbridge

import (
	"encoding/json"
	"sync"
	"time"
)

// A Time is builtin_interfaces/msg/Time.
type Time struct {
	Sec     int64  `json:"sec"`
	Nanosec uint32 `json:"nanosec"`
}

// NewTime is t in ROS's way.
func NewTime(t time.Time) Time { return Time{t.Unix(), uint32(t.Nanosecond())} }

// Time is t in Go's way.
func (t Time) Time() time.Time { return time.Unix(t.Sec, int64(t.Nanosec)) }

// UnmarshalJSON takes the names of ROS 2, and those of ROS 1, secs and nsecs.
func (t *Time) UnmarshalJSON(raw []byte) error {
	var both struct {
		Sec     *int64  `json:"sec"`
		Nanosec *uint32 `json:"nanosec"`
		Secs    int64   `json:"secs"`
		Nsecs   uint32  `json:"nsecs"`
	}
	if err := json.Unmarshal(raw, &both); err != nil {
		return err
	}
	t.Sec, t.Nanosec = both.Secs, both.Nsecs
	if both.Sec != nil {
		t.Sec = *both.Sec
	}
	if both.Nanosec != nil {
		t.Nanosec = *both.Nanosec
	}
	return nil
}

// A Header is std_msgs/msg/Header.
type Header struct {
	Stamp   Time   `json:"stamp"`
	FrameID string `json:"frame_id"`
}

// CompressedImage is sensor_msgs/msg/CompressedImage.
type CompressedImage struct {
	Header Header `json:"header"`
	Format string `json:"format"`
	Data   []byte `json:"data"`
}

// UnmarshalJSON takes the data as Base64, which servers send, or as numbers.
func (c *CompressedImage) UnmarshalJSON(raw []byte) error {
	var m struct {
		Header Header          `json:"header"`
		Format string          `json:"format"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	c.Header, c.Format, c.Data = m.Header, m.Format, nil
	if len(m.Data) == 0 || m.Data[0] != '[' {
		return json.Unmarshal(m.Data, &c.Data)
	}
	var numbers []uint16
	if err := json.Unmarshal(m.Data, &numbers); err != nil {
		return err
	}
	for _, n := range numbers {
		c.Data = append(c.Data, byte(n))
	}
	return nil
}

// Stamps remember the headers of pictures by when they came. Any goroutine may call
// the methods; the zero value knows none.
type Stamps struct {
	mu   sync.Mutex
	at   [stampsKept]int64
	kept [stampsKept]Header
	next int
}

// stampsKept is more than the pictures that can be under way on the line.
const stampsKept = 256

// Add remembers the header of the picture that came at at.
func (s *Stamps) Add(at time.Time, h Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[s.next], s.kept[s.next] = at.UnixNano(), h
	s.next = (s.next + 1) % stampsKept
}

// Header is that of the picture that came at at, if it is still known.
func (s *Stamps) Header(at time.Time) (Header, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range s.at {
		if t == at.UnixNano() {
			return s.kept[i], true
		}
	}
	return Header{}, false
}
