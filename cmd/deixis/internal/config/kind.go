package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// A kind is what sort of value a flag takes.
type kind int

const (
	text kind = iota
	boolean
	whole
	number
	duration
	list
)

func (k kind) String() string {
	return [...]string{"text", "true or false", "a whole number", "a number", "a time such as 500ms or 2s", "text, or a list of texts"}[k]
}

// kindOf is the kind of a flag.
func kindOf(f *kong.Flag) kind {
	t := f.Target.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return duration
	case reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()):
		return text // slog.Level
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolean
	case reflect.Int, reflect.Int64:
		return whole
	case reflect.Float32, reflect.Float64:
		return number
	case reflect.Slice:
		return list
	}
	return text
}

// value is what kong is handed for a node, or why the flag cannot take it.
func value(f *kong.Flag, n *yaml.Node) (any, string) {
	k := kindOf(f)
	if k == list && n.Kind == yaml.SequenceNode {
		all := []any{}
		for _, item := range n.Content {
			one, why := scalar(f, text, real(item))
			if why != "" {
				return nil, why
			}
			all = append(all, one)
		}
		return all, chosen(f, all)
	}
	one, why := scalar(f, k, n)
	if why == "" && k == list {
		all := []any{one}
		if f.Tag.Sep > 0 {
			all = all[:0]
			for _, part := range strings.Split(one, string(f.Tag.Sep)) {
				all = append(all, part)
			}
		}
		return all, chosen(f, all)
	}
	return one, why
}

// scalar is the text of one value of a kind, or why it is none.
func scalar(f *kong.Flag, k kind, n *yaml.Node) (string, string) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		return "", fmt.Sprintf("%s is needed here, not %s", k, describe(n))
	}
	v, tag := n.Value, n.ShortTag()
	fits := map[kind][]string{
		text: {"!!str", "!!int", "!!float", "!!timestamp"}, boolean: {"!!bool"}, whole: {"!!int"}, number: {"!!int", "!!float"},
		duration: {"!!str", "!!int"}, list: {"!!str", "!!int", "!!float", "!!timestamp"},
	}[k]
	if !slices.Contains(fits, tag) {
		return "", fmt.Sprintf("%s is needed here, not %s", k, describe(n))
	}
	var x float64
	var err error
	switch k {
	case whole:
		var i int64
		err = n.Decode(&i)
		x, v = float64(i), strconv.FormatInt(i, 10)
	case number:
		if err = n.Decode(&x); err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
			err = fmt.Errorf("%s is no number", v)
		}
		v = strconv.FormatFloat(x, 'g', -1, 64)
	case duration:
		var d time.Duration
		if d, err = time.ParseDuration(v); err != nil {
			return "", fmt.Sprintf("%s is needed here, not %s", k, describe(n))
		}
		x = d.Seconds()
	case text, boolean:
		target := reflect.New(f.Target.Type()).Elem()
		if kindOf(f) != list {
			if err := parse(f, v, target); err != nil {
				return "", err.Error()
			}
			return v, chosen(f, []any{v})
		}
	}
	if err != nil {
		return "", fmt.Sprintf("%s is needed here, not %s", k, describe(n))
	}
	return v, outside(f, x, v)
}

// parse reads text as kong does.
func parse(f *kong.Flag, text any, target reflect.Value) error {
	was := f.Set
	defer func() { f.Set = was }()
	err := f.Parse(kong.ScanFromTokens(kong.Token{Value: text, Type: kong.FlagValueToken}), target)
	if err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), f.ShortSummary()+": "))
	}
	return nil
}

// chosen says what is no choice of a flag that has choices; "" for nothing.
func chosen(f *kong.Flag, values []any) string {
	if f.Enum == "" {
		return ""
	}
	for _, v := range values {
		if all := f.EnumSlice(); !slices.Contains(all, fmt.Sprint(v)) {
			return fmt.Sprintf("%q is none of %s%s", v, strings.Join(all, ", "), meant(fmt.Sprint(v), all))
		}
	}
	return ""
}

// limits are the bounds of a flag by its tags, in seconds for times; unset ones are infinite.
// above says that least itself is not allowed.
func limits(f *kong.Flag) (least, most float64, above bool) {
	bound := func(tag string, unset float64) float64 {
		s := f.Tag.Get(tag)
		if d, err := time.ParseDuration(s); kindOf(f) == duration && err == nil {
			return d.Seconds()
		}
		if v, err := strconv.ParseFloat(s, 64); err == nil {
			return v
		}
		return unset
	}
	least, most = bound("min", math.Inf(-1)), bound("max", math.Inf(1))
	if f.Tag.Get("above") != "" {
		return bound("above", 0), most, true
	}
	return least, most, false
}

// outside says that a number is out of the flag's bounds; "" where it is not.
func outside(f *kong.Flag, x float64, said string) string {
	least, most, above := limits(f)
	if x >= least && x <= most && !(above && x == least) {
		return ""
	}
	switch low, high := f.Tag.Get("min"), f.Tag.Get("max"); {
	case math.IsNaN(x):
		return said + " is no number"
	case above:
		return fmt.Sprintf("%s is not above %s", said, f.Tag.Get("above"))
	case high == "":
		return fmt.Sprintf("%s is below %s", said, low)
	case low == "":
		return fmt.Sprintf("%s is above %s", said, high)
	default:
		return fmt.Sprintf("%s is not from %s to %s", said, low, high)
	}
}

// describe says what a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Value == "" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

// standard is the value of a flag that is not given.
func standard(f *kong.Flag) reflect.Value {
	v := reflect.New(f.Target.Type()).Elem()
	if f.HasDefault {
		if err := parse(f, f.Default, v); err != nil {
			return reflect.New(f.Target.Type()).Elem()
		}
	}
	return v
}
