//go:build unix

package child

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The file descriptors that a child inherits.
const (
	fromParent = 3 + iota
	toParent
	memoryFD
)

// memoryVar tells a child the size of the shared memory, bytes.
const memoryVar = "DEIXIS_CHILD_MEMORY"

// watchPeriod is the time between two looks at the memory of a child.
const watchPeriod = 100 * time.Millisecond

// Options shape a child.
type Options struct {
	Memory      int    // shared memory, bytes; pages that nobody writes take no room; 0 means none
	MaxResident int64  // a child that holds more bytes is killed; 0 means no limit
	Allow       string // how to allow more; it ends the reason of such a kill
}

// Process is a child seen by its parent. The parent closes it.
type Process struct {
	*Conn
	cmd    *exec.Cmd
	in     *os.File // held by the parent; its end ends the child
	out    *os.File
	stderr ends
	gone   chan struct{} // closed when the child has ended

	mu     sync.Mutex
	why    string // of a kill by the parent
	closed bool
}

// Start starts this program as a child in a role that Serve was given. Its
// errors are ErrUnserved and those of the operating system.
func Start(role string, o Options) (_ *Process, err error) {
	if !served {
		return nil, ErrUnserved
	}
	exe, err := executable()
	if err != nil {
		return nil, fmt.Errorf("start child: %w", err)
	}
	var files []*os.File // of the child; closed here once it has them
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start child: %w", err)
	}
	files = append(files, childIn)
	out, childOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("start child: %w", err)
	}
	files = append(files, childOut)
	p := &Process{in: in, out: out, gone: make(chan struct{})}
	var memory []byte
	if o.Memory > 0 {
		var f *os.File
		if f, memory, err = newMemory(o.Memory); err != nil {
			return nil, errors.Join(fmt.Errorf("start child: %w", err), in.Close(), out.Close())
		}
		files = append(files, f)
	}
	p.Conn = newConn(out, in, memory)
	p.cmd = exec.Command(exe)
	p.cmd.Env = append(os.Environ(), roleVar+"="+role, memoryVar+"="+strconv.Itoa(o.Memory), "GOTRACEBACK=none")
	p.cmd.ExtraFiles = files
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = time.Second // a grandchild may hold stderr
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start child: %w", err), in.Close(), out.Close(), unmap(memory))
	}
	go func() {
		p.cmd.Wait()
		close(p.gone)
	}()
	if o.MaxResident > 0 {
		go p.watch(o)
	}
	return p, nil
}

// watch kills the child when it holds more memory than it may.
func (p *Process) watch(o Options) {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for {
		select {
		case <-p.gone:
			return
		case <-tick.C:
			if resident(p.cmd.Process.Pid) > o.MaxResident {
				p.Kill(fmt.Sprintf("more than %.4g GiB of memory%s", float64(o.MaxResident)/(1<<30), o.Allow))
				return
			}
		}
	}
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the child; why becomes its Reason unless it has one. Any goroutine
// may call it.
func (p *Process) Kill(why string) {
	p.mu.Lock()
	p.why = cmp.Or(p.why, why)
	p.mu.Unlock()
	p.cmd.Process.Kill()
}

// Reason waits for the child's end and tells it in words: "killed by SIGSEGV",
// "more than 2 GiB of memory", or its last line on stderr.
func (p *Process) Reason() string {
	<-p.gone
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why != "" {
		return p.why
	}
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return "killed by " + unix.SignalName(s.Signal())
	}
	return cmp.Or(p.stderr.cause(), p.cmd.ProcessState.String())
}

// Close kills the child, waits for its end and frees the memory: nobody may
// look at Memory any more. A second call does nothing.
func (p *Process) Close() error {
	p.Kill("closed by its parent")
	<-p.gone
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return errors.Join(p.in.Close(), p.out.Close(), unmap(p.Memory))
}

// inherit is the child's end of the connection.
func inherit() (*Conn, error) {
	// A terminal signals all processes of a group. When to end is the parent's word.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	syscall.CloseOnExec(fromParent)
	syscall.CloseOnExec(toParent)
	size, err := strconv.Atoi(os.Getenv(memoryVar))
	os.Unsetenv(memoryVar)
	var memory []byte
	if err == nil && size > 0 {
		syscall.CloseOnExec(memoryFD)
		if memory, err = mapped(memoryFD, size); err != nil {
			return nil, err
		}
	}
	return newConn(os.NewFile(fromParent, "parent"), os.NewFile(toParent, "parent"), memory), nil
}

func mapped(fd, size int) ([]byte, error) {
	memory, err := syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of shared memory: %w", size, err)
	}
	return memory, nil
}

func unmap(memory []byte) error {
	if memory == nil {
		return nil
	}
	return syscall.Munmap(memory)
}

// newMemory makes memory that a child can share by the file.
func newMemory(size int) (*os.File, []byte, error) {
	f, err := memoryFile()
	if err != nil {
		return nil, nil, err
	}
	err = f.Truncate(int64(size))
	var memory []byte
	if err == nil {
		memory, err = mapped(int(f.Fd()), size)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, memory, nil
}
