package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/model/refs"
)

func TestTally(t *testing.T) {
	box := &model.Box{X1: 0, Y1: 0, X2: 10, Y2: 10}
	answer := func(present bool, x2, cls float32) *model.Answer {
		return &model.Answer{Present: present, Boxes: []model.Box{{X2: x2, Y2: 10}}, ClsBox: &model.Box{X2: cls, Y2: 10}}
	}
	tl := &tally{kinds: map[string]*count{}}
	tl.add(app.Ref{Ref: refs.Ref{Box: box, Kind: "class"}}, answer(true, 10, 1))
	tl.add(app.Ref{Ref: refs.Ref{Box: box, Kind: "class"}}, answer(false, 8, 9)) // refused, and right all the same
	tl.add(app.Ref{Ref: refs.Ref{Box: box, Kind: "position"}}, answer(true, 5, 5))
	tl.add(app.Ref{Ref: refs.Ref{Box: box}}, answer(true, 1, 1)) // one half is not above one half
	tl.add(app.Ref{}, answer(true, 10, 10))
	tl.add(app.Ref{}, answer(false, 10, 10))
	r := tl.report()
	if r.N != 4 || *r.Acc50 != 0.5 || *r.Acc50C != 0.25 || *r.Refused != 0.25 || math.Abs(*r.MeanIoU-0.6) > 1e-6 {
		t.Errorf("report %+v: acc50 %v, cls %v, refused %v, mean %v", r, *r.Acc50, *r.Acc50C, *r.Refused, *r.MeanIoU)
	}
	if len(r.Kinds) != 2 || *r.Kinds["class"].Acc50 != 1 || r.Kinds["position"].N != 1 || *r.Kinds["position"].Acc50 != 0 {
		t.Errorf("kinds %+v", r.Kinds)
	}
	if r.Absent.N != 2 || *r.Absent.FalsePointing != 0.5 {
		t.Errorf("absent %+v", r.Absent)
	}
	none := (&tally{}).report()
	raw, err := json.Marshal(none)
	if err != nil || !strings.Contains(string(raw), `"acc50":null,"acc50_cls":null,"mean_iou":null,"kinds":{}`) {
		t.Errorf("nothing to count: %s %v", raw, err)
	}
}

func TestEval(t *testing.T) {
	b, pic := network(t), picture(t)
	line := func(phrase, rest string) string {
		return `{"image":"` + filepath.Base(pic) + `","phrase":"` + phrase + `",` + rest + "}\n"
	}
	text := strings.Repeat(line("green disc", `"box":[10,10,30,30],"kind":"class","split":"val"`), b.Limits.MaxPhrases+2) +
		line("a dog", `"box":null,"kind":"absent","split":"val"`) + line("red square", `"box":[1,1,5,5],"split":"train"`)
	file := filepath.Join(filepath.Dir(pic), "refs.jsonl")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := must(t, "eval", file, "--json", "--split", "val", "--bundle", b.Dir)
	wantKeys(t, out, "n", "acc50", "acc50_cls", "mean_iou", "kinds", "absent", "present_refused", "ms_per_ref")
	var r evalReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.N != b.Limits.MaxPhrases+2 || r.Absent.N != 1 || r.Kinds["class"].N != r.N || r.MSEach <= 0 {
		t.Errorf("report %s", out)
	}
	if out := must(t, "eval", file, "--limit", "2", "--bundle", b.Dir); !strings.Contains(out, "on 2 expressions") {
		t.Errorf("for people: %q", out)
	}
}
