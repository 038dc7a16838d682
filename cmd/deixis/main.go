// Command deixis points a camera's picture at what a phrase says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"deixis/pipeline/line"
)

// version is set by the Makefile with -ldflags -X.
var version = "dev"

// defaults are what the flags' tags name as ${…}.
var defaults = kong.Vars{"version": "deixis " + version, "parallel": strconv.Itoa(line.DefaultParallel)}

// cli is the whole command line. A slice flag of free text needs sep:"none",
// or kong splits "the cup, the left one" at its comma.
type cli struct {
	Common

	Live     liveCmd     `cmd:"" help:"Show a camera with a box on what the phrase says."`
	Point    pointCmd    `cmd:"" help:"Find phrases in one picture."`
	Annotate annotateCmd `cmd:"" help:"Box phrases in recordings and write label files."`
	Eval     evalCmd     `cmd:"" help:"Measure accuracy on a refs.jsonl file."`
	Bench    benchCmd    `cmd:"" help:"Measure speed against the bare ONNX Runtime and Python."`
	Hear     hearCmd     `cmd:"" help:"Write down what is said in WAV files or at the microphone."`
	Doctor   doctorCmd   `cmd:"" help:"Check this machine and say what to do."`
	Devices  devicesCmd  `cmd:"" help:"List cameras and microphones."`
	Bundle   bundleCmd   `cmd:"" name:"bundle" help:"Look at a model bundle."`

	Version kong.VersionFlag `help:"Print the version." env:"-"`
}

// Common are the flags of every subcommand.
type Common struct {
	BundleDir  string     `name:"bundle" placeholder:"DIR" help:"Model bundle (default: assets/models/ca2m-edge, looked for from the program and the working folder upwards)."`
	Provider   string     `enum:"auto,tensorrt,cuda,cpu" default:"auto" help:"What runs the network: auto, tensorrt, cuda or cpu."`
	Precision  string     `enum:"auto,fp32,fp16,int8" default:"auto" help:"Which of the bundle's graphs: auto, fp32, fp16 or int8."`
	GPU        int        `name:"gpu" default:"0" help:"Number of the GPU for cuda and tensorrt."`
	CacheDir   string     `name:"engine-cache" placeholder:"DIR" help:"Where TensorRT keeps its engines (default: the user's cache folder)."`
	Workspace  int        `name:"engine-workspace" placeholder:"MIB" default:"0" help:"TensorRT's scratch memory in MiB; 0 means 1024."`
	GPUMemory  int        `name:"gpu-memory" placeholder:"MIB" default:"0" help:"Most GPU memory that CUDA's arena takes, in MiB; 0 means no limit."`
	Spin       bool       `help:"Let the network's threads wait actively: a little faster alone, slower beside anything else."`
	Threads    int        `default:"0" help:"Threads of the network on the CPU; 0 means one a core."`
	OrtLibrary string     `name:"ort-library" placeholder:"FILE" help:"ONNX Runtime's shared library (default: looked for, see doctor)."`
	MaxPixels  int        `name:"max-pixels" default:"100000000" help:"Pictures of more pixels are refused by their header, before they are decoded."`
	Config     string     `placeholder:"FILE" help:"YAML file with values for any flag; command line and DEIXIS_* variables win over it."`
	LogLevel   slog.Level `default:"info" help:"debug, info, warn or error."`
	LogJSON    bool       `name:"log-json" help:"Write the log as JSON lines."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once, but not the same one that a
	// shell sends to a whole group twice.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program without its process: it parses args, runs one subcommand
// and returns the exit code. Errors become one line on stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdin, stdout, stderr)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "deixis:", oneLine(err))
	return exitCode(err)
}

// dispatch parses args and calls Run(ctx, *globals) of the subcommand named.
func dispatch(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c cli
	over := false // --help and --version have answered
	parser, err := kong.New(&c,
		kong.Name("deixis"),
		kong.Description("Pointing with words: a camera, a phrase, a box. Every flag is also a DEIXIS_* variable."),
		defaults,
		kong.DefaultEnvars("DEIXIS"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { over = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return fmt.Errorf("build command line: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	asked, err := parser.Parse(args)
	switch {
	case over:
		return nil
	case err != nil:
		return &usageError{fmt.Errorf("%w (run `deixis --help`)", err)}
	}
	g := &globals{Common: c.Common, Stdin: stdin, Stdout: stdout, Stderr: stderr}
	g.Log = g.logger()
	asked.BindTo(ctx, (*context.Context)(nil))
	return asked.Run(g)
}

// BeforeResolve reads the --config file, if one was named.
func (c *cli) BeforeResolve(ctx *kong.Context) error {
	file := c.Config // from DEIXIS_CONFIG
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			file, _ = ctx.FlagValue(p.Flag).(string)
		}
	}
	if file == "" {
		return nil
	}
	r, err := readConfig(file, ctx.Model)
	if err != nil {
		return err
	}
	ctx.AddResolver(r)
	return nil
}

// oneLine folds an error of several lines, such as a joined one, into one.
func oneLine(err error) string {
	if errors.Is(err, context.Canceled) {
		return "stopped before the end: interrupted"
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}
