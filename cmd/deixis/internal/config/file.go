// Package config reads, checks, writes and changes the YAML file of --config. What a
// file may hold comes from the command line's own model.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"deixis/camera"
)

// maxBytes is the largest file that is read.
const maxBytes = 1 << 20

// A Problem is one thing that is wrong with a file.
type Problem struct {
	Line int    `json:"line"` // from 1; 0 for the whole file
	Key  string `json:"key"`  // as live.lock-score; "" where none is meant
	Says string `json:"says"`
}

func (p Problem) String() string {
	var s strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&s, "line %d: ", p.Line)
	}
	if p.Key != "" {
		s.WriteString(p.Key + ": ")
	}
	return s.String() + p.Says
}

// Problems are an error that names each of them.
type Problems []Problem

func (p Problems) Error() string {
	var all []string
	for _, one := range p {
		all = append(all, one.String())
	}
	return strings.Join(all, "; ")
}

// File is what a file of --config holds. It is never changed.
type File struct {
	Name string
	text []byte
	root *yaml.Node // a mapping; nil for a file with no key
}

// Read reads a file. Its errors are the file system's, and Problems for what is no YAML of
// keys and values.
func Read(name string) (*File, error) {
	text, err := camera.ReadRegular(name, maxBytes)
	if err != nil {
		return nil, err
	}
	return Parse(name, text)
}

// Parse reads text as the file called name.
func Parse(name string, text []byte) (*File, error) {
	f := &File{Name: name, text: text}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	err := d.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return f, nil
	}
	if err == nil {
		if end := d.Decode(&more); !errors.Is(end, io.EOF) {
			if end == nil {
				end = fmt.Errorf("yaml: line %d: a second document begins here (take the --- away)", more.Line)
			}
			err = end
		}
	}
	if err != nil {
		return nil, Problems{broken(text, err)}
	}
	switch root := doc.Content[0]; {
	case isNull(root):
	case root.Kind != yaml.MappingNode:
		return nil, Problems{{Line: root.Line, Says: "not keys and values (write `provider: cpu`, say)"}}
	default:
		f.root = root
	}
	return f, nil
}

var (
	saidLine = regexp.MustCompile(`line (\d+): `)
	yamlSays = regexp.MustCompile(`^yaml: (?:unmarshal errors:\s*)?(?:line \d+: )?`)
)

// broken is where text is no YAML. The parser often tells a line before or after, so that
// the first line counts without which all before it is YAML.
func broken(text []byte, err error) Problem {
	p := Problem{Says: "not YAML: " + yamlSays.ReplaceAllString(strings.Join(strings.Fields(err.Error()), " "), "")}
	if m := saidLine.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
	}
	if strings.Contains(p.Says, "second document") {
		return p
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	p.Line = 1 + longest(lines)
	if last := before(lines, p.Line-1); last >= 0 && p.Line <= len(lines) && farIn(lines[last]) != farIn(lines[p.Line-1]) {
		p.Says += fmt.Sprintf(" (it is not as far in as line %d)", last+1)
	}
	return p
}

// reach is how many lines a value may go over for its end to be looked for.
const reach = 8

// longest is how many of the first lines are YAML.
func longest(lines [][]byte) int {
	good, bad := 0, len(lines)
	for good+1 < bad {
		mid, found := (good+bad)/2, false
		for n := mid; n < min(mid+reach, bad) && !found; n++ {
			var doc yaml.Node
			if found = yaml.Unmarshal(bytes.Join(lines[:n], nil), &doc) == nil; found {
				good = n
			}
		}
		if !found {
			bad = mid
		}
	}
	return good
}

// before is the line with a key or value before line i; -1 for none.
func before(lines [][]byte, i int) int {
	for i--; i >= 0; i-- {
		if bare := bytes.TrimSpace(lines[i]); len(bare) > 0 && bare[0] != '#' {
			return i
		}
	}
	return -1
}

func farIn(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// real follows an alias to what it stands for.
func real(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// lookup is the key and the value under a mapping; nil where it has none.
func lookup(m *yaml.Node, name string) (key, value *yaml.Node) {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == name {
			return m.Content[i], real(m.Content[i+1])
		}
	}
	return nil, nil
}

// find is the key and value of a flag for a subcommand, such as ["bench", "lag"]: the
// innermost that there is. path is where it stands.
func (f *File) find(command []string, flag string) (key, value *yaml.Node, path []string) {
	section := f.root
	key, value = lookup(section, flag)
	if value != nil && value.Kind == yaml.MappingNode {
		key, value = nil, nil // a subcommand of the same name
	}
	path = []string{flag}
	for i, name := range command {
		_, below := lookup(section, name)
		if below == nil || below.Kind != yaml.MappingNode {
			break
		}
		section = below
		if k, v := lookup(section, flag); k != nil && v.Kind != yaml.MappingNode {
			key, value, path = k, v, append(slices.Clone(command[:i+1]), flag)
		}
	}
	return key, value, path
}
