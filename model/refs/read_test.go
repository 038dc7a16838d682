package refs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = `{"image":"a.jpg","phrase":"cup","box":[1,2,3,4],"kind":"class","split":"val"}`

// scanned are the refs of a text, and the error that ended them.
func scanned(r io.Reader) (all []Ref, err error) {
	for ref, err := range Scan(r) {
		if err != nil {
			return all, err
		}
		all = append(all, ref)
	}
	return all, nil
}

func TestScan(t *testing.T) {
	long := good[:len(good)-1] + `,"x":"` + strings.Repeat("x", maxLine-len(good)-8) + `"}` // just fits with its line end
	for name, tt := range map[string]struct {
		text string
		n    int
		says string // of the error
	}{
		"nothing":            {"", 0, ""},
		"one":                {good, 1, ""},
		"blank lines":        {"\n" + good + "\n \n" + good + "\n", 2, ""},
		"with a BOM":         {"\ufeff" + good, 1, ""},
		"Windows lines":      {good + "\r\n" + good, 2, ""},
		"absent":             {`{"image":"a","phrase":"b","box":null}`, 1, ""},
		"a little over":      {`{"image":"a","phrase":"b","box":[-1,-0.5,3,4]}`, 1, ""},
		"the last pixel":     {`{"image":"a","phrase":"b","box":[0,0,16777216,16777216]}`, 1, ""},
		"the longest line":   {long + "\n" + good, 2, ""},
		"no box at all":      {`{"image":"a","phrase":"b"}`, 0, "line 1: no referring expression: it has no box (null says"},
		"cut short":          {good + "\n" + good[:30], 1, "line 2"},
		"not JSON":           {"cup", 0, "line 1: no referring expression"},
		"null":               {"null", 0, "line 1: no referring expression: it has no image"},
		"a list":             {"[]", 0, "line 1"},
		"two on a line":      {good + good, 0, "line 1"},
		"no image":           {`{"phrase":"b","box":null}`, 0, "line 1: no referring expression: it has no image"},
		"image of null":      {`{"image":null,"phrase":"b","box":null}`, 0, "it has no image"},
		"image of another":   {`{"IMAGE":"a","phrase":"b","box":null}`, 0, "it has no image"},
		"image of 5":         {`{"image":5,"phrase":"b","box":null}`, 0, "its image is not a text"},
		"no phrase":          {`{"image":"a","box":null}`, 0, "it has no phrase"},
		"blank phrase":       {`{"image":"a","phrase":" ","box":null}`, 0, "its phrase is empty"},
		"kind of 5":          {`{"image":"a","phrase":"b","box":null,"kind":5}`, 0, "its kind is not a text"},
		"split of 5":         {`{"image":"a","phrase":"b","box":null,"split":[]}`, 0, "its split is not a text"},
		"source of 5":        {`{"image":"a","phrase":"b","box":null,"source":{}}`, 0, "its source is not a text"},
		"box of a word":      {`{"image":"a","phrase":"b","box":"x"}`, 0, "its box is neither null nor"},
		"three numbers":      {good + "\n" + `{"image":"a","phrase":"b","box":[1,2,3]}`, 1, "line 2: no referring expression: its box has 3 numbers"},
		"five numbers":       {`{"image":"a","phrase":"b","box":[1,2,3,4,5]}`, 0, "its box has 5 numbers"},
		"no numbers":         {`{"image":"a","phrase":"b","box":[]}`, 0, "its box has 0 numbers"},
		"null for a number":  {`{"image":"a","phrase":"b","box":[null,2,3,4]}`, 0, "its box is neither"},
		"box of words":       {`{"image":"a","phrase":"b","box":["x",2,1,3]}`, 0, "line 1"},
		"box of no width":    {`{"image":"a","phrase":"b","box":[1,2,0,3]}`, 0, "its box has no inside"},
		"box of no height":   {`{"image":"a","phrase":"b","box":[1,2,3,0]}`, 0, "its box has no inside"},
		"negative width":     {`{"image":"a","phrase":"b","box":[10,2,-3,3]}`, 0, "its box has no inside"},
		"lost in float32":    {`{"image":"a","phrase":"b","box":[100000,2,0.0001,3]}`, 0, "its box has no inside"},
		"far left":           {`{"image":"a","phrase":"b","box":[-1.1,2,30,3]}`, 0, "its box begins at -1.1, 2, outside"},
		"far above":          {`{"image":"a","phrase":"b","box":[1,-2,30,30]}`, 0, "outside the picture"},
		"far right":          {`{"image":"a","phrase":"b","box":[1,2,16777217,30]}`, 0, "its box has a corner at"},
		"far below":          {`{"image":"a","phrase":"b","box":[1,2,30,1e30]}`, 0, "its box has a corner at 1e+30"},
		"infinite":           {`{"image":"a","phrase":"b","box":[1,2,1e300,30]}`, 0, "its box has a corner at +Inf"},
		"infinite to JSON":   {`{"image":"a","phrase":"b","box":[1,2,1e999,30]}`, 0, "its box is neither"},
		"no number":          {`{"image":"a","phrase":"b","box":[NaN,2,3,30]}`, 0, "line 1"},
		"an endless line":    {good + "\n" + strings.Repeat("x", maxLine+1), 1, "line 2: no referring expression: it has more than 1048576 bytes"},
		"ends at the broken": {"{\n" + good, 0, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := scanned(strings.NewReader(tt.text))
			if len(all) != tt.n {
				t.Errorf("%d refs, want %d", len(all), tt.n)
			}
			if (err != nil) != (tt.says != "") || err != nil && (!errors.Is(err, ErrLine) || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v, want an ErrLine that says %q", err, tt.says)
			}
		})
	}
}

func TestScanFields(t *testing.T) {
	text := `{"image":"a/b.jpg","phrase":" the cup ","box":[1.5,2,3,4],"kind":"class","split":"val","source":"coco","drawn":1,"image_id":["coco:9"]}` + "\n" +
		`{"image":"/a","phrase":"b","box":null,"split":"","kind":null}` + "\n\n" + `{"image":"a","phrase":"b","box":[0,0,1,1]}`
	all, err := scanned(strings.NewReader(text))
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	first := all[0]
	if string(first.Extra["drawn"]) != "1" || string(first.Extra["image_id"]) != `["coco:9"]` || len(first.Extra) != 2 {
		t.Errorf("extra %s", first.Extra)
	}
	first.Extra = nil
	if want := (Ref{Image: "a/b.jpg", Phrase: "the cup", Box: first.Box, Kind: "class", Split: "val", Source: "coco", Line: 1}); !reflect.DeepEqual(first, want) {
		t.Errorf("%+v, want %+v", first, want)
	}
	if *first.Box != (model.Box{X1: 1.5, Y1: 2, X2: 4.5, Y2: 6}) {
		t.Errorf("box %v", *first.Box)
	}
	// What is left out means what it means to the trainer.
	if r := all[1]; r.Kind != "absent" || r.Split != "train" || r.Line != 2 || r.Box != nil {
		t.Errorf("defaults %+v", r)
	}
	if r := all[2]; r.Kind != "" || r.Split != "train" || r.Line != 4 {
		t.Errorf("defaults %+v", r)
	}
	if p := first.Path("/data"); p != filepath.Join("/data", "a", "b.jpg") {
		t.Errorf("Path = %s", p)
	}
	if p := all[1].Path("/data"); p != "/a" {
		t.Errorf("Path of an absolute one = %s", p)
	}
}

func TestScanStops(t *testing.T) {
	broken := errors.New("pulled out")
	all, err := scanned(io.MultiReader(strings.NewReader(good+"\n"), iotest.ErrReader(broken)))
	if len(all) != 1 || !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%d refs, error %v", len(all), err)
	}
	for range Scan(strings.NewReader(good + "\n" + good)) {
		break // must not be asked for more
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "refs.jsonl")
	text := good + "\n" + strings.Replace(good, "val", "train", 1) + "\n" + good + "\n{"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		split string
		limit int
		n     int
		bad   bool
	}{
		"limit":         {"", 2, 2, false},
		"split, limit":  {"val", 2, 2, false},
		"broken":        {"val", 0, 0, true},
		"broken, limit": {"val", 3, 0, true},
		"train":         {"train", 1, 1, false},
	} {
		all, err := ReadFile(file, tt.split, tt.limit)
		if len(all) != tt.n || (err != nil) != tt.bad || err != nil && (!errors.Is(err, ErrLine) || !strings.Contains(err.Error(), file+": line 4")) {
			t.Errorf("%s: %d refs, error %v", name, len(all), err)
		}
	}
	if _, err := ReadFile(dir, "", 0); !errors.Is(err, camera.ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "gone"), "", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		good, good + "\n" + good[:30], "null", "\ufeff" + good, `{"image":"a","phrase":"b","box":[null,2,3,4]}`,
		`{"image":"a","phrase":"b","box":[-1,-0.5,3,4],"drawn":1}`, `{"image":"<&>","phrase":"\u2028","box":[0.004,0,1,1]}`,
		`{"image":"a","phrase":"b","box":[1,2,1e300,30]}`, "\x00\x00", `{"image":"a\\b","phrase":"b","box":null,"Box":5}`,
	} {
		f.Add(seed)
	}
	// Whatever is read can be written, and says the same then.
	f.Fuzz(func(t *testing.T, text string) {
		for r, err := range Scan(strings.NewReader(text)) {
			if err != nil {
				continue
			}
			line, err := encode(&r)
			if err != nil {
				if r.Box != nil && (r.Box.X2-r.Box.X1 < 0.02 || r.Box.Y2-r.Box.Y1 < 0.02) {
					continue // no inside when it is rounded
				}
				t.Fatalf("%+v cannot be written: %v", r, err)
			}
			again, err := parse(line)
			if err != nil || again.Phrase != r.Phrase || again.Split != r.Split || again.Kind != r.Kind || len(again.Extra) != len(r.Extra) || (again.Box == nil) != (r.Box == nil) {
				t.Fatalf("%s becomes %+v, %v", line, again, err)
			}
		}
	})
}
