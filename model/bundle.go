package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"deixis/camera"
)

// Format is the version of bundle.json that this program reads.
const Format = 1

// What can be wrong with a bundle. Every error of Load is an ErrBundle, and
// one of the others where it fits; a missing file is also an fs.ErrNotExist.
var (
	ErrBundle  = errors.New("unusable bundle")
	ErrVersion = errors.New("unknown bundle format")
	ErrHash    = errors.New("file differs from its hash")
	ErrPath    = errors.New("file name leaves its folder")
)

// Bundle is a folder made by the trainer: graphs, tokenizer and the numbers
// that go with them. Nothing changes it after Load; any goroutine may use it.
type Bundle struct {
	Dir string `json:"-"` // the folder it was loaded from

	Format  int    `json:"format"`
	Name    string `json:"name"`
	Created string `json:"created"` // year-month-day

	Image struct {
		Size int `json:"size"` // side of the square the network sees, pixels
		Grid int `json:"grid"` // side of the square of visual tokens
	} `json:"image"`
	Limits struct {
		Tokenizer  string `json:"tokenizer"`   // file name
		MaxTokens  int    `json:"max_tokens"`  // of one phrase, [CLS] and [SEP] included
		MaxPhrases int    `json:"max_phrases"` // in one run
	} `json:"phrase"`
	Answers   int `json:"answers"` // boxes for each phrase
	Threshold struct {
		Present float32 `json:"present"` // from here on the thing counts as being there, 0..1
	} `json:"threshold"`

	Graphs map[string][]Graph `json:"graphs"` // "frame", "phrase", "ground": the same graph in several precisions
	Files  map[string]string  `json:"files"`  // other files and their SHA-256, hex

	// Weights is what the trainer can train on from; nil in a bundle of graphs
	// alone. The program only checks that the file is whole.
	Weights *struct {
		File string `json:"file"` // one of Files
	} `json:"weights"`

	Calibration json.RawMessage `json:"calibration"` // the rest informs, and the program does not read it
	Config      json.RawMessage `json:"config"`
	Training    json.RawMessage `json:"training"`
	Measured    json.RawMessage `json:"measured"`
	Licences    json.RawMessage `json:"licences"`

	tokens *tokenizer
}

// Graph is one ONNX file and what goes in and comes out of it.
type Graph struct {
	Precision string `json:"precision"` // "fp32", "fp16" or "int8"
	File      string `json:"file"`
	SHA256    string `json:"sha256"` // hex
	Inputs    []Port `json:"inputs"`
	Outputs   []Port `json:"outputs"`
}

// Port is one input or output of a graph.
type Port struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // "uint8", "int64", "float32"
	Shape []Dim  `json:"shape"`
}

// Dim is one side of a tensor: a size, or, with a name, free.
type Dim struct {
	Size int64  // 0 when free
	Name string // "N", "P", "L"; empty when fixed
}

// UnmarshalJSON reads 320 or "N".
func (d *Dim) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &d.Name) == nil {
		return nil
	}
	return json.Unmarshal(raw, &d.Size)
}

// String is the size or the name.
func (d Dim) String() string {
	if d.Name != "" {
		return d.Name
	}
	return fmt.Sprint(d.Size)
}

// Load reads the bundle in dir and checks its version, its limits and every
// file's presence and SHA-256. Its errors are ErrBundle.
func Load(dir string) (*Bundle, error) {
	b, err := Read(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range b.Contents() {
		if err := b.Check(f); err != nil {
			return nil, err
		}
	}
	if b.tokens, err = loadTokenizer(filepath.Join(dir, b.Limits.Tokenizer)); err != nil {
		return nil, b.wrong(fmt.Errorf("%s: %w", b.Limits.Tokenizer, err))
	}
	return b, nil
}

// Read reads only bundle.json and checks what it says, not the files it
// names. Such a bundle takes no phrases. Its errors are ErrBundle.
func Read(dir string) (*Bundle, error) {
	b := &Bundle{Dir: dir}
	raw, err := camera.ReadRegular(filepath.Join(dir, "bundle.json"), MaxJSON)
	if err != nil {
		return nil, b.wrong(fmt.Errorf("%w (name a folder with a bundle.json, --bundle DIR)", err))
	}
	if err := b.parse(raw); err != nil {
		return nil, b.wrong(fmt.Errorf("bundle.json: %w", err))
	}
	return b, nil
}

// MaxJSON bounds bundle.json, speech.json and tokenizer.json, bytes.
const MaxJSON = 16 << 20

// parse reads what bundle.json says and checks it.
func (b *Bundle) parse(raw []byte) error {
	var version struct{ Format *int }
	if err := json.Unmarshal(raw, &version); err != nil {
		return fmt.Errorf("it is not valid JSON: %w (copy the bundle again)", err)
	}
	if version.Format == nil || *version.Format != Format {
		said := "none"
		if version.Format != nil {
			said = fmt.Sprint(*version.Format)
		}
		return fmt.Errorf("%w: it says %s, this program reads %d (export it again with this version's ca2m)", ErrVersion, said, Format)
	}
	if err := json.Unmarshal(raw, b); err != nil {
		return err
	}
	b.Name, b.Created = Printable(b.Name), Printable(b.Created)
	return b.validate()
}

// Pick is the graph of that name in the first of the precisions that is there.
func (b *Bundle) Pick(name string, precisions ...string) (Graph, bool) {
	for _, p := range precisions {
		if i := slices.IndexFunc(b.Graphs[name], func(g Graph) bool { return g.Precision == p }); i >= 0 {
			return b.Graphs[name][i], true
		}
	}
	return Graph{}, false
}

// Path is where a file of the bundle lies.
func (b *Bundle) Path(file string) string { return filepath.Join(b.Dir, file) }

// wrong makes cause an ErrBundle that names the folder.
func (b *Bundle) wrong(cause error) error { return &bundleError{b.Dir, cause} }

type bundleError struct {
	dir   string
	cause error
}

func (e *bundleError) Error() string   { return "load bundle " + e.dir + ": " + e.cause.Error() }
func (e *bundleError) Unwrap() []error { return []error{ErrBundle, e.cause} }
