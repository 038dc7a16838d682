package child

import (
	"bytes"
	"strings"
	"sync"
)

// mostKept bounds what is kept of each end of a child's stderr, bytes.
const mostKept = 4 << 10

// ends keeps the beginning and the end of what is written to it. A crash of C
// code is named in the first lines of the Go runtime, other causes in the last.
type ends struct {
	mu          sync.Mutex
	first, last []byte
}

func (e *ends) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.first = append(e.first, p[:min(len(p), mostKept-len(e.first))]...)
	e.last = append(e.last, p...)
	e.last = bytes.Clone(e.last[max(0, len(e.last)-mostKept):])
	return len(p), nil
}

// cause is the signal that the runtime names, or else the last line; "" where
// nothing was written.
func (e *ends) cause() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range strings.Lines(string(e.first)) {
		if name, _, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(name, "SIG") {
			return "killed by " + name
		}
	}
	text := strings.TrimSpace(string(e.last))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
