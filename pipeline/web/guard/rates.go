package guard

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// Limits of what one address may ask, a second and at once.
const (
	asksEach      = 100
	asksAtOnce    = 300
	writesEach    = 10
	writesAtOnce  = 30
	strangeEach   = 20
	strangeAtOnce = 60
	maxClients    = 1024 // addresses remembered
	networkOfIPv6 = 64   // bits: a household or a machine has a whole such network
)

// rates holds how much each address has asked lately.
type rates struct {
	mu      sync.Mutex
	clients map[netip.Prefix]*allowance
}

// An allowance is what one address may ask. Those who are refused, and those who
// bring no token, spend one of their own.
type allowance struct{ asks, writes, strange *rate.Limiter }

// addressOf is the address of HOST:PORT, or the network of one in IPv6, of which
// one machine may have as many as it likes. It is the zero Prefix for what is no
// address.
func addressOf(hostport string) netip.Prefix {
	from, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Prefix{}
	}
	a := from.Addr().Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() && !a.IsLoopback() {
		bits = networkOfIPv6
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// of is the allowance of an address. When too many are known all are
// forgotten: that is generous for a moment, and costs no memory.
func (r *rates) of(addr netip.Prefix) *allowance {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.clients[addr]
	if a == nil {
		if len(r.clients) >= maxClients {
			clear(r.clients)
		}
		a = &allowance{rate.NewLimiter(asksEach, asksAtOnce), rate.NewLimiter(writesEach, writesAtOnce), rate.NewLimiter(strangeEach, strangeAtOnce)}
		r.clients[addr] = a
	}
	return a
}

// friend refuses a client that may come in and asks too often. Changes, sound among
// them, are counted apart: a program that sends too many does not blind who looks.
func (a *allowance) friend(r *http.Request) *refusal {
	asks := a.asks
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		asks = a.writes
	}
	if asks.Allow() {
		return nil
	}
	return &refusal{"rate", http.StatusTooManyRequests, fmt.Sprintf("too many requests: at most %d a second, and %d changes", asksEach, writesEach)}
}

// stranger refuses a client that asks too often for what it does not get.
func (a *allowance) stranger() *refusal {
	if a.strange.Allow() {
		return nil
	}
	return &refusal{"rate", http.StatusTooManyRequests, fmt.Sprintf("too many requests without the right to come in: at most %d a second", strangeEach)}
}
