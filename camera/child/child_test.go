//go:build unix

package child

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Serve(map[string]Role{
		"echo": func(c *Conn) error {
			var n int
			for c.Receive(&n) == nil {
				c.Memory[n]++
				if err := c.Send(os.Getpid()); err != nil {
					return err
				}
			}
			return nil
		},
		"crash": func(*Conn) error { syscall.Kill(os.Getpid(), syscall.SIGSEGV); select {} },
		"fail":  func(*Conn) error { return fmt.Errorf("first\nthe disk is on fire") },
		"grow": func(c *Conn) error {
			for i := 0; i < len(c.Memory); i += 4096 { // every page
				c.Memory[i] = 1
			}
			var n int
			return c.Receive(&n)
		},
	})
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, role string, o Options) *Process {
	t.Helper()
	p, err := Start(role, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestMessagesAndMemory(t *testing.T) {
	p := start(t, "echo", Options{Memory: 1 << 20})
	for n := range 100 {
		var pid int
		if err := p.Send(n); err != nil {
			t.Fatal(err)
		}
		if err := p.Receive(&pid); err != nil || pid != p.PID() || pid == os.Getpid() || p.Memory[n] != 1 {
			t.Fatalf("message %d: from process %d, memory %d, %v", n, pid, p.Memory[n], err)
		}
	}
}

func TestReasons(t *testing.T) {
	for role, want := range map[string]string{"crash": "killed by SIGSEGV", "fail": "the disk is on fire", "nobody": "role \"nobody\" is unknown"} {
		p := start(t, role, Options{})
		var n int
		if p.Receive(&n) == nil {
			t.Errorf("%s: it sent something", role)
		}
		if got := p.Reason(); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", role, got, want)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	if resident(os.Getpid()) == 0 {
		t.Skip("this system does not tell what a process holds")
	}
	p := start(t, "grow", Options{Memory: 256 << 20, MaxResident: 128 << 20, Allow: " (give it more)"})
	if got := p.Reason(); got != "more than 0.125 GiB of memory (give it more)" {
		t.Errorf("it ended because of %q", got)
	}
}

// A child ends when its parent's end of the pipe does, as at the parent's death.
func TestEndsWithParent(t *testing.T) {
	p := start(t, "echo", Options{})
	p.in.Close()
	if got := p.Reason(); got != "exit status 0" {
		t.Errorf("it ended with %q", got)
	}
	p.in, _ = os.Open(os.DevNull) // for Close
}
