package config

import (
	"encoding/json"
	"math"
	"reflect"
	"time"

	"github.com/alecthomas/kong"
)

// Schema describes a file for editors, in JSON Schema 2020-12.
func Schema(root *kong.Node) ([]byte, error) {
	s := object(root)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "deixis --config"
	return json.MarshalIndent(s, "", "  ")
}

// object is a section: the keys that it may have, and no others.
func object(node *kong.Node) map[string]any {
	keys := map[string]any{}
	add := func(name string, s map[string]any) {
		before, there := keys[name].(map[string]any)
		if !there {
			keys[name] = s
			return
		}
		if reflect.DeepEqual(before, s) {
			return
		}
		either, _ := before["anyOf"].([]map[string]any)
		if either == nil {
			either = []map[string]any{before}
		}
		keys[name] = map[string]any{"anyOf": append(either, s)}
	}
	eachFlag(node, func(f *kong.Flag) { add(f.Name, flagSchema(f)) })
	for _, c := range node.Children {
		add(c.Name, object(c))
	}
	return map[string]any{"type": []string{"object", "null"}, "additionalProperties": false, "properties": keys, "description": node.Help}
}

// aTime is how times are written.
const aTime = `^([-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+$`

// flagSchema is what may be written for a flag. Times have their bounds in words alone.
func flagSchema(f *kong.Flag) map[string]any {
	one := map[string]any{}
	switch k := kindOf(f); k {
	case boolean:
		one["type"] = "boolean"
	case whole, number:
		one["type"] = map[kind]string{whole: "integer", number: "number"}[k]
		least, most, above := limits(f)
		switch {
		case above:
			one["exclusiveMinimum"] = least
		case !math.IsInf(least, 0):
			one["minimum"] = least
		}
		if !math.IsInf(most, 0) {
			one["maximum"] = most
		}
	case duration:
		one["anyOf"] = []map[string]any{{"type": "string", "pattern": aTime}, {"const": 0}}
	case text, list:
		one["type"] = []string{"string", "number"}
		if f.Enum != "" {
			one = map[string]any{"enum": f.EnumSlice()}
		}
	}
	if kindOf(f) == list {
		whole := map[string]any{"type": []string{"string", "number"}} // parts of it may be split
		one = map[string]any{"anyOf": []map[string]any{whole, {"type": "array", "items": one}}}
	}
	s := map[string]any{"anyOf": []map[string]any{one, {"type": "null"}}, "description": about(f)}
	if v := standard(f); f.HasDefault {
		s["default"] = v.Interface()
		switch d := v.Interface().(type) {
		case time.Duration:
			s["default"] = short(d)
		case interface{ MarshalText() ([]byte, error) }:
			s["default"] = f.Default
		}
	}
	return s
}
