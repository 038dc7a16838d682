package rosbridge

import (
	"context"
	"sync"
	"time"

	"deixis/camera"
	bridge "deixis/camera/rosbridge"
	"deixis/pipeline"
)

// Pictures publishes what the line shows as CompressedImage. It is a pipeline.Sink with
// a connection of its own, so that large pictures do not hold up what a robot acts on. Show
// belongs to one goroutine.
type Pictures struct {
	of     *Client
	encode func(f *camera.Frame, quality int) ([]byte, error)
	topic  bridge.Publication

	mu    sync.Mutex // guards conn against Close
	conn  *bridge.Conn
	next  time.Time // when the next may go out
	pause time.Duration
}

// How often pictures go out at most, and as what.
const (
	pictureEvery = 100 * time.Millisecond
	quality      = 80
)

// Pictures are the line's pictures for the same server, with the stamps that this
// client gives.
func (c *Client) Pictures(encode func(f *camera.Frame, quality int) ([]byte, error)) *Pictures {
	return &Pictures{of: c, encode: encode, topic: bridge.Publication{Topic: c.topic("picture/compressed"), Type: typePicture}}
}

// Show is part of pipeline.Sink. It waits until the next picture may go out, while the
// line goes on.
func (p *Pictures) Show(ctx context.Context, f *camera.Frame, _ []pipeline.View) error {
	if err := camera.Sleep(ctx, time.Until(p.next)); err != nil {
		return err
	}
	p.next = time.Now().Add(pictureEvery)
	err := p.show(ctx, f)
	if err == nil {
		p.pause = 0
		return nil
	}
	p.pause = min(max(2*p.pause, firstPause), lastPause)
	p.next = time.Now().Add(p.pause)
	return err
}

func (p *Pictures) show(ctx context.Context, f *camera.Frame) error {
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	jpeg, err := p.encode(f, quality)
	if err != nil {
		return err
	}
	h, ok := p.of.stamped(f.At)
	if !ok {
		h = p.of.header(f.At)
	}
	if err := conn.Publish(ctx, p.topic.Topic, bridge.CompressedImage{Header: h, Format: "jpeg", Data: jpeg}); err != nil {
		p.Close()
		return err
	}
	return nil
}

func (p *Pictures) connect(ctx context.Context) (*bridge.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		select {
		case <-p.conn.Done():
			err := p.conn.Err()
			p.conn.Close()
			p.conn = nil
			return nil, err
		default:
			return p.conn, nil
		}
	}
	conn, err := bridge.Dial(ctx, p.of.o.Server)
	if err != nil {
		return nil, err
	}
	if err := conn.Advertise(ctx, p.topic); err != nil {
		conn.Close()
		return nil, err
	}
	p.conn = conn
	return conn, nil
}

// Close ends the connection.
func (p *Pictures) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
	}
	return nil
}
