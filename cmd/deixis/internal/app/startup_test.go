package app

import (
	"strings"
	"testing"
)

func TestStartupTells(t *testing.T) {
	var errs strings.Builder
	g := &Globals{Stderr: &errs}
	g.Log = g.Logger()
	p := g.startup()
	p.trying("tensorrt")
	p.line()
	p.end()
	if s := errs.String(); !strings.Contains(s, "provider=tensorrt") || !strings.Contains(s, "minutes") {
		t.Errorf("it says %q", s)
	}
}
