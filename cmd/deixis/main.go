// Command deixis points a camera's picture at what a phrase says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"deixis/camera"
	"deixis/camera/child"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench"
	"deixis/cmd/deixis/internal/config"
	"deixis/pipeline/annotate/segment"
	"deixis/pipeline/line"
	"deixis/pipeline/window"
)

// version is set by the Makefile with -ldflags -X.
var version = "dev"

// defaults are what the flags' tags name as ${…}.
var defaults = kong.Vars{"version": "deixis " + version, "parallel": strconv.Itoa(line.DefaultParallel), "segment": strconv.Itoa(segment.Frames)}

// cli is the whole command line. A slice flag of free text needs sep:"none",
// or kong splits "the cup, the left one" at its comma.
type cli struct {
	app.Common

	Live     liveCmd     `cmd:"" help:"Show a camera with a box on what the phrase says."`
	Point    pointCmd    `cmd:"" help:"Find phrases in one picture."`
	Annotate annotateCmd `cmd:"" help:"Box phrases in recordings and write label files."`
	Worker   workerCmd   `cmd:"" help:"Answer jobs that annotate --submit puts into a queue."`
	Queue    queueCmd    `cmd:"" help:"Show the jobs and workers of a queue."`
	Eval     evalCmd     `cmd:"" help:"Measure accuracy on a refs.jsonl file."`
	Bench    bench.Cmd   `cmd:"" help:"Measure speed, lag, lock, growth and speech."`
	Hear     hearCmd     `cmd:"" help:"Write down what is said in WAV files or at the microphone."`
	Doctor   doctorCmd   `cmd:"" help:"Check this machine and say what to do."`
	Devices  devicesCmd  `cmd:"" help:"List cameras and microphones."`
	Bundle   bundleCmd   `cmd:"" name:"bundle" help:"Look at a model bundle."`
	Explain  explainCmd  `cmd:"" help:"Say what an exit code or a line of the log means, and what to do."`
	Settings configCmd   `cmd:"" name:"config" help:"Write and check a file for --config."`
	Manual   manualCmd   `cmd:"" hidden:"" help:"Write man pages and shell completions into a folder."`

	Version kong.VersionFlag `help:"Print the version." env:"-"`

	file *config.File // of --config; nil before it is read, and without one
}

func main() {
	child.Serve(roles())
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	// A second Ctrl-C ends the program at once, but not the same one that a
	// shell sends to a whole group twice.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// roles are what a child of this program can be.
func roles() map[string]child.Role {
	all := opencv.Roles()
	maps.Copy(all, window.Roles())
	return all
}

// run is the program without its process: it parses args, runs one subcommand
// and returns the exit code. Errors become one line on stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdin, stdout, stderr)
	if err == nil {
		return app.ExitOK
	}
	fmt.Fprintln(stderr, "deixis:", oneLine(err))
	return app.ExitCode(err)
}

// dispatch parses args and calls Run(ctx, *globals) of the subcommand named.
func dispatch(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c cli
	over := false // --help and --version have answered
	parser, err := newParser(&c, kong.DefaultEnvars("DEIXIS"), kong.Writers(stdout, stderr), kong.Exit(func(int) { over = true }))
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	asked, err := parse(parser, args)
	switch {
	case over:
		return nil
	case err != nil:
		return app.Usage(fmt.Errorf("%w (run `deixis --help`)", err))
	}
	c.Live.again = func(set map[string]any) (*parsed, error) { return parseAgain(args, set) }
	g := &app.Globals{Common: c.Common, Stdin: stdin, Stdout: stdout, Stderr: stderr}
	g.Log = g.Logger()
	asked.BindTo(ctx, (*context.Context)(nil))
	return asked.Run(g)
}

// newParser reads a command line into c.
func newParser(c *cli, more ...kong.Option) (*kong.Kong, error) {
	parser, err := kong.New(c, append([]kong.Option{
		kong.Name("deixis"),
		kong.Description("Pointing with words: a camera, a phrase, a box. Every flag is also a DEIXIS_* variable."),
		defaults,
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("build command line: %w", err)
	}
	return parser, nil
}

// A parsed is what a command line, the variables and the --config file say.
type parsed struct {
	*cli
	flags  map[string]*kong.Flag // of the subcommand asked for and of all, by name
	values map[string]any        // of those
}

// parseAgain is what args say by now, and the variables and the --config file, but for the
// flags that are set to something else. Its error has the line of the file that is wrong.
func parseAgain(args []string, set map[string]any) (*parsed, error) {
	p := &parsed{cli: &cli{}, flags: map[string]*kong.Flag{}, values: map[string]any{}}
	parser, err := newParser(p.cli, kong.DefaultEnvars("DEIXIS"), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		return nil, err
	}
	asked, err := parser.Parse(args)
	if err != nil {
		return nil, p.blame(parser.Model.Node, err)
	}
	for _, f := range asked.Flags() {
		p.flags[f.Name] = f
	}
	for name, v := range set {
		if err := config.Set(p.flags[name], v); err != nil {
			return nil, err
		}
	}
	for name, f := range p.flags {
		p.values[name] = f.Target.Interface()
	}
	err = config.Limits(asked.Flags(), func(f *kong.Flag) any { return f.Target.Interface() })
	if err = errors.Join(err, p.Live.validate()); err != nil {
		return nil, p.blame(parser.Model.Node, err)
	}
	return p, nil
}

// blame is err with the line of the file that it is about, where that is known.
func (c *cli) blame(root *kong.Node, err error) error {
	if c.file == nil {
		return err
	}
	for _, leaf := range root.Leaves(true) {
		if leaf.Path() != "live" {
			continue
		}
		if found := c.file.Blame(leaf, err); len(found) > 0 && found[0].Line > 0 {
			return fmt.Errorf("%s: %w", c.file.Name, found)
		}
	}
	return err
}

// parse reads args, and refuses values out of their flags' bounds.
func parse(parser *kong.Kong, args []string) (*kong.Context, error) {
	asked, err := parser.Parse(args)
	if err == nil {
		err = config.Limits(asked.Flags(), asked.FlagValue)
	}
	return asked, err
}

// oneLine folds an error of several lines, such as a joined one, into one, and
// hides what may be a secret in the addresses that libraries put into theirs.
func oneLine(err error) string {
	if errors.Is(err, context.Canceled) {
		return "stopped before the end: interrupted"
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return camera.RedactAll(strings.Join(lines, "; "))
}
