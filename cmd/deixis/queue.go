package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
)

// queueCmd is `deixis queue`.
type queueCmd struct {
	queueFlags
	URL  string `arg:"" name:"queue" placeholder:"nats://HOST" help:"The NATS server that annotate --submit names."`
	JSON bool   `help:"Print it as JSON."`
}

// Run shows what is in a queue, and who works on it.
func (c *queueCmd) Run(ctx context.Context, g *app.Globals) error {
	q, err := c.dial(ctx, g, c.URL)
	if err != nil {
		return err
	}
	defer q.Close()
	s, err := q.Status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, s)
	}
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d jobs wait, %d are worked on, %d results are to be merged, %d failures, %d dead letters\n", s.Waiting, s.Working, s.Results, s.Failed, len(s.Dead))
	for _, k := range s.Classes {
		if k.Takes == 0 {
			fmt.Fprintf(w, "no worker takes %d jobs of class %s\n", k.Jobs, k.Class)
		}
	}
	for _, k := range s.Workers {
		doing := "waits"
		if k.Range != "" {
			doing = fmt.Sprintf("%s, %s", camera.Redacted(k.Source), k.Range)
		}
		fmt.Fprintf(w, "%s\tsince %s\t%d jobs\t%d failed\t%.1f frames/s\t%s, %s, %s\t%s\n", k.Name, k.Since.Local().Format(time.DateTime), k.Jobs, k.Failed, k.FPS, k.Class.Bundle, k.Class.Provider, k.Class.Precision, doing)
	}
	for _, f := range s.Dead {
		fmt.Fprintf(w, "dead letter\t%s\n", f)
	}
	return w.Flush()
}
