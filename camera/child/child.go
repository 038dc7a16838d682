// Package child starts this program anew as a child process that does work
// which may crash, hang or take too much memory, such as decoding a video.
//
// Parent and child talk by gob messages over two pipes and share one piece of
// memory for what is large. The child dies with its parent: it ends when the
// pipe that the parent holds is closed.
package child

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// roleVar names the work of a child in its environment.
const roleVar = "DEIXIS_CHILD_ROLE"

// ErrUnserved says that this program did not call Serve, so that a child of it
// would not know its work.
var ErrUnserved = errors.New("child.Serve was not called")

// served is set once Serve has returned in a parent.
var served bool

// A Role is the work of a child. Its process ends when it returns.
type Role func(*Conn) error

// Conn is one end of the connection between parent and child.
type Conn struct {
	Memory []byte // shared by both, zero at first; nil in a child that has none

	in  *gob.Decoder
	mu  sync.Mutex
	out *gob.Encoder
}

func newConn(r io.Reader, w io.Writer, memory []byte) *Conn {
	return &Conn{Memory: memory, in: gob.NewDecoder(r), out: gob.NewEncoder(w)}
}

// Send writes one message. Several goroutines may call it.
func (c *Conn) Send(message any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Encode(message)
}

// Receive waits for the next message; its error means that the other end is
// gone. It belongs to one goroutine.
func (c *Conn) Receive(message any) error { return c.in.Decode(message) }

// Serve does the work of a child and does not return from it. In a parent it
// returns at once. It is the first call of main and of TestMain, because a
// child must not do what its parent does.
func Serve(roles map[string]Role) {
	name, isChild := os.LookupEnv(roleVar)
	if !isChild {
		served = true
		return
	}
	os.Unsetenv(roleVar)
	os.Exit(serve(name, roles))
}

func serve(name string, roles map[string]Role) int {
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "child: role %q is unknown\n", name)
		return 2
	}
	c, err := inherit()
	if err == nil {
		err = role(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
