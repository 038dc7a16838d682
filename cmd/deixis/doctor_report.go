package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/model/onnx"
	"deixis/pipeline/listen/mic"
)

// A bugReport is what a report of a fault needs: nothing that was seen or said, no token
// and no password, and no name of a person, a host or a home folder.
type bugReport struct {
	Made        string            `json:"made"` // day
	Program     string            `json:"program"`
	Go          string            `json:"go"`
	Modules     map[string]string `json:"modules"` // versions, by path
	System      string            `json:"system"`
	Kernel      string            `json:"kernel"`
	CPU         string            `json:"cpu"`
	Cores       int               `json:"cores"`
	Units       []string          `json:"units"`      // of the processor, that networks are quick on
	MemoryMiB   int               `json:"memory_mib"` // 0 unknown
	ONNXRuntime string            `json:"onnxruntime"`
	Providers   map[string]string `json:"providers"` // why not; "" can be used
	Bundle      reportedBundle    `json:"bundle"`
	Cameras     []reportedCamera  `json:"cameras"`
	Microphones []string          `json:"microphones"`
	Set         []string          `json:"set"` // names of the DEIXIS_* variables, without their values
	Checks      []check           `json:"checks"`
}

type reportedBundle struct {
	Name    string            `json:"name"`
	Created string            `json:"created"`
	SHA256  string            `json:"sha256"` // of bundle.json, which has the hashes of the rest
	Files   map[string]string `json:"files"`
	Err     string            `json:"err"` // why there is none
}

type reportedCamera struct {
	Name  string        `json:"name"`
	Why   string        `json:"why"` // it cannot be used
	Modes []opencv.Mode `json:"modes"`
}

// newBugReport gathers it.
func newBugReport(g *app.Globals, checks []check) bugReport {
	r := bugReport{
		Made: time.Now().UTC().Format(time.DateOnly), Program: version, Go: runtime.Version(), Modules: map[string]string{},
		System: runtime.GOOS + "/" + runtime.GOARCH + " " + keyOf("/etc/os-release", "PRETTY_NAME"), Kernel: firstLine("/proc/sys/kernel/osrelease"),
		CPU: keyOf("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Units: units(keyOf("/proc/cpuinfo", "flags")),
		Providers: map[string]string{}, Cameras: []reportedCamera{}, Microphones: []string{}, Set: []string{}, Checks: checks,
	}
	fmt.Sscanf(keyOf("/proc/meminfo", "MemTotal"), "%d", &r.MemoryMiB)
	r.MemoryMiB /= 1024
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, m := range b.Deps {
			r.Modules[m.Path] = m.Version
		}
	}
	if lib, err := onnx.Inspect(g.ONNXOptions()); err == nil {
		r.ONNXRuntime = lib.Version
		for _, p := range lib.Providers {
			r.Providers[p.Name] = p.Why
		}
	}
	r.Bundle = reportBundle(g)
	cameras, _ := opencv.Devices() // checks say why there are none
	for _, c := range cameras {
		r.Cameras = append(r.Cameras, reportedCamera{c.Name, c.Why, c.Modes})
	}
	microphones, _ := mic.Devices()
	for _, m := range microphones {
		r.Microphones = append(r.Microphones, m.Name)
	}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "DEIXIS_") {
			r.Set = append(r.Set, name)
		}
	}
	slices.Sort(r.Set)
	return r
}

func reportBundle(g *app.Globals) reportedBundle {
	r := reportedBundle{Files: map[string]string{}}
	dir, err := g.FindBundle()
	var b *model.Bundle
	if err == nil {
		b, err = model.Read(dir)
	}
	if err != nil {
		r.Err = oneLine(err)
		return r
	}
	raw, err := camera.ReadRegular(b.Path("bundle.json"), model.MaxJSON)
	if err != nil {
		r.Err = oneLine(err)
	}
	sum := sha256.Sum256(raw)
	r.Name, r.Created, r.SHA256 = b.Name, b.Created, hex.EncodeToString(sum[:])
	for _, f := range b.Contents() {
		r.Files[f.Name] = f.SHA256
	}
	return r
}

// units are those of a processor's flags that networks are quick on.
func units(flags string) []string {
	quick := []string{}
	for _, f := range strings.Fields(flags) {
		if regexp.MustCompile(`^(avx|fma|amx|sse4|asimd|sve|i8mm|bf16)`).MatchString(f) {
			quick = append(quick, f)
		}
	}
	return quick
}

// keyOf is the first value of a key in a file of Linux' of keys and values; "" elsewhere.
func keyOf(file, key string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for l := range strings.Lines(string(raw)) {
		if k, v, ok := strings.Cut(strings.Replace(l, "=", ":", 1), ":"); ok && strings.TrimSpace(k) == key {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}

// firstLine is a file of one line; "" where there is none.
func firstLine(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// homes are the folders of people.
var homes = regexp.MustCompile(`(?:/home|/Users|[A-Z]:\\\\Users)[/\\]+[^/\\"\s:;,]+|/root\b`)

// withoutPeople hides whatever names a person or is a secret in a text of the report.
func withoutPeople(text string) string {
	hide := map[string]string{}
	if host, err := os.Hostname(); err == nil {
		hide[host] = "HOST"
	}
	if me, err := user.Current(); err == nil {
		hide[me.HomeDir], hide[me.Username] = "~", "USER"
	}
	if home, err := os.UserHomeDir(); err == nil {
		hide[home] = "~"
	}
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "DEIXIS_") && regexp.MustCompile(`TOKEN|PASSWORD|USER`).MatchString(name) {
			hide[value] = "xxxxx"
		}
	}
	text = homes.ReplaceAllString(camera.RedactAll(text), "~")
	var all []string
	for secret := range hide {
		if len(secret) > 2 && secret != "root" {
			all = append(all, regexp.QuoteMeta(secret))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // a home before the name in it
	if len(all) == 0 {
		return text
	}
	return regexp.MustCompile(`(?:`+strings.Join(all, "|")+`)`).ReplaceAllStringFunc(text, func(s string) string { return hide[s] })
}

// eachText is v with do done to every text in it, keys left.
func eachText(v any, do func(string) string) any {
	switch v := v.(type) {
	case string:
		return do(v)
	case []any:
		for i := range v {
			v[i] = eachText(v[i], do)
		}
	case map[string]any:
		for k := range v {
			v[k] = eachText(v[k], do)
		}
	}
	return v
}

// write saves the report as JSON that a person can read before it is sent.
func (r bugReport) write(file string) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if raw, err = json.MarshalIndent(eachText(v, withoutPeople), "", "  "); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return app.Usage(fmt.Errorf("--bundle-report %s: it is there already, and is kept (name another)", file))
	}
	if err != nil {
		return app.Output(fmt.Errorf("--bundle-report: %w", err))
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return app.Output(fmt.Errorf("--bundle-report %s: %w", file, err))
	}
	return nil
}
