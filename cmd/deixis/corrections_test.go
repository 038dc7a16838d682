package main

import (
	"image"
	_ "image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/model"
	"deixis/pipeline/web"
)

func TestCorrections(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	var f camera.Frame
	f.Resize(64, 48)
	jpeg, err := opencv.EncodeJPEG(&f, 90)
	if err != nil {
		t.Fatal(err)
	}
	c := &corrections{dir: dir}
	for _, said := range []web.Correction{
		{Phrase: "the red cup", Box: &model.Box{X1: 1.04, Y1: 2, X2: 31.5, Y2: 42}, JPEG: jpeg},
		{Phrase: "a \"dog\"", JPEG: jpeg},
	} {
		if err := c.keep(said); err != nil {
			t.Fatal(err)
		}
	}
	refs, err := readRefs(filepath.Join(dir, "refs.jsonl"), "train", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(refs) != 2 || refs[0].Phrase != "the red cup" || *refs[0].Box != (model.Box{X1: 1, Y1: 2, X2: 31.5, Y2: 42}) || refs[1].Box != nil || refs[1].Image != refs[0].Image {
		t.Errorf("read back: %+v", refs)
	}
	p, err := os.Open(refs[0].Image)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if i, _, err := image.DecodeConfig(p); err != nil || i.Width != 64 {
		t.Errorf("the picture: %+v, %v", i, err)
	}
	c.dir = refs[0].Image // a file
	if err := c.keep(web.Correction{Phrase: "x", JPEG: []byte{1}}); err == nil {
		t.Error("saved below a file")
	}
}
