package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline"
	"deixis/pipeline/overlay"
	"deixis/pipeline/robot"
	"deixis/pipeline/web"
	"deixis/pipeline/web/guard"
)

// leastToken is how long a token must be, so that nobody guesses it.
const leastToken = 12

// pageArgs are the flags of the page beside its address.
type pageArgs struct {
	Token   string   `name:"http-token" placeholder:"TOKEN" help:"What other machines must bring to reach the page; one is made up where the address needs it and none is given."`
	Origins []string `name:"http-origin" placeholder:"ORIGIN" help:"Let pages of this origin use the API, too, such as https://robot.example:8443; may be given several times."`
	Base    string   `name:"http-base" placeholder:"/PATH/" help:"Path under which a proxy shows the page, such as /robot/."`
	Cert    string   `name:"http-cert" placeholder:"FILE.pem" help:"Encrypt the page with this certificate (and those that sign it); needs --http-key."`
	Key     string   `name:"http-key" placeholder:"FILE.pem" help:"Key of the certificate."`
	Fixes   *string  `name:"corrections" placeholder:"DIR" help:"Where boxes corrected on the page are saved for the trainer; empty takes none (default: corrections, and none where other machines reach the page)."`
	Limit   int64    `name:"corrections-limit" default:"1000" placeholder:"MB" min:"1" help:"How much that folder may hold."`
}

// validate names what cannot be.
func (c *pageArgs) validate() error {
	switch {
	case c.Limit < 1:
		return app.Usage(fmt.Errorf("--corrections-limit %d: it must be 1 MB or more (--corrections= takes none)", c.Limit))
	case (c.Cert == "") != (c.Key == ""):
		return app.Usage(errors.New("--http-cert and --http-key go together: give both, or neither"))
	}
	_, err := guard.ParseBase(c.Base)
	if err != nil {
		return app.Usage(fmt.Errorf("--http-base: %w", err))
	}
	return nil
}

// certificate is what the page encrypts with; nil for nothing.
func (c *pageArgs) certificate() (*tls.Certificate, error) {
	if c.Cert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, app.Input(fmt.Errorf("read --http-cert %s and --http-key %s: %w", c.Cert, c.Key, err))
	}
	return &cert, nil
}

// corrections is where they are saved; "" for nowhere. Where other machines may
// write they must have been asked for.
func (c *pageArgs) corrections(addr string) string {
	switch {
	case c.Fixes != nil:
		return *c.Fixes
	case reachesOthers(addr):
		return ""
	}
	return "corrections"
}

// openPage takes the page's address and joins the page to the line.
func (s *show) openPage() (err error) {
	if !s.plan.page {
		return nil
	}
	f := &s.flags.Page
	if s.token, err = tokenFor(s.flags.HTTP, f.Token); err != nil {
		return err
	}
	drawing := &overlay.Overlay{ShowAge: !s.plan.everyFrame}
	if s.flags.Times {
		drawing.Times = s.line.Timings()
	}
	o := web.Options{
		Source: s.ref.String(), Line: reported{s.line, s}, About: s.about, Lost: s.lost, Gate: &s.gate, Mirror: s.mirror.Set,
		Encode: s.encode, Draw: s.timed(drawing.Draw), Ask: s.asker.Replace, Notes: s.asker.Notes,
		Command: func(command string, track int) error {
			return s.order(context.Background(), robot.Order{Command: command, Track: track})
		},
		Setup: s.settings, Temperatures: func() []web.Temperature { return temperatures(os.DirFS("/sys/class/thermal")) },
		Token: s.token, Origins: f.Origins, Base: f.Base, Log: s.g.Log,
	}
	if o.Cert, err = f.certificate(); err != nil {
		return err
	}
	if dir := f.corrections(s.flags.HTTP); dir != "" {
		o.Keep = (&corrections{dir: dir, limit: f.Limit << 20, log: s.g.Log}).keep
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

// reachesOthers says whether other machines reach an address. One that cannot be read
// is refused by Listen.
func reachesOthers(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && host != "localhost" && !net.ParseIP(host).IsLoopback()
}

// tokenFor is the token given, or one made up where other machines reach the address
// and none was given.
func tokenFor(addr, given string) (string, error) {
	switch {
	case given != "" && len(given) < leastToken:
		return "", app.Usage(fmt.Errorf("--http-token: %d letters are easily guessed (take %d or more)", len(given), leastToken))
	case given != "" || !reachesOthers(addr):
		return given, nil
	}
	return rand.Text(), nil
}

// sayPage tells where the page is, and how to come in from other machines. A token
// that was given is nobody's to read in a log.
func (s *show) sayPage() {
	if given := s.flags.Page.Token; given == "" && s.token != "" {
		s.g.Log.Info("page", "url", s.page.URL()+"?token="+url.QueryEscape(s.token))
	} else {
		s.g.Log.Info("page", "url", s.page.URL(), "token", given != "")
	}
	if !s.page.Local() && s.flags.Page.Cert == "" {
		s.g.Log.Warn("other machines reach the page, with the token only; what they send is not encrypted (--http-cert encrypts it)")
	}
	if s.flags.Page.corrections(s.flags.HTTP) == "" && s.flags.Page.Fixes == nil {
		s.g.Log.Info("corrections are not taken, since other machines reach the page (--corrections DIR takes them)")
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
