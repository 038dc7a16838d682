//go:build unix

package mic

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"deixis/pipeline/listen"
)

// A server is a PulseAudio of the test's own, with a sink whose monitor is the
// microphone.
type server struct {
	dir   string
	procs []*exec.Cmd
}

// pulse says where the server will be, for this program and those it starts.
// Without PulseAudio the test skips.
func pulse(t *testing.T) *server {
	t.Helper()
	for _, name := range []string{"pulseaudio", "pactl", "parec", "paplay"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no %s (Debian: pulseaudio, pulseaudio-utils)", name)
		}
	}
	s := &server{dir: t.TempDir()}
	for _, name := range []string{"XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH"} {
		t.Setenv(name, s.dir)
	}
	t.Setenv("PULSE_SERVER", "unix:"+s.dir+"/native")
	t.Cleanup(s.kill)
	return s
}

// start starts the server and waits until it answers.
func (s *server) start(t *testing.T) {
	t.Helper()
	s.run(t, "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disallow-exit=true",
		"--realtime=no", "--high-priority=no", "--log-target=file:"+s.dir+"/log",
		"-L", "module-native-protocol-unix socket="+s.dir+"/native auth-anonymous=1",
		"-L", "module-null-sink sink_name=phrase rate=16000 channels=1 format=s16le sink_properties=device.description=PhraseSink")
	await(t, "the server", 20*time.Second, func() bool { return exec.Command("pactl", "info").Run() == nil })
	if out, err := exec.Command("pactl", "set-default-source", "phrase.monitor").CombinedOutput(); err != nil {
		t.Fatalf("pactl: %v %s", err, out)
	}
	s.run(t, "parec", "--latency-msec=20", "-d", "phrase.monitor") // an idle sink gives sound every two seconds only
}

func (s *server) run(t *testing.T, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.procs = append(s.procs, c)
}

// kill ends the server as a crash would.
func (s *server) kill() {
	for _, p := range s.procs {
		_ = p.Process.Kill() // may have ended with the server
		_ = p.Wait()
	}
	s.procs = nil
	_ = os.Remove(filepath.Join(s.dir, "native"))
}

// freeze stops the server without ending it.
func (s *server) freeze(t *testing.T) {
	t.Helper()
	if err := s.procs[0].Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// Twice what is promised (5 s and 2 s), for a machine that is busy otherwise.
const (
	backWithin   = 10 * time.Second
	closedWithin = 4 * time.Second
)

// await waits until something is so.
func await(t *testing.T, what string, most time.Duration, so func() bool) (took time.Duration) {
	t.Helper()
	began := time.Now()
	for !so() {
		if time.Since(began) > most {
			t.Fatalf("%s: not after %v", what, most)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

func (m *Mic) listens() bool { s := m.Status().State; return s == Good || s == Silent }

// drain reads what comes until the microphone is closed.
func drain(t *testing.T, m *Mic) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pcm := make([]float32, listen.Chunk); ; {
			if _, err := m.Read(context.Background(), pcm); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { m.Close(); <-done })
}

// resources are what an abandoned device would keep.
func resources(t *testing.T) (goroutines, threads, kib int) {
	t.Helper()
	runtime.GC()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(raw)) {
		fmt.Sscanf(line, "Threads: %d", &threads)
		fmt.Sscanf(line, "VmRSS: %d", &kib)
	}
	return runtime.NumGoroutine(), threads, kib
}

func TestServerKilledTenTimes(t *testing.T) {
	if testing.Short() {
		t.Skip("killing a server ten times takes a minute")
	}
	s := pulse(t)
	s.start(t)
	m := Open(Options{})
	drain(t, m)
	await(t, "sound", 30*time.Second, m.listens)
	var goroutines, threads, kib int
	var longest time.Duration
	for i := range 10 {
		s.kill()
		await(t, "the loss", 30*time.Second, func() bool { return !m.listens() })
		s.start(t)
		longest = max(longest, await(t, "sound again", 30*time.Second, m.listens))
		if i == 2 { // what is made once is made
			goroutines, threads, kib = resources(t)
		}
	}
	var g, th, k int
	await(t, "the end of what was left behind", 30*time.Second, func() bool {
		g, th, k = resources(t)
		return g <= goroutines
	})
	if longest > backWithin {
		t.Errorf("back only after %v", longest)
	}
	t.Logf("back after %v at most; %+v; from the third kill to the tenth %d to %d goroutines, %d to %d threads, %d to %d KiB", longest, m.Status(), goroutines, g, threads, th, kib, k)
	if th > threads+3 || k > kib+8<<10 {
		t.Errorf("it grows: %d to %d goroutines, %d to %d threads, %d to %d KiB", goroutines, g, threads, th, kib, k)
	}
	if n := m.Status().Losses; n != 10 {
		t.Errorf("%d losses of 10", n)
	}
}

// A server that stands still answers nothing: neither Close nor opening may wait
// for it.
func TestServerFrozen(t *testing.T) {
	s := pulse(t)
	s.start(t)
	m := Open(Options{Device: "phrase"})
	drain(t, m)
	await(t, "sound", 30*time.Second, m.listens)
	if d := m.Status().Device; !strings.Contains(d, "PhraseSink") {
		t.Errorf("it listens to %q", d)
	}
	s.freeze(t)
	if took := closing(t, m); took > closedWithin {
		t.Errorf("closing took %v", took)
	}
	m = Open(Options{})
	drain(t, m)
	await(t, "the word that it does not open", 30*time.Second, func() bool { return m.Status().State == NoDevice })
	if took := closing(t, m); took > closedWithin {
		t.Errorf("closing what does not open took %v", took)
	}
	s.kill() // what was left behind ends
	await(t, "the end of what hung", 30*time.Second, func() bool { return m.stuck.Load() == 0 })
}

func closing(t *testing.T, m *Mic) time.Duration {
	t.Helper()
	began := time.Now()
	if err := m.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	return time.Since(began)
}

// What is played comes in, complete.
func TestSoundComesIn(t *testing.T) {
	s := pulse(t)
	s.start(t)
	m := Open(Options{})
	defer m.Close()
	pcm := make([]float32, listen.Chunk)
	if _, err := m.Read(t.Context(), pcm); err != nil {
		t.Fatal(err)
	}
	loud := make([]byte, 2*listen.Rate) // a second
	for i := range listen.Rate {
		loud[2*i+1] = byte(0x20 * (i / 8 % 2)) // 8192 and 0, 1 kHz
	}
	file := filepath.Join(t.TempDir(), "loud.raw")
	if err := os.WriteFile(file, loud, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, "paplay", "--raw", "--rate=16000", "--channels=1", "--format=s16le", "--latency-msec=50", "-d", "phrase", file)
	heard := 0
	for deadline := time.Now().Add(30 * time.Second); heard < listen.Rate*9/20 && time.Now().Before(deadline); {
		n, err := m.Read(t.Context(), pcm)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range pcm[:n] {
			if x > 0.2 {
				heard++
			}
		}
	}
	if heard < listen.Rate*9/20 {
		t.Errorf("%d loud samples of %d", heard, listen.Rate/2)
	}
	if d := m.Status().Dropped; d > 0 {
		t.Errorf("%d pieces dropped", d)
	}
}

func TestDevices(t *testing.T) {
	s := pulse(t)
	if ds, err := Devices(); err == nil && len(ds) > 0 {
		t.Skipf("this machine has %v without a sound server", ds)
	}
	s.start(t)
	ds, err := Devices()
	if err != nil || len(ds) != 1 || !strings.Contains(ds[0].Name, "PhraseSink") || !ds[0].Default {
		t.Errorf("devices %+v, %v", ds, err)
	}
}
