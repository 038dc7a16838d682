package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/pipeline"
	"deixis/pipeline/web"
)

// leastToken is how long a token must be, so that nobody guesses it.
const leastToken = 12

// openPage takes the page's address.
func (s *show) openPage() (err error) {
	if s.HTTP == "" {
		return nil
	}
	if err := s.needToken(); err != nil {
		return err
	}
	drawing := s.overlay()
	o := web.Options{
		Source: s.ref.String(), Line: &s.line, About: s.about, Lost: s.lost, Gate: s.gate, Mirror: &s.mirror,
		Encode: s.encode, Draw: s.timed(drawing.Draw), Ask: s.asker.replace,
		Token: s.Token, Origins: s.Origins, Log: s.Log,
	}
	if s.Fixes != "" {
		o.Keep = (&corrections{dir: s.Fixes, log: s.Log}).keep
	}
	if s.voice != nil {
		o.Voice = s.voice
	}
	if s.page, err = web.Listen(s.HTTP, o); err != nil {
		return &outputError{err}
	}
	s.closers = append(s.closers, s.page.Close)
	return nil
}

// needToken makes a token up where other machines reach the page and none was given.
func (s *show) needToken() error {
	switch host, _, err := net.SplitHostPort(s.HTTP); {
	case s.Token != "" && len(s.Token) < leastToken:
		return &usageError{fmt.Errorf("--http-token: %d letters are easily guessed (take %d or more)", len(s.Token), leastToken)}
	case s.Token != "" || err != nil || host == "localhost":
		return nil // an address that cannot be read is refused by Listen
	case net.ParseIP(host).IsLoopback():
		return nil
	}
	s.Token = rand.Text()
	return nil
}

// sayPage tells where the page is, and how to come in from other machines.
func (s *show) sayPage() {
	if s.Token == "" {
		s.Log.Info("page", "url", s.page.URL())
		return
	}
	s.Log.Info("page", "url", s.page.URL()+"?token="+url.QueryEscape(s.Token))
	if !s.page.Local() {
		s.Log.Warn("other machines reach the page, with the token only; what they send is not encrypted")
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
		s.line.Times.Add(pipeline.Draw, time.Since(start))
	}
}

// encode makes a JPEG, and notes what that took.
func (s *show) encode(f *camera.Frame, quality int) ([]byte, error) {
	start := time.Now()
	jpeg, err := opencv.EncodeJPEG(f, quality)
	s.line.Times.Add(pipeline.Encode, time.Since(start))
	return jpeg, err
}
