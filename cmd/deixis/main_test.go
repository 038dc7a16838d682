package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/camera/child"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/model/onnx"
	"deixis/pipeline/record"
)

// TestMain is the program itself where a test starts it as a process.
func TestMain(m *testing.M) {
	child.Serve(roles())
	if os.Getenv("DEIXIS_AS_PROGRAM") != "" {
		main()
	}
	// A test has no program beside which ONNX Runtime could be found.
	file, err := filepath.Abs(filepath.Join("..", "..", "bin", "lib", "libonnxruntime.so"))
	if _, e := os.Stat(file); os.Getenv("DEIXIS_ORT_LIBRARY") == "" && errors.Join(err, e) == nil {
		os.Setenv("DEIXIS_ORT_LIBRARY", file)
	}
	goleak.VerifyTestMain(m)
}

// deixis runs the program on a command line.
func deixis(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// must is the standard output of a command line that succeeds.
func must(t testing.TB, args ...string) string {
	t.Helper()
	code, out, errs := deixis(t, args...)
	if code != app.ExitOK {
		t.Fatalf("deixis %q ended with %d: %s", args, code, errs)
	}
	return out
}

// network skips the test where there is no bundle or no ONNX Runtime.
func network(t testing.TB) *model.Bundle {
	t.Helper()
	dir, err := (&app.Globals{Common: app.Common{BundleDir: os.Getenv("DEIXIS_BUNDLE")}}).FindBundle()
	if err != nil {
		t.Skip(err)
	}
	b, err := model.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := onnx.FindLibrary(""); err != nil {
		t.Skip(err)
	}
	return b
}

// picture is a file with a frame of the test pattern.
func picture(t testing.TB) string {
	t.Helper()
	ref, err := camera.Parse("pattern://200x100?frames=1")
	if err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	if err := camera.NewPattern(ref).Next(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "picture.png")
	if err := opencv.WriteImage(file, &f); err != nil {
		t.Fatal(err)
	}
	return file
}

// written is a file of that content.
func written(t testing.TB, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// keys are the names in a JSON object, in order of the alphabet.
func keys(t testing.TB, object string) []string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	var names []string
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func wantKeys(t testing.TB, object string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := keys(t, object); !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

func TestUsageErrors(t *testing.T) {
	pic, folder := picture(t), t.TempDir()
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown flag":      {[]string{"point", "--colour"}, app.ExitUsage, "--colour"},
		"unknown command":   {[]string{"dance"}, app.ExitUsage, "dance"},
		"no phrase":         {[]string{"point", pic}, app.ExitUsage, "<phrase>"},
		"unknown provider":  {[]string{"bundle", "info", "--provider", "abacus"}, app.ExitUsage, "abacus"},
		"unknown log level": {[]string{"bundle", "info", "--log-level", "loud"}, app.ExitUsage, "--log-level"},
		"limit below 0":     {[]string{"eval", "x.jsonl", "--limit", "-1"}, app.ExitUsage, "--limit"},
		"too many pixels":   {[]string{"annotate", pic, "-p", "a", "--out", "x", "--max-pixels", "9000000000000000000"}, app.ExitUsage, "--max-pixels"},
		"no pixels":         {[]string{"annotate", pic, "-p", "a", "--out", "x", "--max-pixels=-1"}, app.ExitUsage, "--max-pixels"},
		"too little memory": {[]string{"annotate", pic, "-p", "a", "--out", "x", "--reader-memory", "1"}, app.ExitUsage, "--reader-memory"},
		"too little time":   {[]string{"annotate", pic, "-p", "a", "--out", "x", "--reader-timeout", "1ms"}, app.ExitUsage, "--reader-timeout"},
		"no seconds":        {[]string{"bench", "--seconds", "0"}, app.ExitUsage, "--seconds"},
		"no config":         {[]string{"bundle", "info", "--config", "gone.yaml"}, app.ExitUsage, "gone.yaml"},
		"missing picture":   {[]string{"point", "gone.jpg", "cup"}, app.ExitInput, "gone.jpg"},
		"a text as picture": {[]string{"point", written(t, "a.jpg", "text"), "cup"}, app.ExitInput, "a.jpg"},
		"empty picture":     {[]string{"point", written(t, "e.png", ""), "cup"}, app.ExitInput, "e.png"},
		"folder as picture": {[]string{"point", folder, "cup"}, app.ExitInput, folder},
		"missing refs":      {[]string{"eval", "gone.jsonl"}, app.ExitInput, "gone.jsonl"},
		"broken refs":       {[]string{"eval", written(t, "r.jsonl", "{\"image\":\"a\",\"phrase\":\"b\",\"box\":null}\n{")}, app.ExitInput, "line 2"},
		"empty refs":        {[]string{"eval", written(t, "r.jsonl", "\n\n")}, app.ExitInput, "none"},
		"no such pattern":   {[]string{"bench", "pattern://0x0"}, app.ExitUsage, "0x0"},
		"missing source":    {[]string{"bench", "gone.mp4"}, app.ExitInput, "gone.mp4"},
		"missing bundle":    {[]string{"point", pic, "cup", "--bundle", folder}, app.ExitModel, folder},
		"missing to verify": {[]string{"bundle", "verify", folder}, app.ExitModel, "bundle.json"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := deixis(t, tt.args...)
			if code != tt.code || out != "" {
				t.Errorf("code %d and %q, want %d and nothing", code, out, tt.code)
			}
			if !strings.HasPrefix(errs, "deixis: ") || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, tt.says) {
				t.Errorf("stderr %q is not one line that says %q", errs, tt.says)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"none":               {nil, app.ExitOK},
		"any":                {io.ErrShortWrite, app.ExitFailed},
		"missing input":      {fmt.Errorf("open: %w", fs.ErrNotExist), app.ExitInput},
		"forbidden input":    {fmt.Errorf("open: %w", fs.ErrPermission), app.ExitInput},
		"missing folder":     {app.Output(fs.ErrNotExist), app.ExitFailed},
		"forbidden folder":   {fmt.Errorf("write: %w", app.Output(fs.ErrPermission)), app.ExitFailed},
		"recording nowhere":  {fmt.Errorf("%w: %w", fs.ErrNotExist, record.ErrRecord), app.ExitFailed},
		"bundle not there":   {fmt.Errorf("%w: %w", fs.ErrNotExist, model.ErrBundle), app.ExitModel},
		"usage before files": {app.Usage(fs.ErrNotExist), app.ExitUsage},
	} {
		if got := app.ExitCode(tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestNetworkErrors(t *testing.T) {
	b, pic := network(t), picture(t)
	point := []string{"point", pic, "--bundle", b.Dir}
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"empty phrase":     {append(point, " "), app.ExitUsage, "empty phrase"},
		"invisible phrase": {append(point, "cup", "\u200b"), app.ExitUsage, "empty phrase"},
		"endless phrase":   {append(point, strings.Repeat("cup ", 10_000)), app.ExitUsage, "10000"},
		"no such library":  {append(point, "cup", "--ort-library", "gone.so"), app.ExitModel, "gone.so"},
		"no such graphs":   {append(point, "cup", "--provider", "cpu", "--precision", "fp16"), app.ExitModel, "fp16"},
		"picture of refs":  {[]string{"eval", written(t, "r.jsonl", `{"image":"gone.jpg","phrase":"cup","box":null}`), "--bundle", b.Dir}, app.ExitInput, "line 1"},
		"phrase of refs":   {[]string{"eval", written(t, "r.jsonl", `{"image":"gone.jpg","phrase":"`+strings.Repeat("cup ", 99)+`","box":null}`), "--bundle", b.Dir}, app.ExitInput, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no such graphs" {
				if _, ok := b.Pick("frame", "fp16"); ok {
					t.Skip("this bundle has them")
				}
			}
			code, out, errs := deixis(t, tt.args...)
			if code != tt.code || out != "" || !strings.Contains(errs, tt.says) || strings.Count(errs, "\n") != 1 || len(errs) > 600 {
				t.Errorf("code %d, stdout %q, stderr %q; want %d and one line that says %q", code, out, errs, tt.code, tt.says)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	folder := func(n string) string { return filepath.Join(string(filepath.Separator), "nowhere", n) }
	file := written(t, "c.yaml", "bundle: "+folder("file")+"\nbundle-info:\n")
	if code, _, errs := deixis(t, "bundle", "info", "--config", file); code != app.ExitUsage || !strings.Contains(errs, "bundle-info") {
		t.Errorf("a strange key: code %d, %s", code, errs)
	}
	nested := written(t, "c.yaml", "provider: cpu\nbundle:\n  info: {json: true}\neval:\n  limitt: 3\n")
	if code, _, errs := deixis(t, "bundle", "info", "--config", nested); code != app.ExitUsage || !strings.Contains(errs, "eval.limitt") {
		t.Errorf("a strange key of a subcommand: code %d, %s", code, errs)
	}
	if code, _, errs := deixis(t, "bundle", "info", "--config", written(t, "c.yaml", "- a\n- b\n")); code != app.ExitUsage || strings.Count(errs, "\n") != 1 {
		t.Errorf("a list: code %d, %s", code, errs)
	}
	must(t, "--help", "--config", written(t, "c.yaml", ""))

	t.Setenv("DEIXIS_BUNDLE", "")
	os.Unsetenv("DEIXIS_BUNDLE")
	file = written(t, "c.yaml", "bundle: "+folder("file")+"\n")
	from := func(args ...string) string {
		_, _, errs := deixis(t, append([]string{"bundle", "info"}, args...)...)
		return errs
	}
	if errs := from("--config", file); !strings.Contains(errs, folder("file")) {
		t.Errorf("the file is not read: %s", errs)
	}
	t.Setenv("DEIXIS_CONFIG", file)
	if errs := from(); !strings.Contains(errs, folder("file")) {
		t.Errorf("DEIXIS_CONFIG is not read: %s", errs)
	}
	t.Setenv("DEIXIS_BUNDLE", folder("env"))
	if errs := from(); !strings.Contains(errs, folder("env")) {
		t.Errorf("the variable does not win over the file: %s", errs)
	}
	if errs := from("--bundle", folder("flag")); !strings.Contains(errs, folder("flag")) {
		t.Errorf("the flag does not win: %s", errs)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"point", "--help"}, {"--version"}} {
		if out := must(t, args...); !strings.Contains(out, "deixis") {
			t.Errorf("deixis %q prints %q", args, out)
		}
	}
}

// until writes to buf, and calls stop once what it holds contains word.
type until struct {
	buf  bytes.Buffer
	word string
	stop func()
}

func (u *until) Write(p []byte) (int, error) {
	u.buf.Write(p)
	if strings.Contains(u.buf.String(), u.word) {
		u.stop()
	}
	return len(p), nil
}

// TestErrorsHideSecrets: whichever way an address came into an error or a log, what
// may be a password in it is not printed.
func TestErrorsHideSecrets(t *testing.T) {
	b := network(t)
	const secret = "hunter2hunter2"
	for source, waits := range map[string]bool{ // waits: live waits for a source that is not there yet
		"rtsp://user:" + secret + "@127.0.0.1:1/a":      true,
		"http://127.0.0.1:1/cam?token=" + secret:        true,
		"rtsp://127.0.0.1:1/user=me&password=" + secret: true,
		"user:" + secret + "@127.0.0.1/a":               false,
		"rtsp:/user:" + secret + "@127.0.0.1/a":         false,
		"rtps://user:" + secret + "@127.0.0.1/a":        false,
		"http://user:" + secret + "@":                   false,
	} {
		for _, args := range [][]string{{"point", source, "x"}, {"annotate", source, "-p", "x", "--out", t.TempDir()}} {
			code, out, errs := deixis(t, append(args, "--bundle", b.Dir)...)
			if code == app.ExitOK || strings.Contains(out+errs, secret) {
				t.Errorf("%q: code %d, %s", args, code, errs)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		said := &until{word: "waiting for it", stop: stop}
		var out bytes.Buffer
		code := run(ctx, []string{"live", source, "-p", "x", "--headless", "--bundle", b.Dir}, strings.NewReader(""), &out, said)
		stop()
		if said := said.buf.String(); (code == app.ExitOK) != waits || strings.Contains(said, "waiting for it") != waits || strings.Contains(out.String()+said, secret) {
			t.Errorf("live %q: code %d, %s", source, code, said)
		}
	}
}
