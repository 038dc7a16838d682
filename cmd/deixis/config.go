package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"deixis/camera"
)

// config is a YAML file of flag values: `provider: cpu` for every subcommand,
// `live: {http: 127.0.0.1:7420}` for one.
type config map[string]any

// readConfig reads file and refuses a key that is no flag of app.
func readConfig(file string, app *kong.Application) (kong.Resolver, error) {
	f, err := camera.OpenRegular(file)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	defer f.Close()
	c := config{}
	if err := yaml.NewDecoder(f).Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("--config %s: not YAML of keys and values: %s", file, oneLine(err))
	}
	if strange := c.strangers("", app.Node); len(strange) > 0 {
		return nil, fmt.Errorf("--config %s: no such flag: %s (a key is a flag's name without the dashes)", file, strings.Join(strange, ", "))
	}
	return kong.ResolverFunc(c.resolve), nil
}

// resolve finds flag under its subcommand, then at the top. A variable set in
// the environment wins, because it is nearer to the person who runs it.
func (c config) resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	section := c
	for _, name := range strings.Fields(commandOf(ctx)) {
		below, ok := section[name].(config)
		if !ok {
			break
		}
		section = below
	}
	if v, ok := section[flag.Name]; ok {
		return v, nil
	}
	return c[flag.Name], nil
}

// commandOf is the subcommand asked for, "bundle info" say, without arguments.
func commandOf(ctx *kong.Context) string {
	var names []string
	for _, p := range ctx.Path {
		if p.Command != nil {
			names = append(names, p.Command.Name)
		}
	}
	return strings.Join(names, " ")
}

// strangers are the keys that neither node nor, at the top, any subcommand knows.
func (c config) strangers(under string, node *kong.Node) []string {
	var strange []string
	for key, v := range c {
		below, isSection := v.(config)
		child := childOf(node, key)
		switch {
		case isSection && child != nil:
			strange = append(strange, below.strangers(under+key+".", child)...)
		case isSection || !knows(node, key):
			strange = append(strange, under+key)
		}
	}
	slices.Sort(strange)
	return strange
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, c := range node.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// knows says whether node or anything below it has a flag of that name, except
// the file's own.
func knows(node *kong.Node, name string) bool {
	if name == "config" || name == "help" || name == "version" {
		return false
	}
	for _, f := range node.AllFlags(true) {
		for _, one := range f {
			if one.Name == name {
				return true
			}
		}
	}
	return slices.ContainsFunc(node.Children, func(c *kong.Node) bool { return knows(c, name) })
}
