package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/config"
)

// configCmd is `deixis config`.
type configCmd struct {
	Init   configInitCmd   `cmd:"" help:"Write a file with every key, what it does, and its default."`
	Check  configCheckCmd  `cmd:"" help:"Say what is wrong with a file, and on which line."`
	Schema configSchemaCmd `cmd:"" help:"Print a JSON Schema of the file, which editors complete and check keys by."`
}

type configInitCmd struct {
	File string `arg:"" optional:"" placeholder:"FILE" help:"Where to write it (default: standard output). One that is there is kept."`
}

// intro stands at the top of a new file.
const intro = `Settings of deixis. Every key is a flag of its subcommand, without the dashes; each is here with its default. Take away the # before a key to set it.
A key at the top holds for every subcommand, one in a section for that subcommand alone. The command line and DEIXIS_* variables win over this file.
Check it: deixis config check FILE. Use it: deixis live --config FILE. Take it anew while the program runs: kill -USR2, or POST /api/reload.`

// Run writes the file.
func (c *configInitCmd) Run(g *app.Globals) error {
	parser, err := newParser(&cli{})
	if err != nil {
		return err
	}
	text := config.Template(parser.Model.Node, intro)
	if c.File == "" {
		_, err := g.Stdout.Write(text)
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return app.Usage(fmt.Errorf("write %s: it is there already, and is kept (name another)", c.File))
	}
	if err != nil {
		return app.Output(fmt.Errorf("write settings: %w", err))
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return app.Output(errors.Join(fmt.Errorf("write %s: %w", c.File, err), os.Remove(c.File)))
	}
	return nil
}

type configSchemaCmd struct{}

// Run prints the schema.
func (c *configSchemaCmd) Run(g *app.Globals) error {
	parser, err := newParser(&cli{})
	if err != nil {
		return err
	}
	s, err := config.Schema(parser.Model.Node)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.Stdout, "%s\n", s)
	return err
}

type configCheckCmd struct {
	File string `arg:"" placeholder:"FILE" help:"The file."`
	JSON bool   `help:"Print JSON."`
}

// Run says what is wrong with the file, a line each, and fails where anything is.
func (c *configCheckCmd) Run(_ context.Context, g *app.Globals) error {
	found, err := checkConfig(c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		err = app.WriteJSON(g.Stdout, map[string]any{"ok": len(found) == 0, "problems": append(config.Problems{}, found...)})
	} else {
		for _, p := range found {
			if _, err := fmt.Fprintf(g.Stdout, "%s: %s\n", c.File, p); err != nil {
				return err
			}
		}
	}
	if err == nil && len(found) > 0 {
		err = app.Usage(fmt.Errorf("%s: %d to be mended", c.File, len(found)))
	}
	if err == nil && !c.JSON {
		_, err = fmt.Fprintf(g.Stdout, "%s: nothing is wrong with it\n", c.File)
	}
	return err
}

// checkConfig is all that is wrong with a file: each key by itself, and the values of
// each subcommand together. Variables of the environment count for nothing.
func checkConfig(name string) (config.Problems, error) {
	f, err := config.Read(name)
	var found config.Problems
	if errors.As(err, &found) {
		return found, nil
	}
	if err != nil {
		return nil, app.Input(fmt.Errorf("read settings: %w", err))
	}
	parser, err := newParser(&cli{})
	if err != nil {
		return nil, err
	}
	if found = f.Check(parser.Model.Node); len(found) > 0 {
		return found, nil
	}
	for _, leaf := range parser.Model.Leaves(true) {
		for _, p := range f.Blame(leaf, tryConfig(f, leaf)) {
			same := func(q config.Problem) bool { return q.Line == p.Line && q.Key == p.Key }
			if p.Line > 0 && !slices.ContainsFunc(found, same) {
				found = append(found, p)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b config.Problem) int { return a.Line - b.Line })
	return found, nil
}

// A checker is a subcommand that can say what is wrong with its flags without doing
// anything.
type checker interface{ validate() error }

// tryConfig is what a subcommand says of its flags from the file.
func tryConfig(f *config.File, leaf *kong.Node) error {
	c := cli{file: f}
	parser, err := newParser(&c, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		return err
	}
	args := strings.Fields(leaf.Path())
	for _, p := range leaf.Positional {
		if p.Required {
			args = append(args, "x")
		}
	}
	asked, err := parser.Parse(args)
	if err != nil {
		return err
	}
	if by, ok := asked.Selected().Target.Addr().Interface().(checker); ok {
		return by.validate()
	}
	return nil
}

// BeforeResolve reads the --config file, if one was named.
func (c *cli) BeforeResolve(ctx *kong.Context) error {
	name := c.Config // from DEIXIS_CONFIG
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			name, _ = ctx.FlagValue(p.Flag).(string)
		}
	}
	if name != "" && c.file == nil {
		f, err := config.Read(name)
		if err == nil {
			if found := f.Check(ctx.Model.Node); len(found) > 0 {
				err = found
			}
		}
		var found config.Problems
		switch {
		case errors.As(err, &found):
			return fmt.Errorf("--config %s: %s%s", name, found[0], andMore(len(found)-1, name))
		case err != nil:
			return fmt.Errorf("--config: %w", err)
		}
		c.file = f
	}
	if c.file != nil {
		ctx.AddResolver(kong.ResolverFunc(c.fromFile))
	}
	return nil
}

func andMore(n int, name string) string {
	if n < 1 {
		return ""
	}
	return fmt.Sprintf(" (and %d more: deixis config check %s)", n, name)
}

// fromFile finds flag under its subcommand, then at the top. A variable set in the
// environment wins, because it is nearer to the person who runs it.
func (c *cli) fromFile(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	v, err := c.file.Value(commandOf(ctx), flag)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", c.file.Name, camera.RedactAll(err.Error()))
	}
	return v, nil
}

// commandOf is the subcommand asked for, "bundle", "info" say, without arguments.
func commandOf(ctx *kong.Context) (names []string) {
	for _, p := range ctx.Path {
		if p.Command != nil {
			names = append(names, p.Command.Name)
		}
	}
	return names
}
