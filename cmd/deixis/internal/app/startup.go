package app

import (
	"sync"
	"time"
)

// readyEvery is the time between two lines while the network is made ready.
const readyEvery = 5 * time.Second

// startup tells who waits for the network what it is doing: TensorRT builds
// engines for minutes, the first time.
type startup struct {
	g    *Globals
	over chan struct{}
	told sync.WaitGroup

	mu       sync.Mutex
	provider string
	tried    time.Time
}

// startup starts to tell. The caller calls end.
func (g *Globals) startup() *startup {
	p := &startup{g: g, over: make(chan struct{})}
	p.told.Go(p.tell)
	return p
}

// trying notes the provider that is made ready now; when the network falls back
// later, nobody is told any more.
func (p *startup) trying(provider string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.provider, p.tried = provider, time.Now()
}

func (p *startup) tell() {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.over:
			return
		}
		p.line()
	}
}

// line tells once.
func (p *startup) line() {
	p.mu.Lock()
	defer p.mu.Unlock()
	says := "the network is made ready"
	if p.provider == "tensorrt" {
		says += " (engines are built once for this GPU and kept, which takes minutes)"
	}
	p.g.Log.Info(says, "provider", p.provider, "for", time.Since(p.tried).Round(time.Second))
}

// end stops the lines.
func (p *startup) end() {
	close(p.over)
	p.told.Wait()
}
