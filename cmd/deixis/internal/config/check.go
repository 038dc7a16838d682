package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"deixis/cmd/deixis/internal/app"
)

// Check names every key that no flag of root has, and every value that its flag cannot
// take, in the order of the file. nil: nothing is wrong with any key by itself.
func (f *File) Check(root *kong.Node) Problems {
	c := checker{root: root}
	c.section(nil, f.root, root)
	slices.SortStableFunc(c.found, func(a, b Problem) int { return a.Line - b.Line })
	return c.found
}

type checker struct {
	root  *kong.Node
	found Problems
}

func (c *checker) problem(n *yaml.Node, path []string, format string, args ...any) {
	c.found = append(c.found, Problem{n.Line, strings.Join(path, "."), fmt.Sprintf(format, args...)})
}

// section checks the keys of a mapping, which are node's.
func (c *checker) section(under []string, m *yaml.Node, node *kong.Node) {
	if m == nil {
		return
	}
	before := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], real(m.Content[i+1])
		path := append(slices.Clone(under), k.Value)
		if k.Kind != yaml.ScalarNode {
			c.problem(k, under, "%s where a key should be (a flag's name without the dashes)", describe(k))
			continue
		}
		if line := before[k.Value]; line > 0 {
			c.problem(k, path, "given a second time (first on line %d)", line)
			continue
		}
		before[k.Value] = k.Line
		c.key(path, k, v, node)
	}
}

// key checks one key of node.
func (c *checker) key(path []string, k, v *yaml.Node, node *kong.Node) {
	name := k.Value
	child, flags := childOf(node, name), flagsOf(node, name)
	switch {
	case child != nil && v.Kind == yaml.MappingNode:
		c.section(path, v, child)
	case child == nil && len(flags) == 0:
		c.problem(k, path, "no such key%s", c.meant(name, node))
	case isNull(v): // as if it were not there
	case len(flags) == 0:
		c.problem(k, path, "it is a section: its keys stand below it, indented; not %s", describe(v))
	default:
		var why string
		for _, f := range slices.Backward(flags) { // one of them may be another subcommand's
			if _, why = value(f, v); why == "" {
				return
			}
		}
		c.problem(k, path, "%s", why)
	}
}

// meant says what a strange key may have meant: a key nearly the same, or the section
// where it belongs.
func (c *checker) meant(name string, node *kong.Node) string {
	if node != c.root {
		for _, n := range c.root.Children {
			if flagsOf(n, name) != nil {
				return fmt.Sprintf(" here (it belongs under %s:)", n.Name)
			}
		}
	}
	known := map[string]bool{}
	for _, ch := range node.Children {
		known[ch.Name] = true
	}
	eachFlag(node, func(f *kong.Flag) { known[f.Name] = true })
	return meant(name, slices.Sorted(maps.Keys(known)))
}

// meant names the one of known that is nearest to name, if any is near.
func meant(name string, known []string) string {
	nearest, least := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := app.WordErrors(strings.Split(name, ""), strings.Split(k, "")); d < least {
			nearest, least = k, d
		}
	}
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf(" (do you mean %s?)", nearest)
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, c := range node.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// own says that a flag is of the command line alone.
func own(name string) bool { return name == "config" || name == "help" || name == "version" }

// eachFlag calls do with every flag that a section for node may have: its own, those
// above it, and those below it.
func eachFlag(node *kong.Node, do func(*kong.Flag)) {
	for up := node.Parent; up != nil; up = up.Parent {
		for _, f := range up.Flags {
			if !own(f.Name) {
				do(f)
			}
		}
	}
	eachBelow(node, do)
}

func eachBelow(node *kong.Node, do func(*kong.Flag)) {
	for _, f := range node.Flags {
		if !own(f.Name) {
			do(f)
		}
	}
	for _, c := range node.Children {
		eachBelow(c, do)
	}
}

// flagsOf are the flags of a name that a section for node may have.
func flagsOf(node *kong.Node, name string) (all []*kong.Flag) {
	eachFlag(node, func(f *kong.Flag) {
		if f.Name == name {
			all = append(all, f)
		}
	})
	return all
}

// Value is what the file says of a flag of a subcommand, as kong takes it; nil where it
// says nothing, or the flag's own default: flags that exclude each other may both be
// written with theirs.
func (f *File) Value(command []string, flag *kong.Flag) (any, error) {
	key, n, path := f.find(command, flag.Name)
	if key == nil || own(flag.Name) || isNull(n) {
		return nil, nil
	}
	v, why := value(flag, n)
	if why != "" {
		return nil, Problems{{key.Line, strings.Join(path, "."), why}}
	}
	got := reflect.New(flag.Target.Type()).Elem()
	if err := parse(flag, v, got); err != nil {
		return nil, Problems{{key.Line, strings.Join(path, "."), err.Error()}}
	}
	if flag.Target.Kind() != reflect.Pointer && same(got, standard(flag)) {
		return nil, nil
	}
	return v, nil
}

// same says whether two values are equal; an empty list is no list.
func same(a, b reflect.Value) bool {
	return a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 || reflect.DeepEqual(a.Interface(), b.Interface())
}

// names are the words of an error that can be flags.
var names = regexp.MustCompile(`--?[a-z][a-z0-9-]*|[a-z][a-z0-9]*-[a-z0-9-]+`)

// Blame finds in the file what the program said of the values of a subcommand together:
// each error with the line of the first flag that it names and the file sets.
func (f *File) Blame(leaf *kong.Node, err error) (all Problems) {
	command := strings.Fields(leaf.Path())
	for _, e := range leaves(err) {
		p := Problem{Says: strings.Join(strings.Fields(e.Error()), " ")}
		for _, name := range names.FindAllString(p.Says, -1) {
			for _, flag := range flagsOf(leaf, strings.TrimLeft(name, "-")) {
				if v, _ := f.Value(command, flag); v != nil && p.Line == 0 {
					key, _, path := f.find(command, flag.Name)
					p.Line, p.Key = key.Line, strings.Join(path, ".")
				}
			}
		}
		all = append(all, p)
	}
	return all
}

// Limits names the flags whose values are out of their bounds.
func Limits(flags []*kong.Flag, valueOf func(*kong.Flag) any) error {
	var errs []error
	for _, f := range flags {
		var x float64
		v := reflect.ValueOf(valueOf(f))
		switch kindOf(f) {
		case duration:
			x = v.Interface().(time.Duration).Seconds()
		case whole:
			x = float64(v.Int())
		case number:
			x = v.Float()
		default:
			continue
		}
		if why := outside(f, x, fmt.Sprint(v.Interface())); why != "" {
			errs = append(errs, fmt.Errorf("--%s: %s", f.Name, why))
		}
	}
	return errors.Join(errs...)
}

// leaves are the errors that were joined to err.
func leaves(err error) (all []error) {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) && strings.TrimSpace(err.Error()) == strings.TrimSpace(joined.(error).Error()) {
		for _, e := range joined.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	return []error{err}
}
