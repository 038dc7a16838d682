package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/service"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/window"
)

// liveCmd is `deixis live`.
type liveCmd struct {
	Source   *string    `arg:"" optional:"" placeholder:"SOURCE" help:"0, /dev/video0, rtsp://…, http://…, ros://HOST:9090/TOPIC, clip.mp4, folder/, 'img*.jpg' or pattern:// (default: camera 0)."`
	From     string     `name:"source" default:"0" placeholder:"SOURCE" help:"The source where none is given as an argument, so that a --config file can name it."`
	Phrase   []string   `short:"p" sep:"none" placeholder:"PHRASE" help:"What to look for; several are separated by ; or given one by one. New ones can be typed while it runs."`
	Window   bool       `xor:"show" help:"Show a window, or fail where there is no desktop."`
	Headless bool       `xor:"show" help:"Show no window."`
	Record   string     `placeholder:"FILE.mp4" help:"Record what is shown; it is FILE.part.mp4 until it is whole, and only then takes the place of an earlier one."`
	HTTP     string     `name:"http" placeholder:"HOST:PORT" help:"Serve a page with the picture and the API, such as 127.0.0.1:7420."`
	Page     pageArgs   `embed:""`
	Events   string     `placeholder:"FILE" help:"Write a JSON line a phrase and frame; - is standard output. An earlier file is kept under a number."`
	State    string     `placeholder:"FILE" help:"Keep what is looked for in FILE, and look for it again after a restart unless --phrase has changed since (default: phrases.json in systemd's $$STATE_DIRECTORY)."`
	Sequence bool       `help:"The pictures of a folder follow each other as those of a video do; otherwise each is answered for itself."`
	Size     string     `placeholder:"WxH" help:"Picture size to ask of a camera."`
	Carry    bool       `default:"true" negatable:"" help:"Between two answers move a box with what is in it; --no-carry lets it stand still."`
	Mirror   bool       `help:"Swap left and right, as a webcam's user expects of a mirror: in what is shown, recorded and asked, so that left in the picture is left in a phrase. Events keep the source's own pixels."`
	Times    bool       `name:"show-times" help:"Write on the picture what each stage takes, medians in ms."`
	Lock     lockArgs   `embed:"" prefix:"lock-"`
	Listen   listenArgs `embed:""`
	Robot    robotArgs  `embed:""`
	FPS      float64    `name:"fps" min:"0" help:"Frames a second to ask of a camera."`
	Format   string     `name:"pixel-format" placeholder:"FOURCC" help:"Pixel format to ask of a camera, such as MJPG or YUYV (deixis devices lists them)."`

	again func(set map[string]any) (*parsed, error) // what the command line and the --config file say by now, but for what is set
}

// Run shows the source until it ends, the window is closed, or ctx ends.
func (c *liveCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	staySignals()
	if err := c.validate(); err != nil {
		return err
	}
	o, err := c.options(g)
	if err != nil {
		return err
	}
	ref, err := camera.Parse(c.source())
	if err != nil {
		return app.AsInput(err)
	}
	ref.Sequence = c.Sequence
	if err := notItself(ref, c.Record, c.Events, c.stateFile()); err != nil {
		return err
	}
	by, err := g.OpenNetwork(ctx, app.Wants{Attention: c.HTTP != "" || !c.Headless, Check: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	a, phrases := by.Asker(g.Log), pipeline.SplitAll(c.Phrase)
	if _, err := a.Phrases(phrases); err != nil {
		return err
	}
	if ref.ROS() {
		if o.Rosbridge, err = c.Robot.ROS.server(); err != nil {
			return err
		}
	}
	from, err := opencv.Open(ctx, ref, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	s := &show{flags: c, g: g, plan: planOf(c, ref, window.Available() == nil), asked: o, ref: ref, from: from, by: by, asker: a, manager: service.Find(g.Log)}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.run(ctx, s.openState(phrases))
}

// source is the argument, or what a --config file names; an empty argument is a mistake, and not none.
func (c *liveCmd) source() string {
	if c.Source != nil {
		return *c.Source
	}
	return c.From
}

// validate names what cannot be, without opening anything.
func (c *liveCmd) validate() error {
	_, err := c.options(&app.Globals{})
	if e := c.Lock.rules().Validate(); e != nil {
		err = errors.Join(err, app.Usage(e))
	}
	return errors.Join(err, c.Listen.validate(), c.Page.validate(), c.Robot.validate(strings.TrimSpace(c.source())))
}

// options are what is asked of the camera.
func (c *liveCmd) options(g *app.Globals) (opencv.Options, error) {
	o := g.Sources()
	o.Reconnect, o.FPS, o.Format = true, c.FPS, strings.ToUpper(c.Format)
	if len(o.Format) != 0 && len(o.Format) != 4 {
		return o, app.Usage(fmt.Errorf("--pixel-format %q: not four letters (write MJPG or YUYV)", c.Format))
	}
	if c.Size == "" {
		return o, nil
	}
	w, h, _ := strings.Cut(c.Size, "x")
	var errW, errH error
	o.Width, errW = strconv.Atoi(w)
	o.Height, errH = strconv.Atoi(h)
	if errW != nil || errH != nil || o.Width < 1 || o.Height < 1 {
		return o, app.Usage(fmt.Errorf("--size %q: not a size (write 1280x720)", c.Size))
	}
	return o, nil
}

// notItself refuses to write over a file that is read.
func notItself(ref camera.Ref, outs ...string) error {
	files := ref.Paths
	if ref.Kind == camera.File {
		files = []string{ref.Path}
	}
	for _, out := range outs {
		there, err := os.Stat(out)
		if err != nil {
			continue
		}
		for _, file := range files {
			if in, err := os.Stat(file); err == nil && os.SameFile(in, there) {
				return app.Usage(fmt.Errorf("write %q: it is the source itself (choose another name)", out))
			}
		}
	}
	return nil
}

// run joins the line, the page and the keyboard until one of them ends it.
func (s *show) run(ctx context.Context, phrases []string) error {
	i := s.from.Info()
	c := s.by.Provider()
	s.g.Log.Info("network", "provider", c.Name, "precision", c.Precision, "not", strings.Join(c.Reasons, "; "))
	s.g.Log.Info("live", "source", s.ref.String(), "size", fmt.Sprintf("%dx%d", i.Width, i.Height), "fps", i.FPS)
	if len(phrases) > 0 {
		if err := s.asker.Ask(phrases); err != nil {
			return err
		}
	}
	if s.flags.Listen.File != "-" {
		if f, ok := s.g.Stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			s.g.Log.Info("type what to look for and press Enter; several go with ; between them")
		}
		go s.asker.Listen(s.g.Stdin) // ends with the input, or with the program
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	others, ctx := errgroup.WithContext(ctx)
	if s.page != nil {
		s.sayPage()
		others.Go(func() error { return s.page.Serve(ctx) })
	}
	if s.events != nil {
		others.Go(func() error { return s.watchLoss(ctx) })
	}
	s.runRobot(ctx, others)
	others.Go(func() error { return s.runState(ctx) })
	others.Go(func() error { return s.runService(ctx) })
	defer onReload(func() {
		s.manager.Reload(func() error { // it has logged what is wrong
			_, err := s.settings.Reload()
			return err
		})
	})()
	if s.voice != nil {
		defer onTalk(s.voice.Toggle)()
		others.Go(func() error { return s.voice.run(ctx) })
	}
	run := s.line.Live
	if s.plan.everyFrame {
		run = s.line.Recording
	}
	err := run(ctx)
	stop()
	err = errors.Join(err, others.Wait())
	n := s.line.Stats()
	s.g.Log.Info("ended", "frames", n.Captured, "shown", n.Shown, "answers", n.Answered)
	return err
}

// watchLoss tells events of a lost source. When they cannot be written, the line,
// which writes them too, says so and goes on without them.
func (s *show) watchLoss(ctx context.Context) error {
	if err := s.events.Watch(ctx); err != nil {
		s.g.Log.Debug("loss of the source is not told", "err", err)
	}
	return nil
}

// openWindow opens the window, or goes without where it was not asked for and
// there is a page.
func (s *show) openWindow(c *line.Config) error {
	if !s.plan.window {
		if !s.flags.Headless {
			s.g.Log.Info("no window", "why", window.Available())
		}
		return nil
	}
	o := window.Options{
		Ask: func(texts []string) error {
			defer s.gate.Nudge()
			return s.asker.Ask(texts)
		},
		Gate: &s.gate, Save: savePicture, Lost: s.lost, Mirror: s.mirror.Toggle,
		Gone: func(why error) {
			s.g.Log.Warn("the desktop took the window away; all else goes on (Ctrl-C ends it)", "why", why)
		},
	}
	if s.voice != nil {
		o.Talk = s.voice.Toggle
	}
	w, err := window.Open("deixis: "+s.ref.String(), o)
	if err != nil && !s.flags.Window && s.plan.page {
		s.g.Log.Info("no window", "why", err)
		return nil
	}
	if err != nil {
		return err
	}
	s.closers = append(s.closers, w.Close)
	c.Window = w
	return nil
}

// savePicture keeps a picture in the working folder, by the time of day.
func savePicture(f *camera.Frame) (file string, err error) {
	jpeg, err := opencv.EncodeJPEG(f, 92)
	if err != nil {
		return "", err
	}
	file = "deixis-" + time.Now().Format("20060102-150405.000") + ".jpg"
	if err := os.WriteFile(file, jpeg, 0o644); err != nil {
		return "", fmt.Errorf("save picture: %w", err)
	}
	return file, nil
}
