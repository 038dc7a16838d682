package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// width of the lines of a new file.
const width = 100

// Template is a file with every key of root, each with what it does and its default, and
// each commented out, so that a later version may have a better default. intro stands at
// the top.
func Template(root *kong.Node, intro string) []byte {
	var b bytes.Buffer
	comment(&b, "", intro)
	sectionOf(&b, "", root)
	return b.Bytes()
}

func sectionOf(b *bytes.Buffer, indent string, node *kong.Node) {
	for _, f := range node.Flags {
		if own(f.Name) || f.Hidden {
			continue
		}
		b.WriteString("\n")
		comment(b, indent, about(f))
		fmt.Fprintf(b, "%s#%s: %s\n", indent, f.Name, inYAML(standard(f)))
	}
	for _, c := range node.Children {
		isKey := slices.ContainsFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == c.Name }) // as bundle: a key cannot be both
		if c.Hidden || isKey || !hasKeys(c) {
			continue
		}
		b.WriteString("\n")
		comment(b, indent, "deixis "+commandOf(c)+": "+c.Help)
		fmt.Fprintf(b, "%s%s:\n", indent, c.Name)
		sectionOf(b, indent+"  ", c)
	}
}

// hasKeys says whether a section has anything that can be written in it.
func hasKeys(n *kong.Node) (has bool) {
	eachBelow(n, func(*kong.Flag) { has = true })
	return has
}

func commandOf(n *kong.Node) string {
	if n.Parent == nil || n.Parent.Type == kong.ApplicationNode {
		return n.Name
	}
	return commandOf(n.Parent) + " " + n.Name
}

// about is what a flag does, and what may be written.
func about(f *kong.Flag) string {
	s := f.Help
	if least, most, above := limits(f); least > -1e300 || most < 1e300 {
		switch {
		case above:
			s += " Above " + f.Tag.Get("above") + "."
		case most > 1e300:
			s += " From " + f.Tag.Get("min") + " up."
		default:
			s += " From " + f.Tag.Get("min") + " to " + f.Tag.Get("max") + "."
		}
	}
	if k := kindOf(f); f.Enum != "" && !strings.Contains(s, f.EnumSlice()[0]) {
		s += " One of " + strings.Join(f.EnumSlice(), ", ") + "."
	} else if k == list {
		s += " A list."
	}
	if f.PlaceHolder != "" {
		s += " (" + f.PlaceHolder + ")"
	}
	return s
}

// inYAML is a default as it is written in the file; null is what no default is.
func inYAML(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return "null"
	case v.Kind() == reflect.Slice && v.Len() == 0:
		return "[]"
	}
	s, err := literal(v.Interface())
	if err != nil {
		return "null"
	}
	return s
}

// literal is a value in one line of YAML.
func literal(v any) (string, error) {
	switch t := v.(type) {
	case time.Duration:
		v = short(t)
	case fmt.Stringer:
		v = strings.ToLower(t.String()) // slog.Level
	}
	var n yaml.Node
	if err := n.Encode(v); err != nil {
		return "", err
	}
	n.Style |= yaml.FlowStyle
	out, err := yaml.Marshal(&n)
	return strings.TrimSpace(string(out)), err
}

// short is a time without the parts of it that are 0: 1m, not 1m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// comment writes words as comment lines.
func comment(b *bytes.Buffer, indent, words string) {
	for part := range strings.Lines(words) {
		line := indent + "#"
		for _, w := range strings.Fields(part) {
			if len(line)+1+len(w) > width && line != indent+"#" {
				b.WriteString(line + "\n")
				line = indent + "#"
			}
			line += " " + w
		}
		b.WriteString(line + "\n")
	}
}
