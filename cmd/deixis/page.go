package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline"
	"deixis/pipeline/overlay"
	"deixis/pipeline/web"
)

// leastToken is how long a token must be, so that nobody guesses it.
const leastToken = 12

// openPage takes the page's address and joins the page to the line.
func (s *show) openPage() (err error) {
	if !s.plan.page {
		return nil
	}
	if s.token, err = tokenFor(s.flags.HTTP, s.flags.Token); err != nil {
		return err
	}
	drawing := &overlay.Overlay{ShowAge: !s.plan.everyFrame}
	if s.flags.Times {
		drawing.Times = s.line.Timings()
	}
	o := web.Options{
		Source: s.ref.String(), Line: s.line, About: s.about, Lost: s.lost, Gate: &s.gate, Mirror: s.mirror.Set,
		Encode: s.encode, Draw: s.timed(drawing.Draw), Ask: s.asker.Replace,
		Token: s.token, Origins: s.flags.Origins, Log: s.g.Log,
	}
	if s.flags.Fixes != "" {
		o.Keep = (&corrections{dir: s.flags.Fixes, log: s.g.Log}).keep
	}
	if s.voice != nil {
		o.Voice = s.voice
	}
	if s.page, err = web.Listen(s.flags.HTTP, o); err != nil {
		return app.Output(err)
	}
	s.closers = append(s.closers, s.page.Close)
	s.line.Add(pipeline.Output{Name: "page", To: s.page, Needs: pipeline.Undrawn, OnError: pipeline.Retry})
	return nil
}

// tokenFor is the token given, or one made up where other machines reach the address
// and none was given.
func tokenFor(addr, given string) (string, error) {
	switch host, _, err := net.SplitHostPort(addr); {
	case given != "" && len(given) < leastToken:
		return "", app.Usage(fmt.Errorf("--http-token: %d letters are easily guessed (take %d or more)", len(given), leastToken))
	case given != "" || err != nil || host == "localhost":
		return given, nil // an address that cannot be read is refused by Listen
	case net.ParseIP(host).IsLoopback():
		return "", nil
	}
	return rand.Text(), nil
}

// sayPage tells where the page is, and how to come in from other machines.
func (s *show) sayPage() {
	if s.token == "" {
		s.g.Log.Info("page", "url", s.page.URL())
		return
	}
	s.g.Log.Info("page", "url", s.page.URL()+"?token="+url.QueryEscape(s.token))
	if !s.page.Local() {
		s.g.Log.Warn("other machines reach the page, with the token only; what they send is not encrypted")
	}
}

// lost says whether the source is away at the moment.
func (s *show) lost() bool {
	c, ok := s.from.(interface{ Lost() bool })
	return ok && c.Lost()
}

// about says what runs.
func (s *show) about() web.About {
	c, got := s.by.Provider(), s.from.Info()
	return web.About{
		Version: version, Bundle: s.by.Bundle.Name,
		Asked:    web.Mode{Width: s.asked.Width, Height: s.asked.Height, FPS: s.asked.FPS, Format: s.asked.Format},
		Got:      web.Mode{Width: got.Width, Height: got.Height, FPS: got.FPS, Format: got.Format},
		Provider: web.Provider{Name: c.Name, Precision: c.Precision, Library: c.Version, Not: c.Reasons},
	}
}

// timed notes what drawing takes.
func (s *show) timed(draw func(*camera.Frame, []pipeline.View)) func(*camera.Frame, []pipeline.View) {
	return func(f *camera.Frame, views []pipeline.View) {
		start := time.Now()
		draw(f, views)
		s.line.Timings().Add(pipeline.StageDraw, time.Since(start))
	}
}

// encode makes a JPEG, and notes what that took.
func (s *show) encode(f *camera.Frame, quality int) ([]byte, error) {
	start := time.Now()
	jpeg, err := opencv.EncodeJPEG(f, quality)
	s.line.Timings().Add(pipeline.StageEncode, time.Since(start))
	return jpeg, err
}
