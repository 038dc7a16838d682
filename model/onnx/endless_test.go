package onnx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"

	"deixis/model"
)

// What follows writes ONNX files by their field numbers in onnx.proto3.

func msg(field protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), bytes.Join(parts, nil))
}

func text(field protowire.Number, s string) []byte { return msg(field, []byte(s)) }

func number(field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), uint64(v))
}

// ONNX's numbers of element types.
const (
	onnxFloat = 1
	onnxUint8 = 2
	onnxInt64 = 7
	onnxBool  = 9
)

// onnxPort is a ValueInfoProto; a side of 0 is free.
func onnxPort(field protowire.Number, name string, kind int64, shape ...int64) []byte {
	var sides []byte
	for _, n := range shape {
		side := number(1, n)
		if n == 0 {
			side = text(2, "N")
		}
		sides = append(sides, msg(1, side)...)
	}
	return msg(field, text(1, name), msg(2, msg(1, number(1, kind), msg(2, sides))))
}

func onnxNode(op string, in, out []string, attributes ...[]byte) []byte {
	var parts [][]byte
	for _, name := range in {
		parts = append(parts, text(1, name))
	}
	for _, name := range out {
		parts = append(parts, text(2, name))
	}
	return msg(1, append(append(parts, text(4, op)), attributes...)...)
}

// onnxInts is an initializer of int64 or, of one byte each, of bool.
func onnxInts(name string, kind int64, shape []int64, values ...int64) []byte {
	var parts [][]byte
	for _, n := range shape {
		parts = append(parts, number(1, n))
	}
	field := protowire.Number(7) // int64_data
	if kind == onnxBool {
		field = 5 // int32_data
	}
	for _, v := range values {
		parts = append(parts, number(field, v))
	}
	return msg(5, append(parts, number(2, kind), text(8, name))...)
}

func onnxModel(graph ...[]byte) []byte {
	return bytes.Join([][]byte{number(1, 8), msg(8, number(2, 17)), msg(7, append(graph, text(2, "test"))...)}, nil)
}

// endlessLoop nodes turn the int64 tensor in, of four numbers, into out, and
// never end.
func endlessLoop(in, out string) []byte {
	body := msg(6, // the graph of an attribute
		onnxNode("Identity", []string{"go"}, []string{"go_on"}), onnxNode("Identity", []string{"x"}, []string{"y"}), text(2, "body"),
		onnxPort(11, "i", onnxInt64), onnxPort(11, "go", onnxBool), onnxPort(11, "x", onnxInt64, 4),
		onnxPort(12, "go_on", onnxBool), onnxPort(12, "y", onnxInt64, 4),
	)
	return bytes.Join([][]byte{
		onnxInts("forever", onnxInt64, nil, math.MaxInt64), onnxInts("true", onnxBool, nil, 1),
		onnxNode("Loop", []string{"forever", "true", in}, []string{out}, msg(5, text(1, "body"), body, number(20, 5))),
	}, nil)
}

// TestRunIsStopped runs a graph that never ends until it is told to.
func TestRunIsStopped(t *testing.T) {
	if _, err := FindLibrary(""); err != nil {
		t.Skip(err)
	}
	release, err := Use("")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	file := filepath.Join(t.TempDir(), "endless.onnx")
	raw := onnxModel(endlessLoop("in", "out"), onnxPort(11, "in", onnxInt64, 4), onnxPort(12, "out", onnxInt64, 4))
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSession(file, SessionOptions{Threads: 1}, func([]ort.InputOutputInfo, []ort.InputOutputInfo) (_, _ []string, err error) {
		return []string{"in"}, []string{"out"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, err := ort.NewTensor(ort.Shape{4}, []int64{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Destroy()
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	for range 2 { // under way, and before it begins
		err := s.Run(ctx, []ort.Value{in}, []ort.Value{nil})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrRun) {
			t.Errorf("error %v, want that of the context and no fault of the network's", err)
		}
	}
}

// frameGraph is b with a frame.onnx whose output is the number "one" everywhere,
// which nodes make of "shape", the four sides of "image".
func frameGraph(t *testing.T, b *model.Bundle, nodes ...[]byte) *model.Bundle {
	t.Helper()
	full, _ := b.Pick("frame", "fp32")
	out := full.Outputs[0].Shape
	side := int64(b.Image.Size)
	raw := onnxModel(append([][]byte{
		onnxPort(11, "image", onnxUint8, 0, side, side, 3), onnxPort(12, "visual", onnxFloat, 0, out[1].Size, out[2].Size),
		onnxNode("Shape", []string{"image"}, []string{"shape"}),
		onnxInts("first", onnxInt64, []int64{1}, 0), onnxNode("Gather", []string{"shape", "first"}, []string{"n"}),
		onnxInts("rest", onnxInt64, []int64{2}, out[1].Size, out[2].Size),
		onnxNode("Concat", []string{"n", "rest"}, []string{"size"}, msg(5, text(1, "axis"), number(3, 0), number(20, 2))), onnxNode("Expand", []string{"one", "size"}, []string{"visual"}),
	}, nodes...)...)
	sum := sha256.Sum256(raw)
	return withGraph(t, b, raw, hex.EncodeToString(sum[:]))
}

var (
	toFloat  = msg(5, text(1, "to"), number(3, onnxFloat), number(20, 2))
	dropDims = msg(5, text(1, "keepdims"), number(3, 0), number(20, 2))
)

// TestOpenIsStopped opens a bundle whose frame graph never ends.
func TestOpenIsStopped(t *testing.T) {
	endless := frameGraph(t, bundle(t),
		endlessLoop("shape", "looped"),
		onnxNode("Cast", []string{"looped"}, []string{"float"}, toFloat), onnxNode("ReduceMax", []string{"float"}, []string{"one"}, dropDims),
	)
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second) // loaded by then, or on the way: either must stop
	defer stop()
	g, err := Open(ctx, endless, Options{Square: nearest, Provider: "cpu"})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrProvider) {
		t.Errorf("opened %v, error %v; want that of the context and no word of providers", g, err)
	}
	if !eventually(func() bool { shared.Lock(); defer shared.Unlock(); return shared.users == 0 }) {
		t.Error("what was given up keeps the library")
	}
}

// TestFailedRunIsNoAnswer runs a frame graph that gives NaN for every picture
// but the black one of warming up; the ground graph cannot run on NaN.
func TestFailedRunIsNoAnswer(t *testing.T) {
	b := frameGraph(t, bundle(t),
		onnxNode("Cast", []string{"image"}, []string{"float"}, toFloat), onnxNode("ReduceMax", []string{"float"}, []string{"brightest"}, dropDims),
		onnxNode("Neg", []string{"brightest"}, []string{"below"}), onnxNode("Sqrt", []string{"below"}, []string{"one"}),
	)
	s, err := OpenFailover(t.Context(), b, Options{Square: nearest, Provider: "cpu", Precision: "fp32"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ps := phrases(t, b, "the red cup")
	for i := range 2 {
		as, err := s.Ground(t.Context(), frame(20, 10, byte(i)), ps)
		if !errors.Is(err, model.ErrNoAnswer) || s.Unanswered() != uint64(i)+1 {
			t.Errorf("answered %v, error %v, %d unanswered", as, err, s.Unanswered())
		}
	}
	black := frame(20, 10, 0)
	clear(black.Pix)
	if _, err := s.Ground(t.Context(), black, ps); err != nil || s.Unanswered() != 2 {
		t.Errorf("the next picture: %v, %d unanswered", err, s.Unanswered())
	}
}

// TestNaNIsNoAnswer spoils one output after the other.
func TestNaNIsNoAnswer(t *testing.T) {
	b := bundle(t)
	g := open(t, b, Options{Attention: true})
	f := frame(20, 10, 1)
	ground(t, g, f, phrases(t, b, "the red cup")...)
	buf, err := g.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer g.release(buf)
	for range inFlight - 1 { // the one that answered
		if buf.boxes.value != nil {
			break
		}
		other, err := g.acquire()
		if err != nil {
			t.Fatal(err)
		}
		defer g.release(other)
		buf, other = other, buf
	}
	var a model.Answer
	if err := g.decode(buf, &a, 0, f); err != nil {
		t.Fatal(err)
	}
	outputs := map[string][]float32{"presence": buf.present.data(), "a score": buf.scores.data(), "a corner": buf.boxes.data(), "the last corner": buf.boxes.data()[4*b.Answers-1:], "attention": buf.attention.data()}
	if slices.Contains(g.outputs, clsBox.name) {
		outputs["the paper's box"] = buf.clsBox.data()[3:]
	}
	for name, data := range outputs {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			good := data[0]
			data[0] = bad
			if err := g.decode(buf, &a, 0, f); !errors.Is(err, ErrRun) {
				t.Errorf("%s of %v: %v, want ErrRun", name, bad, err)
			}
			data[0] = good
		}
	}
}

// eventually waits for a condition; the deadline only bounds a hang.
func eventually(is func() bool) bool {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if is() {
			return true
		}
	}
	return false
}

// withGraph is b with another frame graph of one precision.
func withGraph(t *testing.T, b *model.Bundle, raw []byte, hash string) *model.Bundle {
	t.Helper()
	whole, err := os.ReadFile(b.Path("bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(whole, &said); err != nil {
		t.Fatal(err)
	}
	frames := said["graphs"].(map[string]any)
	frames["frame"] = frames["frame"].([]any)[:1]
	frame := frames["frame"].([]any)[0].(map[string]any)
	frame["precision"], frame["file"], frame["sha256"] = "fp32", "made.onnx", hash
	return reload(t, b, said, func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "made.onnx"), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	})
}
