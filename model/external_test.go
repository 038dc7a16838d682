package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// msg is a length-delimited field.
func msg(number protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), bytes.Join(parts, nil))
}

func text(number protowire.Number, s string) []byte { return msg(number, []byte(s)) }

func number(field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
}

// external is the body of a TensorProto whose data lies in file.
func external(file string) []byte {
	return bytes.Join([][]byte{
		number(1, 4), text(8, "weight"), number(14, 1),
		msg(13, text(1, "location"), text(2, file)), msg(13, text(1, "offset"), text(2, "0")),
	}, nil)
}

// externalGraph is an ONNX file whose only weight lies in secret.bin.
var externalGraph = msg(7, msg(5, external("secret.bin")))

var externalHash = func() string {
	sum := sha256.Sum256(externalGraph)
	return hex.EncodeToString(sum[:])
}()

func TestExternalData(t *testing.T) {
	for name, tt := range map[string]struct {
		file []byte
		want []string
	}{
		"empty":             {nil, nil},
		"whole":             {bytes.Join([][]byte{number(1, 10), msg(7, msg(5, number(1, 4), msg(9, make([]byte, 300))))}, nil), nil},
		"initializer":       {externalGraph, []string{"secret.bin"}},
		"two":               {msg(7, msg(5, external("a")), msg(5, external("b")), msg(5, external("a"))), []string{"a", "b"}},
		"attribute":         {msg(7, msg(1, text(4, "Constant"), msg(5, msg(5, external("a"))))), []string{"a"}},
		"list of tensors":   {msg(7, msg(1, msg(5, msg(10, external("a"))))), []string{"a"}},
		"subgraph":          {msg(7, msg(1, msg(5, msg(6, msg(5, external("a")))))), []string{"a"}},
		"list of graphs":    {msg(7, msg(1, msg(5, msg(11, msg(5, external("a")))))), []string{"a"}},
		"sparse values":     {msg(7, msg(15, msg(1, external("a")))), []string{"a"}},
		"sparse indices":    {msg(7, msg(15, msg(2, external("a")))), []string{"a"}},
		"sparse attribute":  {msg(7, msg(1, msg(5, msg(22, msg(1, external("a")))))), []string{"a"}},
		"sparse attributes": {msg(7, msg(1, msg(5, msg(23, msg(1, external("a")))))), []string{"a"}},
		"function":          {msg(25, msg(7, msg(5, msg(5, external("a"))))), []string{"a"}},
		"function default":  {msg(25, msg(11, msg(5, external("a")))), []string{"a"}},
		"training":          {msg(20, msg(1, msg(5, external("a")))), []string{"a"}},
		"training step":     {msg(20, msg(2, msg(5, external("a")))), []string{"a"}},
		"the last counts":   {msg(7, msg(5, msg(13, text(1, "offset"), text(1, "location"), text(2, "a"), text(2, "b")))), []string{"b"}},
		"no location":       {msg(7, msg(5, msg(13, text(1, "length"), text(2, "12")))), nil},
		"in a text":         {msg(7, msg(10, external("a"))), nil}, // doc_string
		"other wire type":   {bytes.Join([][]byte{number(7, 3), externalGraph}, nil), []string{"secret.bin"}},
		"fixed fields": {bytes.Join([][]byte{
			protowire.AppendFixed32(protowire.AppendTag(nil, 99, protowire.Fixed32Type), 1),
			protowire.AppendFixed64(protowire.AppendTag(nil, 99, protowire.Fixed64Type), 1), externalGraph,
		}, nil), []string{"secret.bin"}},
		"nested": {msg(7, msg(1, msg(5, msg(6, msg(1, msg(5, msg(6, msg(5, external("a"))))))))), []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := externalData(bytes.NewReader(tt.file), int64(len(tt.file)))
			if err != nil || !slices.Equal(slices.Sorted(maps.Keys(got)), tt.want) {
				t.Errorf("%v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// A graph that names more files than any has is refused before its names fill memory.
func TestExternalDataIsBounded(t *testing.T) {
	one := msg(5, external("a"))
	for n, want := range map[int]bool{maxLocations: true, maxLocations + 1: false} {
		file := msg(7, bytes.Repeat(one, n))
		_, err := externalData(bytes.NewReader(file), int64(len(file)))
		if (err == nil) != want {
			t.Errorf("%d tensors: %v", n, err)
		}
	}
}

func TestExternalDataRefuses(t *testing.T) {
	deep := []byte{}
	for range maxDepth { // a Loop in a Loop in a Loop ...
		deep = msg(1, msg(5, msg(6, deep)))
	}
	for name, tt := range map[string]struct {
		file []byte
		size int64 // if not len(file)
		says string
	}{
		"text":            {[]byte("not ONNX"), 0, "not an ONNX graph"},
		"cut in a tag":    {[]byte{0x80}, 0, "not an ONNX graph"},
		"cut in a length": {[]byte{7<<3 | 2, 0x80}, 0, "not an ONNX graph"},
		"too long":        {[]byte{7<<3 | 2, 5, 0}, 0, "a field of 5 bytes where 1 are left"},
		"longer than all": {[]byte{7<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 0, "where 0 are left"},
		"out of its box":  {bytes.Join([][]byte{{7<<3 | 2, 2, 5<<3 | 2, 4}, make([]byte, 4)}, nil), 0, "a field of 4 bytes where 0 are left"},
		"cut fixed":       {[]byte{99&^7 | 5, 1, 2, 3}, 0, "where 3 are left"},
		"a group":         {[]byte{7<<3 | 3, 7<<3 | 4}, 0, "wire type 3"},
		"field 0":         {[]byte{0, 0}, 0, "field number 0"},
		"deep":            {msg(7, deep), 0, "messages in each other"},
		"endless name":    {msg(7, msg(5, msg(13, text(1, "location"), text(2, strings.Repeat("x", maxLocation+1))))), 0, "a name of 4097 bytes"},
		"file shrinks":    {externalGraph[:len(externalGraph)-3], int64(len(externalGraph)), "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			size := tt.size
			if size == 0 {
				size = int64(len(tt.file))
			}
			if got, err := externalData(bytes.NewReader(tt.file), size); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, error %v; want one that says %q", got, err, tt.says)
			}
		})
	}
}

func TestUnhashed(t *testing.T) {
	known := func(name string) bool { return name == "data.bin" || name == "sub/data.bin" }
	for name, tt := range map[string]struct {
		graph, location string
		good            bool
	}{
		"listed":            {"g.onnx", "data.bin", true},
		"its folder":        {"sub/g.onnx", "data.bin", true},
		"one folder up":     {"sub/g.onnx", "../data.bin", true},
		"dotted":            {"g.onnx", "./sub/../data.bin", true},
		"not listed":        {"g.onnx", "other.bin", false},
		"in other folder":   {"g.onnx", "sub/other.bin", false},
		"absolute":          {"g.onnx", "/data.bin", false},
		"out of the folder": {"g.onnx", "../data.bin", false},
		"nothing":           {"g.onnx", "", false},
		"in memory":         {"g.onnx", "*/_ORT_MEM_ADDR_/*", false},
	} {
		if got, bad := unhashed(tt.graph, map[string]bool{tt.location: true}, known); bad == tt.good || bad && got != tt.location {
			t.Errorf("%s: %q is unhashed: %v", name, got, bad)
		}
	}
}

func FuzzExternalData(f *testing.F) {
	for _, seed := range [][]byte{nil, externalGraph, []byte("not ONNX"), {7<<3 | 2, 0x80}, msg(20, msg(1, msg(5, external("a"))))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bytes.NewReader(raw)
		got, err := externalData(in, int64(len(raw)))
		if err == nil && in.Len() > 0 {
			t.Errorf("%d bytes not looked at", in.Len())
		}
		for name := range got {
			if !bytes.Contains(raw, []byte(name)) {
				t.Errorf("%q is not in the file", name)
			}
		}
	})
}

// TestLoadRefusesExternalData puts a graph into the bundle whose weights lie
// elsewhere: it is taken only when bundle.json vouches for that file.
func TestLoadRefusesExternalData(t *testing.T) {
	secret := sha256.Sum256([]byte("weights"))
	load := func(vouch bool) error {
		dir := scratch(t, func(m map[string]any) {
			graph(m, "frame")["file"], graph(m, "frame")["sha256"] = "outside.onnx", externalHash
			if vouch {
				m["files"].(map[string]any)["secret.bin"] = hex.EncodeToString(secret[:])
			}
		})
		write(t, filepath.Join(dir, "outside.onnx"), externalGraph)
		write(t, filepath.Join(dir, "secret.bin"), []byte("weights"))
		_, err := Load(dir)
		return err
	}
	if err := load(false); !errors.Is(err, ErrBundle) || !errors.Is(err, ErrExternal) || !strings.Contains(err.Error(), `"secret.bin"`) {
		t.Errorf("error %v, want ErrExternal", err)
	}
	if err := load(true); err != nil {
		t.Errorf("listed with its hash: %v", err)
	}
}
