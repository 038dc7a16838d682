package guard

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// A wire is a connection inside. What net/http answers by itself, to what is no
// request, it writes as the JSON that every other error is.
type wire struct {
	net.Conn          // the encrypted one, where it is
	raw      net.Conn // under it
	from     netip.Prefix

	// Guarded by the door's mu.
	own    bool      // of this machine, or of an address that brought the token
	since  time.Time // it came, or was last answered what it may ask
	busy   bool      // a request that may come in is under way
	proven bool      // one has been
}

func newWire(c net.Conn, secure *tls.Config) *wire {
	w := &wire{Conn: c, raw: c, from: addressOf(c.RemoteAddr().String())}
	if secure != nil {
		w.Conn = tls.Server(c, secure)
	}
	return w
}

// goesBefore says which of two gives way first.
func (w *wire) goesBefore(o *wire) bool {
	if w.proven != o.proven {
		return !w.proven
	}
	return w.since.Before(o.since)
}

type wireKey struct{}

func withWire(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, wireKey{}, c)
}

// errorHeaders follow the status line of what net/http answers by itself.
const errorHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// Write writes p, or in JSON what net/http says in plain text.
func (w *wire) Write(p []byte) (int, error) {
	const version = "HTTP/1.1 "
	if !bytes.HasPrefix(p, []byte(version)) {
		return w.Conn.Write(p)
	}
	line, _, found := bytes.Cut(p, []byte(errorHeaders))
	if !found || bytes.Contains(line, []byte("\r\n")) {
		return w.Conn.Write(p)
	}
	if _, err := w.Conn.Write(inJSON(string(line), string(line[len(version):]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// inJSON is an answer with an error of one line.
func inJSON(line, status string) []byte {
	body, err := json.Marshal(map[string]string{"error": fmt.Sprintf("%s: that is no request that can be read (check its headers, and that each %% of its address begins an escape such as %%20)", status)})
	if err != nil {
		return nil // a string is always JSON
	}
	return fmt.Appendf(nil, "%s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n", line, len(body)+1, body)
}

// Read reads, and tells who does not encrypt what must be that it must be.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil && bytes.ContainsAny(plain.RecordHeader[:1], "GPDHOC") { // the first letter of a method
		plain.Conn.SetWriteDeadline(time.Now().Add(time.Second))
		io.WriteString(plain.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"+
			`{"error":"this port is encrypted: write https:// in place of http://"}`+"\n")
	}
	return n, err
}

// CloseWrite ends what is written, so that the other side can read it whole.
func (w *wire) CloseWrite() error {
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
