package rosbridge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

// imageType is what a camera's topic has: the name that servers of ROS 1 and 2 know.
const imageType = "sensor_msgs/CompressedImage"

// ParseSource takes a source such as ros://HOST:9090/camera/image_raw/compressed apart into the
// server's address and the topic. ross:// is TLS.
func ParseSource(text string) (server, topic string, err error) {
	u, err := url.Parse(text)
	schemes := map[string]string{"ros": "ws", "ross": "wss"}
	if err != nil || schemes[u.Scheme] == "" || u.Hostname() == "" || u.RawQuery != "" {
		return "", "", errors.New("not like ros://HOST:9090/TOPIC")
	}
	if u.User != nil {
		return "", "", errors.New("user and password do not belong into an address, which others can read")
	}
	if topic = "/" + strings.Trim(u.Path, "/"); topic == "/" {
		return "", "", errors.New("it names no topic (ros://HOST:9090/camera/image_raw/compressed)")
	}
	return schemes[u.Scheme] + "://" + net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "9090")), topic, nil
}

// Images are the pictures of one topic; the newest wins. Next belongs to one goroutine.
type Images struct {
	conn *Conn
	bell chan struct{}

	mu   sync.Mutex
	raw  json.RawMessage // the newest, not taken yet
	at   time.Time       // when it came
	came uint64          // messages so far
}

// An Image is one picture, still encoded.
type Image struct {
	CompressedImage
	Number uint64    // counts the messages of the topic that came, from 1; a gap is a drop
	At     time.Time // when it came
}

// OpenImages subscribes to the pictures that source names.
func OpenImages(ctx context.Context, source string, o Options) (*Images, error) {
	server, topic, err := ParseSource(source)
	if err != nil {
		return nil, err
	}
	s := &Images{bell: make(chan struct{}, 1)}
	o.URL = server
	// A queue of one lets a server drop what a slow connection cannot take.
	s.conn, err = Dial(ctx, o, Subscription{Topic: topic, Type: imageType, Queue: 1, BestEffort: true, Take: s.take})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Images) take(msg json.RawMessage, at time.Time) {
	s.mu.Lock()
	s.raw, s.at = msg, at
	s.came++
	s.mu.Unlock()
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// ErrImage says that a message is no picture; the next one may be.
var ErrImage = errors.New("not a CompressedImage")

// Next is the newest picture that was not taken yet, or the next to come. Its errors
// are ErrImage, that of ctx and those of the connection, which are its end.
func (s *Images) Next(ctx context.Context) (Image, error) {
	for {
		s.mu.Lock()
		raw, p := s.raw, Image{Number: s.came, At: s.at}
		s.raw = nil
		s.mu.Unlock()
		if raw != nil {
			if err := json.Unmarshal(raw, &p.CompressedImage); err != nil {
				return p, fmt.Errorf("%w: %w", ErrImage, err)
			}
			return p, nil
		}
		select {
		case <-s.bell:
		case <-s.conn.Done():
			return Image{}, s.conn.Err()
		case <-ctx.Done():
			return Image{}, ctx.Err()
		}
	}
}

// Close ends the subscription, and a Next under way.
func (s *Images) Close() { s.conn.Close() }
