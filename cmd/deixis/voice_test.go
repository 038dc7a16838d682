package main

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench"
	"deixis/model"
	"deixis/model/onnx/speech"
	"deixis/pipeline/line"
	"deixis/pipeline/listen"
)

func TestListenFlags(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, defaults)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"live", "0"}); err != nil {
		t.Fatal(err)
	}
	l := c.Live.Listen
	if l.on() || l.Weights() != listen.DefaultWeights || l.SpeechBeam != speech.DefaultBeam || !l.Joint {
		t.Errorf("the flags' defaults are %+v, the line's %+v", l, listen.DefaultWeights)
	}
	if _, err := parser.Parse([]string{"live", "0", "--listen-file", "a.wav"}); err != nil || !c.Live.Listen.on() || c.Live.Listen.mode() != listen.Always {
		t.Errorf("a file alone is listened to as %+v: %v", c.Live.Listen, err)
	}
	if _, err := parser.Parse([]string{"live", "0", "--listen", "wake", "--listen-wake", "Hey, robot!", "--no-listen-joint"}); err != nil || c.Live.Listen.Joint {
		t.Fatal(err)
	}
	lex, err := c.Live.Listen.lexicon("en")
	if err != nil || !slices.Equal(lex.Wake, []string{"hey robot"}) || len(listen.English.Wake) < 3 {
		t.Errorf("wake phrases %q, of English %q, %v", lex.Wake, listen.English.Wake, err)
	}
	if _, err := c.Live.Listen.lexicon("ja"); err == nil {
		t.Error("a language without a lexicon is taken")
	}
}

func TestListenUsage(t *testing.T) {
	noDesktop(t)
	b := network(t)
	empty := t.TempDir()
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such mode":      {[]string{"--listen", "loudly"}, app.ExitUsage, "--listen"},
		"wake words unused": {[]string{"--listen", "always", "--listen-wake", "robot"}, app.ExitUsage, "--listen wake"},
		"wake without any":  {[]string{"--listen", "wake", "--listen-wake", "!", "--speech", speechDir(t)}, app.ExitUsage, "no words"},
		"weight below 0":    {[]string{"--listen", "always", "--listen-text-weight", "-1"}, app.ExitUsage, "weight"},
		"no models":         {[]string{"--listen", "always", "--speech", empty}, app.ExitModel, "make speech"},
		"no file":           {[]string{"--listen-file", "gone.wav", "--speech", speechDir(t)}, app.ExitInput, "gone.wav"},
		"no sound":          {[]string{"--listen-file", written(t, "a.wav", "text"), "--speech", speechDir(t)}, app.ExitInput, "a.wav"},
	} {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(tt.args, "") {
				t.Skip("no speech models (make speech)")
			}
			code, _, errs := deixis(t, append([]string{"live", "pattern://64x48?frames=3", "--headless", "--bundle", b.Dir, "--log-level", "error"}, tt.args...)...)
			if code != tt.code || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, tt.says) {
				t.Errorf("code %d, %q; want %d and %q", code, errs, tt.code, tt.says)
			}
		})
	}
}

// speechDir is where the speech models are; "" where there are none.
func speechDir(t testing.TB) string {
	t.Helper()
	about, err := (&app.Globals{}).LoadSpeech(app.EarFlags{})
	if errors.Is(err, model.ErrSpeech) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return about.Dir
}

// spoken is a WAV file in which a voice of espeak-ng says text.
func spoken(t testing.TB, text string) string {
	t.Helper()
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("no espeak-ng on this machine (install it to test speech)")
	}
	file := filepath.Join(t.TempDir(), "said.wav")
	if out, err := exec.CommandContext(t.Context(), "espeak-ng", "-v", "en-us", "-s", "145", "-w", file, text).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// wavOf is sound as a WAV file, 16 kHz and 16 bits.
func wavOf(pcm []float32) []byte {
	n := uint32(2 * len(pcm))
	wav := binary.LittleEndian.AppendUint32([]byte("RIFF"), 36+n)
	wav = append(wav, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data"...)
	wav = binary.LittleEndian.AppendUint32(wav, n)
	for _, x := range pcm {
		wav = binary.LittleEndian.AppendUint16(wav, uint16(int16(x*32767)))
	}
	return wav
}

// inSilence is the sound of a WAV file with silence on both sides.
func inSilence(t testing.TB, file string) []float32 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, err := listen.ReadWAV(f, speech.Longest)
	if err != nil {
		t.Fatal(err)
	}
	pcm, _ = bench.InRoom(pcm)
	return pcm
}

// A parrot writes down the same, whatever it hears.
type parrot string

func (p parrot) Transcribe(context.Context, []float32) (listen.Transcript, error) {
	return listen.Transcript{NBest: []listen.Hypothesis{{Text: string(p), LogProb: -0.1}}}, nil
}
func (parrot) Close() error { return nil }

// voiceOf is a voice on a line that stands still.
func voiceOf(t *testing.T, says string) *voice {
	t.Helper()
	b, err := model.Load(network(t).Dir)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	l := line.New(line.Config{})
	a := (&app.Network{Bundle: b}).Asker(quiet)
	a.Set = l.SetPhrases
	v := &voice{orders: &orders{asker: a, locks: l, gate: &line.Gate{}}, log: quiet}
	v.Line = &listen.Line{By: parrot(says), Lex: &listen.English, Mode: listen.Wake, Do: v.do, Log: quiet}
	return v
}

func TestVoiceDoes(t *testing.T) {
	v := voiceOf(t, "")
	for i, tt := range []struct {
		m       listen.Meaning
		phrases string // then looked for
		why     string // it is not done
	}{
		{listen.Meaning{Command: listen.Stop}, "", "nothing is looked for"},
		{listen.Meaning{Command: listen.GoOn}, "", "nothing is held"},
		{listen.Meaning{Phrase: "the red cup"}, "the red cup", ""},
		{listen.Meaning{Phrase: "the blue cup"}, "the blue cup", ""},
		{listen.Meaning{Command: listen.Other}, "the blue cup", "nothing is shown"},
		{listen.Meaning{Command: listen.Stop}, "", ""},
		{listen.Meaning{Command: listen.GoOn}, "the blue cup", ""},
		{listen.Meaning{Command: listen.Clear}, "", ""},
		{listen.Meaning{Command: listen.GoOn}, "", "nothing is held"},
		{listen.Meaning{Phrase: "the dog"}, "the dog", ""},
		{listen.Meaning{Command: listen.Hold}, "the dog", ""},
		{listen.Meaning{Phrase: "the cat"}, "the cat", ""}, // asked for plainly, it ends the hold
		{listen.Meaning{Command: listen.GoOn}, "the cat", "nothing is held"},
		{listen.Meaning{Phrase: strings.Repeat("very ", 99) + "big dog"}, "the cat", "too long"},
	} {
		err := v.do(t.Context(), tt.m)
		if (err == nil) != (tt.why == "") || err != nil && !strings.Contains(err.Error(), tt.why) {
			t.Errorf("step %d: %v, want %q", i, err, tt.why)
		}
		if got := strings.Join(v.orders.locks.Phrases(), "; "); got != tt.phrases {
			t.Errorf("step %d: looking for %q, want %q", i, got, tt.phrases)
		}
	}
	v.Mode = listen.Always
	if err := v.do(t.Context(), listen.Meaning{Command: listen.Hold}); err != nil {
		t.Fatal(err)
	}
	if err := v.do(t.Context(), listen.Meaning{Phrase: "the dog"}); err == nil || v.orders.locks.Phrases()[0] != "the cat" {
		t.Error("while everything counts, a hold does not outlast what is said by the way")
	}
	if err := v.do(t.Context(), listen.Meaning{Command: listen.GoOn}); err != nil {
		t.Error(err)
	}
}

func TestVoiceHearsAPage(t *testing.T) {
	v := voiceOf(t, "The dog.")
	pcm := make([]float32, 8000)
	for i := range pcm {
		pcm[i] = float32(i%7) / 32
	}
	wav := wavOf(pcm)
	said, err := v.Hear(t.Context(), wav)
	if err != nil || said.Phrase != "the dog" || said.Why != "" || v.orders.locks.Phrases()[0] != "the dog" {
		t.Errorf("heard %+v, %v", said, err)
	}
	if _, err := v.Hear(t.Context(), wav[:30]); err == nil {
		t.Error("half a header is heard")
	}
	m, err := v.Connect()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Connect(); !errors.Is(err, listen.ErrTaken) {
		t.Errorf("a second page gets %v", err)
	}
	if err := m.Put(t.Context(), []byte{0, 0x40, 0, 0xC0}); err != nil {
		t.Fatal(err)
	}
	pcm = make([]float32, 9)
	if n, err := v.desk.Read(t.Context(), pcm); n != 2 || err != nil || pcm[0] != 0.5 || pcm[1] != -0.5 {
		t.Errorf("read %v, %v", pcm[:n], err)
	}
	m.Leave()
}

// A slow recogniser begins, and waits until it may end.
type slow struct {
	parrot
	began, release chan struct{}
}

func (s slow) Transcribe(ctx context.Context, pcm []float32) (listen.Transcript, error) {
	close(s.began)
	<-s.release
	return s.parrot.Transcribe(ctx, pcm)
}

// TestVoiceKeepsItsModels: nobody closes them while a recording is written down,
// and none is afterwards.
func TestVoiceKeepsItsModels(t *testing.T) {
	v := voiceOf(t, "")
	by := slow{"The dog.", make(chan struct{}), make(chan struct{})}
	v.Line.By = by
	done := make(chan error, 1)
	go func() {
		_, err := v.Hear(t.Context(), wavOf(make([]float32, 8000)))
		done <- err
	}()
	<-by.began
	if v.using.TryLock() {
		t.Error("the models can be closed while they are in use")
		v.using.Unlock()
	}
	close(by.release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	v.closed = true // as Close leaves it
	if _, err := v.Hear(t.Context(), wavOf(make([]float32, 8000))); err == nil || !strings.Contains(err.Error(), "the program ends") {
		t.Errorf("after the end a recording gets %v", err)
	}
}

// TestLiveListens says a phrase to the whole program.
func TestLiveListens(t *testing.T) {
	noDesktop(t)
	b := network(t)
	if speechDir(t) == "" {
		t.Skip("no speech models (make speech)")
	}
	_, events, end := start(t, "pattern://160x120@10", "--headless", "--events", "-", "--bundle", b.Dir,
		"--listen", "wake", "--listen-file", spoken(t, "Point at the red square."))
	var said, shown bool
	for range 600 {
		if !events.Scan() {
			break
		}
		line := events.Text()
		said = said || strings.Contains(line, `"speech":{"n":1,`) && strings.Contains(line, `"phrase":"the red square"`)
		if shown = strings.Contains(line, `"phrase":"the red square","state"`); said && shown {
			break
		}
	}
	if !said || !shown {
		t.Errorf("said: %v, looked for: %v", said, shown)
	}
	if code := end(); code != app.ExitOK {
		t.Errorf("code %d", code)
	}
}
