package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// With is the file with another value at a path, such as live, lock-score: in its place
// where there is one, and else where the path's section is. Comments and all else stay as
// they are. Name stays, too; nothing is written to it.
func (f *File) With(path []string, v any) (*File, error) {
	lit, err := literal(v)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", strings.Join(path, "."), err)
	}
	want, err := f.values()
	if err != nil {
		return nil, err
	}
	var value any
	if err := yaml.Unmarshal([]byte(lit), &value); err != nil {
		return nil, err
	}
	if !put(want, path, value) {
		return nil, fmt.Errorf("write %s: the file has something else than a section there", strings.Join(path, "."))
	}
	for _, way := range []func([]string, string) ([]byte, error){f.spliced, f.encoded} {
		text, err := way(path, lit)
		if err != nil {
			continue
		}
		g, err := Parse(f.Name, text)
		if err != nil {
			continue
		}
		if got, err := g.values(); err == nil && reflect.DeepEqual(got, want) {
			return g, nil
		}
	}
	return nil, fmt.Errorf("write %s: its place in %s cannot be found (write `%s: %s` there by hand)", strings.Join(path, "."), f.Name, path[len(path)-1], lit)
}

// values are all that the file says.
func (f *File) values() (map[string]any, error) {
	all := map[string]any{}
	err := yaml.Unmarshal(f.text, &all)
	if all == nil { // of a file that says null
		all = map[string]any{}
	}
	return all, err
}

// put sets a value in nested maps, and makes those that are missing.
func put(m map[string]any, path []string, v any) bool {
	if len(path) == 1 {
		m[path[0]] = v
		return true
	}
	below, ok := m[path[0]].(map[string]any)
	if !ok {
		if m[path[0]] != nil {
			return false
		}
		below = map[string]any{}
		m[path[0]] = below
	}
	return put(below, path[1:], v)
}

// spliced is the text with one line changed or put in. Whether it says what it should is
// for the caller to see.
func (f *File) spliced(path []string, lit string) ([]byte, error) {
	lines := strings.SplitAfter(string(f.text), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	} else {
		lines[n-1] += "\n"
	}
	name, section := path[len(path)-1], f.root
	from, to, indent := 0, len(lines), ""
	for _, s := range path[:len(path)-1] {
		key, below := lookup(section, s)
		if key == nil {
			return []byte(strings.Join(lines, "") + nested(indent, path[slices.Index(path, s):], lit)), nil
		}
		from, to = key.Line, end(lines, key)
		indent = strings.Repeat(" ", key.Column+1)
		if section = below; below.Kind == yaml.MappingNode && len(below.Content) > 0 {
			indent = strings.Repeat(" ", below.Content[0].Column-1)
		}
	}
	if key, old := lookup(section, name); key != nil {
		return replaced(lines, key, old, lit)
	}
	at := from // after the section's own line
	unused := regexp.MustCompile(`^\s*#\s?` + regexp.QuoteMeta(name) + `:(\s|$)`)
	drop := 0
	for i := from; i < to; i++ {
		if unused.MatchString(lines[i]) {
			at, drop = i, 1
			break
		}
	}
	if at == 0 && drop == 0 && len(path) == 1 {
		at = len(lines)
	}
	return []byte(strings.Join(slices.Replace(lines, at, at+drop, indent+name+": "+lit+"\n"), "")), nil
}

// nested are lines of sections and a value in them.
func nested(indent string, path []string, lit string) string {
	var s strings.Builder
	for i, name := range path {
		s.WriteString(indent + strings.Repeat("  ", i) + name + ":")
		if i == len(path)-1 {
			s.WriteString(" " + lit)
		}
		s.WriteString("\n")
	}
	return s.String()
}

// end is the line after a section: the next that is less far in, and no comment.
func end(lines []string, key *yaml.Node) int {
	for i := key.Line; i < len(lines); i++ {
		bare := strings.TrimSpace(lines[i])
		if in := len(lines[i]) - len(strings.TrimLeft(lines[i], " ")); bare != "" && bare[0] != '#' && in < key.Column {
			return i
		}
	}
	return len(lines)
}

var errNotOneLine = errors.New("not a value on the line of its key")

// replaced is the text with the value of a key changed, if it is on the key's own line.
func replaced(lines []string, key, old *yaml.Node, lit string) ([]byte, error) {
	if old.Kind != yaml.ScalarNode || old.Anchor != "" || old.Line != key.Line || old.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return nil, errNotOneLine
	}
	line := []rune(lines[old.Line-1])
	start := old.Column - 1
	if start > len(line) {
		return nil, errNotOneLine
	}
	before, rest := string(line[:start]), string(line[start:])
	stop := len(strings.TrimRight(rest, " \r\n"))
	switch {
	case isNull(old) && old.Value == "":
		stop = 0
		if !strings.HasSuffix(before, " ") {
			before += " "
		}
	case old.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		if stop = closing(rest); stop < 0 {
			return nil, errNotOneLine
		}
	default:
		if n := len(old.Value); strings.HasPrefix(rest, old.Value) {
			stop = n
		}
	}
	lines[old.Line-1] = before + lit + rest[stop:]
	return []byte(strings.Join(lines, "")), nil
}

// closing is where a quoted text ends; -1 if not on this line.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[0] == '"' && s[i] == '\\', s[0] == '\'' && s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return -1
}

// encoded is the whole file written anew: comments stay, empty lines may not.
func (f *File) encoded(path []string, lit string) ([]byte, error) {
	var doc, value yaml.Node
	if err := yaml.Unmarshal(f.text, &doc); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal([]byte(lit), &value); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, errNotOneLine
	}
	m := doc.Content[0]
	for i, name := range path {
		key, below := lookup(m, name)
		last := i == len(path)-1
		switch {
		case key == nil:
			below = &yaml.Node{Kind: yaml.MappingNode}
			m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, below)
		case isNull(below) && !last:
			*below = yaml.Node{Kind: yaml.MappingNode}
		}
		if last {
			comment := below.LineComment
			*below = *value.Content[0]
			below.LineComment = comment
		}
		m = below
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := errors.Join(e.Encode(&doc), e.Close())
	return b.Bytes(), err
}

// Write puts the file in the place of the one of its name, whole or not at all. A link
// stays one.
func (f *File) Write() (err error) {
	name, err := filepath.EvalSymlinks(f.Name)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Name, err)
	}
	is, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Name, err)
	}
	part, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.part")
	if err != nil {
		return fmt.Errorf("write %s: %w (its folder must be writable)", f.Name, err)
	}
	_, err = part.Write(f.text)
	err = errors.Join(err, part.Chmod(is.Mode().Perm()), part.Sync(), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", f.Name, err), os.Remove(part.Name()))
	}
	return nil
}
