package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/listen/mic"
)

// devicesCmd is `deixis devices`.
type devicesCmd struct {
	JSON        bool `help:"Print JSON: the cameras, or the microphones."`
	Microphones bool `help:"List microphones only."`
}

// Run lists the cameras and microphones of this machine.
func (c *devicesCmd) Run(_ context.Context, g *app.Globals) error {
	if c.Microphones {
		return c.microphones(g)
	}
	if err := c.cameras(g); err != nil || c.JSON {
		return err
	}
	return c.microphones(g)
}

// microphones are listed by the names that --listen-mic takes. That there is no
// sound server is no error: there is no microphone then.
func (c *devicesCmd) microphones(g *app.Globals) error {
	ds, why := mic.Devices()
	if c.JSON {
		return app.WriteJSON(g.Stdout, append([]mic.Device{}, ds...))
	}
	if len(ds) == 0 {
		_, err := fmt.Fprintln(g.Stdout, noMicrophone(why))
		return err
	}
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MICROPHONE\tDEFAULT")
	for _, d := range ds {
		is := "no"
		if d.Default {
			is = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\n", d.Name, is)
	}
	return w.Flush()
}

// noMicrophone says that there is none, and why.
func noMicrophone(why error) string {
	if why == nil {
		return "no microphones (plug one in)"
	}
	return oneLine(why)
}

// cameras lists them.
func (c *devicesCmd) cameras(g *app.Globals) error {
	ds, err := opencv.Devices()
	if err != nil {
		return err
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, ds)
	}
	if len(ds) == 0 {
		_, err := fmt.Fprintln(g.Stdout, "no cameras (plug one in, or use a file, a stream or pattern://)")
		return err
	}
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tNODE\tNAME\tUSABLE")
	for _, d := range ds {
		usable := "yes"
		if !d.Usable {
			usable = "no: " + d.Why
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", d.Number, d.Path, d.Name, usable)
		for _, m := range d.Modes {
			fmt.Fprintf(w, "\t%s\n", modeLine(m))
		}
	}
	return w.Flush()
}

// modeLine is a mode as a person would ask for it.
func modeLine(m opencv.Mode) string {
	line := fmt.Sprintf("%s %dx%d", m.Format, m.Width, m.Height)
	if m.Smallest != nil {
		line = fmt.Sprintf("%s %dx%d to %dx%d", m.Format, m.Smallest[0], m.Smallest[1], m.Width, m.Height)
	}
	for i, fps := range m.FPS {
		if i == 0 {
			line += " at"
		}
		line += fmt.Sprintf(" %g", fps)
	}
	return line
}
