package config

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// A Field is what somebody who changes a flag's value must know of it.
type Field struct {
	Kind    string   // boolean, whole, number, duration, text or list
	Choices []string // nil: any
	Least   *float64 // of a number; nil: none
	Most    *float64
	Default any // as Plain
}

// FieldOf is the field of a flag.
func FieldOf(f *kong.Flag) Field {
	d := Field{Kind: [...]string{"text", "boolean", "whole", "number", "duration", "list"}[kindOf(f)], Default: Plain(standard(f).Interface())}
	if f.Enum != "" {
		d.Choices = f.EnumSlice()
	}
	least, most, _ := limits(f)
	if d.Kind == "number" || d.Kind == "whole" {
		if !math.IsInf(least, 0) {
			d.Least = &least
		}
		if !math.IsInf(most, 0) {
			d.Most = &most
		}
	}
	return d
}

// Plain is a flag's value as JSON and YAML have it: a time is text, and a number has no
// more digits than somebody wrote.
func Plain(v any) any {
	switch t := v.(type) {
	case time.Duration:
		return short(t)
	case float32:
		var x float64
		fmt.Sscan(fmt.Sprint(t), &x)
		return x
	}
	return v
}

// Set gives a flag a value as Plain has it, or says why it cannot be.
func Set(f *kong.Flag, v any) error {
	lit, err := literal(v)
	if err != nil {
		return fmt.Errorf("--%s: %w", f.Name, err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(lit), &doc); err != nil {
		return fmt.Errorf("--%s: %w", f.Name, err)
	}
	text, why := value(f, doc.Content[0])
	if why != "" {
		return fmt.Errorf("--%s: %s", f.Name, why)
	}
	to := reflect.New(f.Target.Type()).Elem()
	if err := parse(f, text, to); err != nil {
		return fmt.Errorf("--%s: %w", f.Name, err)
	}
	f.Target.Set(to)
	return nil
}
