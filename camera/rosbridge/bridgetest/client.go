package bridgetest

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"time"

	"github.com/coder/websocket"
)

// A client is one connection. Its fields are guarded by the server's lock, but for
// those of read.
type client struct {
	s    *Server
	ws   *websocket.Conn
	subs map[string]*subscription
	out  [][]byte // to be written first
	bell chan struct{}
	ids  int

	allowed bool
	parts   map[string]map[int]string // fragments by id
}

// A subscription is how a client wants the messages of a topic.
type subscription struct {
	op       map[string]any
	throttle time.Duration
	queue    int
	fragment int
	png      bool
	last     time.Time
	waiting  [][]byte
}

func newSubscription(op map[string]any) (*subscription, error) {
	number := func(name string) int { n, _ := op[name].(float64); return int(n) }
	s := &subscription{op: op, throttle: time.Duration(number("throttle_rate")) * time.Millisecond, queue: number("queue_length"), fragment: number("fragment_size")}
	switch op["compression"] {
	case nil, "none":
	case "png":
		s.png = true
	default:
		return nil, fmt.Errorf("compression %v", op["compression"])
	}
	return s, nil
}

// deliver queues a message for a subscriber: the oldest of a full queue is lost. The
// server's lock is held.
func (c *client) deliver(s *subscription, topic string, msg []byte) {
	if now := time.Now(); s.throttle > 0 {
		if now.Sub(s.last) < s.throttle {
			return
		}
		s.last = now
	}
	raw, _ := json.Marshal(map[string]any{"op": "publish", "topic": topic, "msg": json.RawMessage(msg)})
	s.waiting = append(s.waiting, raw)
	if lost := len(s.waiting) - s.queue; s.queue > 0 && lost > 0 {
		s.waiting = s.waiting[lost:]
		c.s.dropped += lost
	}
	c.ring()
}

func (c *client) put(raw []byte) {
	c.out = append(c.out, raw)
	c.ring()
}

func (c *client) ring() {
	select {
	case c.bell <- struct{}{}:
	default:
	}
}

// write sends what waits until ctx ends.
func (c *client) write(ctx context.Context) {
	for ctx.Err() == nil {
		for raw := c.next(); raw != nil; raw = c.next() {
			for _, part := range raw {
				if c.ws.Write(ctx, websocket.MessageText, part) != nil {
					return
				}
			}
		}
		select {
		case <-c.bell:
		case <-ctx.Done():
		}
	}
}

// next is what is written next, in as many parts as the client wants.
func (c *client) next() [][]byte {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if len(c.out) > 0 {
		raw := c.out[0]
		c.out = c.out[1:]
		return [][]byte{raw}
	}
	for _, s := range c.subs {
		if len(s.waiting) > 0 {
			raw := s.waiting[0]
			s.waiting = s.waiting[1:]
			if s.png {
				raw = toPNG(raw)
			}
			return c.fragments(raw, s.fragment)
		}
	}
	return nil
}

// fragments cuts a message as rosbridge_suite for ROS 2 does, whose total is no whole
// number.
func (c *client) fragments(raw []byte, size int) [][]byte {
	if size <= 0 || len(raw) <= size {
		return [][]byte{raw}
	}
	c.ids++
	letters := []rune(string(raw))
	total := float64(len(letters)-1)/float64(size) + 1
	var parts [][]byte
	for num := 0; num*size < len(letters); num++ {
		part, _ := json.Marshal(map[string]any{
			"op": "fragment", "id": c.ids, "data": string(letters[num*size : min(len(letters), (num+1)*size)]), "num": num, "total": total,
		})
		parts = append(parts, part)
	}
	return parts
}

// toPNG puts a message into a PNG: its bytes are the pixels, and line ends fill the last row.
func toPNG(raw []byte) []byte {
	pixels := float64(len(raw)) / 3
	w := max(1, int(math.Sqrt(pixels)))
	h := int(math.Ceil(pixels / float64(w)))
	pic := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		for k := range 3 {
			b := byte('\n')
			if at := 3*i + k; at < len(raw) {
				b = raw[at]
			}
			pic.Pix[4*i+k] = b
		}
		pic.Pix[4*i+3] = 255
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, pic); err != nil {
		panic(err)
	}
	out, _ := json.Marshal(map[string]any{"op": "png", "data": base64.StdEncoding.EncodeToString(buf.Bytes())})
	return out
}

// read does what the client asks for until the connection ends.
func (c *client) read(ctx context.Context) {
	for {
		_, raw, err := c.ws.Read(ctx)
		if err != nil {
			return
		}
		if !c.take(raw) {
			c.s.mu.Lock()
			c.s.refused++
			c.s.mu.Unlock()
			c.ws.Close(websocket.StatusPolicyViolation, "not authenticated")
			return
		}
		c.s.ring()
	}
}

// take takes one message, and is false where the client may not send any.
func (c *client) take(raw []byte) bool {
	var op map[string]any
	err := json.Unmarshal(raw, &op)
	c.s.mu.Lock()
	allowed := c.allowed
	if err == nil && !allowed && op["op"] == "auth" {
		c.allowed = authentic(c.s.o.Secret, op, time.Now())
		allowed = c.allowed
	}
	c.s.mu.Unlock()
	switch {
	case !allowed:
		return false
	case err == nil && op["op"] == "fragment":
		var whole string
		if whole, err = c.join(op); err == nil && whole != "" {
			return c.take([]byte(whole))
		}
	case err == nil:
		err = c.s.do(c, op, raw)
	}
	if err != nil {
		told, _ := json.Marshal(map[string]any{"op": "status", "level": "error", "msg": err.Error(), "id": op["id"]})
		c.s.mu.Lock()
		c.put(told)
		c.s.mu.Unlock()
	}
	return true
}

// join is the whole message with its last fragment.
func (c *client) join(op map[string]any) (string, error) {
	id, num, total := fmt.Sprint(op["id"]), op["num"], op["total"]
	data, ok := op["data"].(string)
	n, okN := num.(float64)
	all, okAll := total.(float64)
	if op["id"] == nil || !ok || !okN || !okAll {
		return "", errors.New("received invalid fragment")
	}
	if c.parts[id] == nil {
		c.parts[id] = map[int]string{}
	}
	c.parts[id][int(n)] = data
	if len(c.parts[id]) < int(all) {
		return "", nil
	}
	whole := ""
	for i := range int(all) {
		whole += c.parts[id][i]
	}
	delete(c.parts, id)
	return whole, nil
}

// authentic checks a request as rosauth does.
func authentic(secret string, op map[string]any, now time.Time) bool {
	text := func(name string) string { s, _ := op[name].(string); return s }
	t, _ := op["t"].(float64)
	end, _ := op["end"].(float64)
	if math.Abs(t-float64(now.Unix())) >= 5 || end <= float64(now.Unix()) {
		return false
	}
	sum := sha512.Sum512([]byte(fmt.Sprintf("%s%s%s%s%d%s%d", secret, text("client"), text("dest"), text("rand"), int64(t), text("level"), int64(end))))
	return fmt.Sprintf("%x", sum) == text("mac")
}
