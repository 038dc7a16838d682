package main

import (
	"reflect"
	"testing"
	"testing/fstest"

	"deixis/pipeline/web"
)

func TestTemperatures(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	got := temperatures(fstest.MapFS{
		"thermal_zone0/type": file("x86_pkg_temp\n"), "thermal_zone0/temp": file("48500\n"),
		"thermal_zone1/type": file("asleep\n"),
		"thermal_zone2/type": file("odd\n"), "thermal_zone2/temp": file("warm\n"),
		"thermal_zone3/type": file("cold\n"), "thermal_zone3/temp": file("-3000\n"),
		"cooling_device0/type": file("fan\n"),
	})
	if want := []web.Temperature{{Name: "x86_pkg_temp", Celsius: 48.5}, {Name: "cold", Celsius: -3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := temperatures(fstest.MapFS{}); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
