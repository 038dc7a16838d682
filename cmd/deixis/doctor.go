package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"deixis/camera/opencv/about"
	"deixis/cmd/deixis/internal/app"
	"deixis/model/onnx"
	"deixis/pipeline"
)

// doctorCmd is `deixis doctor`.
type doctorCmd struct {
	Phrase []string `short:"p" sep:"none" placeholder:"PHRASE" help:"Also say what of a phrase the weights cannot serve; may be given several times."`
	JSON   bool     `help:"Print JSON."`
	Report string   `name:"bundle-report" placeholder:"FILE" help:"Also write what a report of a fault needs: versions, provider, processor, hashes, devices. It has no pictures, no tokens and no names; read it before you send it."`
}

// A check is one thing that doctor looked at.
type check struct {
	Name  string `json:"name"`
	State string `json:"state"` // "ok", "warn" or "fail"
	Says  string `json:"says"`  // what was found
	Do    string `json:"do"`    // what to do; "" when all is well

	err error // of a failed one
}

func ok(name, says string) check       { return check{Name: name, State: "ok", Says: says} }
func warn(name, says, do string) check { return check{Name: name, State: "warn", Says: says, Do: do} }
func fail(name, do string, err error) check {
	return check{Name: name, State: "fail", Says: oneLine(err), Do: do, err: err}
}

// Run looks at everything the program needs, whether or not something before
// is broken, and fails with the first thing that must be mended.
func (c *doctorCmd) Run(ctx context.Context, g *app.Globals) error {
	checks := []check{checkProgram(), checkOpenCV()}
	checks = append(checks, checkRuntime(g)...)
	checks = append(checks, checkBundle(ctx, g)...)
	checks = append(checks, checkOthers(ctx, g)...)
	checks = append(checks, c.checkPhrases(g)...)
	checks = append(checks, checkCameras(), checkDisplay(), checkRecording(ctx), checkMicrophones(), checkSpeech(ctx, g))
	var broken []error
	var names []string
	for _, k := range checks {
		if k.err != nil {
			broken, names = append(broken, k.err), append(names, k.Name)
		}
	}
	var err error
	if c.JSON {
		err = app.WriteJSON(g.Stdout, map[string]any{"ok": len(broken) == 0, "checks": checks})
	} else {
		err = printChecks(g.Stdout, checks)
	}
	if err == nil && c.Report != "" {
		err = newBugReport(g, checks).write(c.Report)
	}
	if err == nil && len(broken) > 0 {
		err = &degraded{names, broken}
	}
	return err
}

// degraded is doctor's error: short, because the checks have said the rest.
type degraded struct {
	names []string
	errs  []error
}

func (u *degraded) Error() string   { return "doctor: to be mended: " + strings.Join(u.names, ", ") }
func (u *degraded) Unwrap() []error { return u.errs }

func printChecks(w io.Writer, checks []check) error {
	for _, k := range checks {
		line := fmt.Sprintf("%-4s  %-12s %s", k.State, k.Name, k.Says)
		if k.Do != "" {
			line += "\n" + strings.Repeat(" ", 19) + "-> " + k.Do
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func checkProgram() check {
	return ok("program", fmt.Sprintf("deixis %s, %s, %s/%s, %d cores", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU()))
}

func checkOpenCV() check {
	build := about.Build("FFMPEG", "GStreamer", "v4l/v4l2", "GTK+", "QT", "JPEG", "PNG")
	says := about.Version() + "; " + strings.Join(build, "; ")
	for _, line := range build {
		if strings.HasPrefix(line, "FFMPEG: NO") {
			return warn("opencv", says, "install an OpenCV with FFmpeg: files and streams need it")
		}
	}
	return ok("opencv", says)
}

// checkRuntime looks at ONNX Runtime and its providers, without a bundle.
func checkRuntime(g *app.Globals) []check {
	lib, err := onnx.Inspect(g.ONNXOptions())
	if err != nil {
		return []check{fail("onnxruntime", "run `make setup`, or name the library with --ort-library FILE", err)}
	}
	checks := []check{ok("onnxruntime", lib.Version+", "+lib.Path)}
	for _, p := range lib.Providers {
		if p.Why == "" {
			checks = append(checks, ok(p.Name, "can be used"))
			continue
		}
		k := ok(p.Name, "not used: "+p.Why) // a machine without a GPU is not ill
		if g.Provider == p.Name {
			k = warn(p.Name, "cannot be used: "+p.Why, "ask for --provider auto, or install onnxruntime-gpu with its CUDA libraries and name it with --ort-library")
		}
		checks = append(checks, k)
	}
	return checks
}

// checkBundle verifies the bundle and lets it answer once.
func checkBundle(ctx context.Context, g *app.Globals) []check {
	b, err := g.OpenBundle()
	if err != nil {
		return []check{fail("bundle", "name a good one with --bundle DIR, or copy it again", err)}
	}
	checks := []check{ok("bundle", fmt.Sprintf("%s of %s in %s, %d files as hashed; measured %s", b.Name, b.Created, b.Dir, len(b.Contents()), measured(b.Measured)))}
	by, err := g.OpenNetwork(ctx, app.Wants{Check: true})
	if err != nil {
		return append(checks, fail("network", "see the lines above", err))
	}
	chosen := by.Provider()
	took, err := answerOnce(ctx, by)
	if err = errors.Join(err, by.Close()); err != nil {
		return append(checks, fail("network", "export the bundle again, or try --provider cpu", err))
	}
	golden, err := app.ReadGolden(b)
	if err != nil {
		return append(checks, warn("golden", oneLine(err), "write them again with `ca2m golden`"))
	}
	compared := "no golden answers of this bundle to compare with"
	if golden != nil {
		compared = fmt.Sprintf("answers %d golden phrases as the trainer does", len(golden.Phrases))
	}
	says := fmt.Sprintf("runs on %s in %s, %s, one picture and phrase in %.1f ms", chosen.Name, chosen.Precision, compared, app.MS(took))
	for _, why := range chosen.Reasons {
		says += "; not " + why
	}
	return append(checks, ok("network", says))
}

// checkOthers lets the other bundles that came with the program answer once, so
// that their times can be compared.
func checkOthers(ctx context.Context, g *app.Globals) []check {
	own, err := g.FindBundle()
	if err != nil {
		return nil // checkBundle has said so
	}
	inUse, err := os.Stat(own)
	if err != nil {
		return nil // so, too
	}
	var checks []check
	for _, dir := range app.Bundles() {
		if d, err := os.Stat(dir); err != nil || os.SameFile(d, inUse) {
			continue
		}
		name, other := "bundle "+filepath.Base(dir), *g
		other.BundleDir = dir
		by, err := other.OpenNetwork(ctx, app.Wants{})
		if err != nil {
			checks = append(checks, warn(name, oneLine(err), "copy it again, or remove "+dir))
			continue
		}
		took, err := answerOnce(ctx, by)
		side := by.Bundle.Image.Size
		if err = errors.Join(err, by.Close()); err != nil {
			checks = append(checks, warn(name, oneLine(err), "copy it again, or remove "+dir))
			continue
		}
		checks = append(checks, ok(name, fmt.Sprintf("another, for --bundle %s: %d x %d pixels, one picture and phrase in %.1f ms", filepath.Base(dir), side, side, app.MS(took))))
	}
	return checks
}

// checkPhrases reads the phrases as the network does.
func (c *doctorCmd) checkPhrases(g *app.Globals) []check {
	if len(c.Phrase) == 0 {
		return nil
	}
	b, err := g.OpenBundle()
	if err != nil {
		return nil // checkBundle has said so
	}
	var checks []check
	for _, text := range pipeline.SplitAll(c.Phrase) {
		name := fmt.Sprintf("phrase %.40q", text)
		p, err := b.Phrase(text)
		switch {
		case err != nil:
			checks = append(checks, fail(name, "write it in other words", app.Usage(err)))
		case len(p.Unserved()) > 0:
			checks = append(checks, warn(name, strings.Join(p.Unserved(), "; "), "say it in other words: what it looks like, and where it is"))
		default:
			checks = append(checks, ok(name, "is of a kind that the weights know"))
		}
	}
	return checks
}

// answerOnce grounds a phrase on a test picture, and again for the time it takes.
func answerOnce(ctx context.Context, g *app.Network) (time.Duration, error) {
	f, ps, err := app.TestPicture(ctx, g.Bundle)
	if err != nil {
		return 0, err
	}
	if _, err := g.Ground(ctx, f, ps); err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = g.Ground(ctx, f, ps)
	return time.Since(began), err
}
