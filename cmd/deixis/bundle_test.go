package main

import "testing"

func TestMeasured(t *testing.T) {
	for raw, want := range map[string]string{
		``:     "nothing",
		`{}`:   "nothing",
		`null`: "nothing",
		`{"command": "ca2m eval", "b": {"acc50": 0.5, "n": 2}, "a": {"acc50": 0.25, "n": 4, "mean_iou": 0.1}, "c": {"n": 1}}`: "acc@0.5 0.250 on 4 a; acc@0.5 0.500 on 2 b",
	} {
		if got := measured([]byte(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}
