package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"time"

	"deixis/pipeline/web"
)

// A program is a `deixis live` of its own process, with its page's API.
type program struct {
	cmd  *exec.Cmd
	end  context.CancelFunc
	page string // ends with /
	done sync.WaitGroup

	mu   sync.Mutex
	last string // line of its log that is no JSON: why it ended
}

// startProgram runs this very program and waits for its page. Standard input is
// what room records; nil: it has none.
func startProgram(ctx context.Context, g *globals, args []string, room *studio) (*program, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	p := &program{cmd: exec.CommandContext(ctx, exe, append(args, "--log-json", "--log-level", "info")...), end: end}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 10 * time.Second
	var in io.Writer
	if room != nil {
		in, err = p.cmd.StdinPipe()
	}
	log, failed := p.cmd.StderrPipe()
	if err = errors.Join(err, failed); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("start %s live: %w", exe, err)
	}
	page := make(chan string, 1)
	if room != nil {
		p.done.Go(func() { room.record(ctx, in) })
	}
	p.done.Go(func() { p.follow(log, page, g) })
	select {
	case url, ok := <-page:
		if p.page = url; ok {
			return p, nil
		}
		err = errors.Join(p.Close(), p.why())
	case <-ctx.Done():
		err = errors.Join(ctx.Err(), p.Close())
	}
	return nil, err
}

// follow reads the program's log for its page's address, and hands on its warnings.
func (p *program) follow(log io.Reader, page chan<- string, g *globals) {
	defer close(page)
	told := false
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var l struct{ Level, Msg, URL, Why string }
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			p.mu.Lock()
			p.last = lines.Text()
			p.mu.Unlock()
			continue
		}
		if l.Msg == "page" && !told {
			told = true
			page <- l.URL
		}
		if l.Level == "WARN" || l.Level == "ERROR" {
			g.Log.Warn("deixis live", "says", l.Msg, "why", l.Why)
		}
	}
}

// why is what the program said when it ended; nil where it said nothing.
func (p *program) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == "" {
		return nil
	}
	return &inputError{fmt.Errorf("deixis live: %s", p.last)}
}

// Close ends it. That it was interrupted is no error.
func (p *program) Close() error {
	p.end()
	err := p.cmd.Wait()
	p.done.Wait()
	var code *exec.ExitError
	if errors.As(err, &code) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// call calls the page's API; the caller closes the body.
func (p *program) call(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.page+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, errors.Join(err, p.why())
	}
	if got.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(got.Body, 1<<10))
		got.Body.Close()
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, got.Status, firstOf(string(said)))
	}
	return got, nil
}

// ask looks for phrases, or for nothing.
func (p *program) ask(ctx context.Context, phrases ...string) error {
	body, err := json.Marshal(map[string][]string{"phrases": append([]string{}, phrases...)})
	if err != nil {
		return err
	}
	got, err := p.call(ctx, http.MethodPut, "api/phrases", body)
	if err != nil {
		return err
	}
	return got.Body.Close()
}

// watch has j see every status until the program ends.
func (p *program) watch(ctx context.Context, j *judge) error {
	got, err := p.call(ctx, http.MethodGet, "api/events", nil)
	if err != nil {
		return err
	}
	p.done.Go(func() {
		defer got.Body.Close()
		lines := bufio.NewScanner(got.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
			var s web.Status
			if ok && json.Unmarshal(data, &s) == nil {
				j.see(&s, time.Now())
			}
		}
		j.stop(errors.Join(errors.New("bench: `deixis live` has ended"), lines.Err()))
	})
	return nil
}

var stageTold = regexp.MustCompile(`(?m)^deixis_stage_duration_seconds_(sum|count)\{stage="(\w+)"\} (\S+)$`)

// stages is what each stage took on average, ms.
func (p *program) stages(ctx context.Context) (map[string]float64, error) {
	got, err := p.call(ctx, http.MethodGet, "metrics", nil)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return nil, err
	}
	sums, means := map[string]map[string]float64{"sum": {}, "count": {}}, map[string]float64{}
	for _, m := range stageTold.FindAllStringSubmatch(string(text), -1) {
		if sums[m[1]][m[2]], err = strconv.ParseFloat(m[3], 64); err != nil {
			return nil, fmt.Errorf("read %smetrics: %w", p.page, err)
		}
	}
	for stage, n := range sums["count"] {
		means[stage] = round(1e3*sums["sum"][stage]/max(1, n), 3)
	}
	return means, nil
}

// args are the flags of c as they are given to another process.
func (c *Common) args() []string {
	args := []string{
		"--provider", c.Provider, "--precision", c.Precision, "--gpu", strconv.Itoa(c.GPU), "--threads", strconv.Itoa(c.Threads),
		"--engine-workspace", strconv.Itoa(c.Workspace), "--gpu-memory", strconv.Itoa(c.GPUMemory),
	}
	for flag, value := range map[string]string{"--bundle": c.BundleDir, "--engine-cache": c.CacheDir, "--ort-library": c.OrtLibrary, "--config": c.Config} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	if c.Spin {
		args = append(args, "--spin")
	}
	return args
}

// args are the flags of f as they are given to another process.
func (f earFlags) args() []string {
	args := []string{"--speech-beam", strconv.Itoa(f.SpeechBeam), "--speech-threads", strconv.Itoa(f.SpeechThreads)}
	if f.SpeechDir != "" {
		args = append(args, "--speech", f.SpeechDir)
	}
	return args
}

// args are the flags of c as they are given to another process.
func (c weightFlags) args() []string {
	return []string{"--listen-text-weight", fmt.Sprint(c.Text), "--listen-point-weight", fmt.Sprint(c.Point)}
}
