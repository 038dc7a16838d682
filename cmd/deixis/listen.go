package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/listen"
)

// listenArgs are the flags of listening.
type listenArgs struct {
	Mode  string   `name:"listen" enum:"off,ptt,always,wake" default:"off" help:"Be told by voice: ptt while a button is held (key t, SIGUSR1, the page, POST /api/listen), always, or wake after a wake phrase."`
	File  string   `name:"listen-file" placeholder:"FILE.wav" help:"Listen to a WAV file in place of a microphone; - is raw sound on standard input: s16le, one channel, 16 kHz."`
	Mic   string   `name:"listen-mic" placeholder:"NAME" help:"Microphone whose name has this part (default: the system's; deixis devices lists them)."`
	Wake  []string `name:"listen-wake" sep:"none" placeholder:"WORDS" help:"What an utterance must begin with in mode wake (default: point at, point to, show me); may be given several times."`
	Joint bool     `name:"listen-joint" default:"true" negatable:"" help:"Hold the likeliest readings of an utterance against the picture, and take the one that fits it best."`
	app.WeightFlags
	app.EarFlags
}

// on says whether anything listens.
func (c *listenArgs) on() bool { return c.Mode != "off" || c.File != "" }

// mode is which utterances count: all those of a file, unless another is named.
func (c *listenArgs) mode() listen.Mode {
	if c.Mode == "off" {
		return listen.Always
	}
	return listen.Mode(c.Mode)
}

// lexicon is the recogniser's language with the wake phrases of the flags.
func (c *listenArgs) lexicon(language string) (*listen.Lexicon, error) {
	if language != "en" {
		return nil, fmt.Errorf("listen: the models hear %q, and phrases are understood in en only", language)
	}
	lex := listen.English
	if len(c.Wake) > 0 {
		lex.Wake = nil
	}
	for _, w := range c.Wake {
		w = listen.Normalise(w)
		if w == "" {
			return nil, app.Usage(errors.New("--listen-wake: no words in it"))
		}
		lex.Wake = append(lex.Wake, w)
	}
	return &lex, nil
}

// validate names what cannot be.
func (c *listenArgs) validate() error {
	if c.Text < 0 || c.Point < 0 {
		return app.Usage(errors.New("--listen-text-weight and --listen-point-weight must be 0 or more"))
	}
	if len(c.Wake) > 0 && c.Mode != string(listen.Wake) {
		return app.Usage(fmt.Errorf("--listen-wake %s: only --listen wake waits for it", strings.Join(slices.Compact(c.Wake), ", ")))
	}
	return nil
}
