package bench

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
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline/web"
)

// A program is a `deixis live` of its own process, with its page's API.
type program struct {
	cmd  *exec.Cmd
	stop context.CancelFunc
	page string // ends with /
	done sync.WaitGroup
	gone chan struct{} // closed when it has ended
	err  error         // why it ended; to be read after gone
}

// startProgram runs this very program and waits for its page. Standard input is
// what room records; nil: it has none. Errors are programError.
func startProgram(ctx context.Context, g *app.Globals, args []string, room *studio) (*program, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	p := &program{cmd: exec.CommandContext(ctx, exe, append(args, "--log-json", "--log-level", "info")...), stop: stop, gone: make(chan struct{})}
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { // flags are given, nothing else counts
		return strings.HasPrefix(v, "DEIXIS_") && !strings.HasPrefix(v, "DEIXIS_AS_PROGRAM=")
	})
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
		stop()
		return nil, fmt.Errorf("start %s live: %w", exe, err)
	}
	if room != nil {
		p.done.Go(func() { room.record(ctx, in) })
	}
	page := make(chan string, 1)
	p.done.Go(func() {
		defer close(p.gone)
		said := follow(log, page, g)
		p.err = p.ended(ctx, said)
	})
	select {
	case p.page = <-page:
		return p, nil
	case <-p.gone:
		return nil, errors.Join(p.Close(), ctx.Err())
	}
}

// follow reads the program's log to its end: its page's address, warnings, which
// it hands on, and at last the line that says why it ended.
func follow(log io.Reader, page chan<- string, g *app.Globals) (said string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if why, ok := strings.CutPrefix(lines.Text(), "deixis: "); ok {
			said = why
		}
		var l struct{ Level, Msg, URL, Why, Err string }
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue
		}
		if l.Msg == "page" && len(page) == 0 {
			page <- l.URL
		}
		if l.Level == "WARN" || l.Level == "ERROR" {
			g.Log.Warn("deixis live", "says", l.Msg, "why", l.Why+l.Err)
		}
	}
	io.Copy(io.Discard, log)
	return said
}

// ended waits for the process and says why it ended, unless ctx ended it.
func (p *program) ended(ctx context.Context, said string) error {
	err := p.cmd.Wait()
	if ctx.Err() != nil {
		return nil
	}
	if said == "" {
		said = "it does not say why"
		if err != nil {
			said = err.Error()
		}
	}
	return &app.ProgramError{Code: p.cmd.ProcessState.ExitCode(), Said: said}
}

// Close ends it, and says why where it had ended by itself.
func (p *program) Close() error {
	p.stop()
	p.done.Wait()
	return p.err
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
		return nil, err
	}
	if got.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(got.Body, 1<<10))
		got.Body.Close()
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, got.Status, firstOf(string(said)))
	}
	return got, nil
}

// promptly is how soon the program must answer.
const promptly = 10 * time.Second

// get is what the API answers at once.
func (p *program) get(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, promptly)
	defer stop()
	got, err := p.call(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	return io.ReadAll(got.Body)
}

// ask looks for phrases, or for nothing.
func (p *program) ask(ctx context.Context, phrases ...string) error {
	body, err := json.Marshal(map[string][]string{"phrases": append([]string{}, phrases...)})
	if err == nil {
		_, err = p.get(ctx, http.MethodPut, "api/phrases", body)
	}
	return err
}

// watch has j see every status, and somebody the picture with its boxes, until
// the program ends.
func (p *program) watch(ctx context.Context, j *judge) error {
	statuses, err := p.call(ctx, http.MethodGet, "api/events", nil)
	if err != nil {
		return err
	}
	pictures, err := p.call(ctx, http.MethodGet, "api/stream.mjpeg", nil)
	if err != nil {
		statuses.Body.Close()
		return err
	}
	p.done.Go(func() {
		defer pictures.Body.Close()
		io.Copy(io.Discard, pictures.Body)
	})
	p.done.Go(func() {
		defer statuses.Body.Close()
		lines := bufio.NewScanner(statuses.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
			var s web.Status
			if ok && json.Unmarshal(data, &s) == nil {
				j.see(&s, time.Now())
			}
		}
		j.stop()
	})
	return nil
}

var stageTold = regexp.MustCompile(`(?m)^deixis_stage_duration_seconds_(sum|count)\{stage="(\w+)"\} (\S+)$`)

// stages is what each stage took on average, ms.
func (p *program) stages(ctx context.Context) (map[string]float64, error) {
	text, err := p.get(ctx, http.MethodGet, "metrics", nil)
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
		means[stage] = model.Round(1e3*sums["sum"][stage]/max(1, n), 3)
	}
	return means, nil
}
