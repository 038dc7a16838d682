package app

import (
	"context"
	"errors"
	"fmt"

	"deixis/model"
	"deixis/model/onnx/speech"
)

// EarFlags say what hears.
type EarFlags struct {
	SpeechDir     string `name:"speech" placeholder:"DIR" help:"Models that hear (default: assets/models/speech, looked for as the bundle is; make speech fetches them)."`
	SpeechBeam    int    `name:"speech-beam" default:"4" help:"Readings of an utterance that are followed; 1 is fastest."`
	SpeechThreads int    `name:"speech-threads" default:"1" help:"Threads of the recogniser."`
}

// Ears are the models that hear, ready. VAD and By are for a goroutine each.
type Ears struct {
	About *model.Speech
	VAD   *speech.VAD
	By    *speech.Recognizer
}

// OpenEars loads them. Errors are model.ErrSpeech and those of package speech.
// The caller closes what it gets.
func (g *Globals) OpenEars(ctx context.Context, f EarFlags) (*Ears, error) {
	about, err := g.LoadSpeech(f)
	if err != nil {
		return nil, err
	}
	o := speech.Options{Library: g.OrtLibrary, Threads: f.SpeechThreads, Beam: f.SpeechBeam}
	vad, err := speech.OpenVAD(ctx, about, o)
	if err != nil {
		return nil, err
	}
	by, err := speech.Open(ctx, about, o)
	if err != nil {
		return nil, errors.Join(err, vad.Close())
	}
	g.Log.Debug("ears ready", "speech", about.Name, "dir", about.Dir)
	return &Ears{about, vad, by}, nil
}

// speechFolder is where `make speech` puts the models, below a folder of our data.
const speechFolder = "models/speech"

// FindSpeech is that folder, looked for as the bundle is; "" when there is none.
func FindSpeech() string { return Data(speechFolder, "speech.json") }

// LoadSpeech reads the folder that --speech names, or the default found from
// the program's own folder or the working folder upwards.
func (g *Globals) LoadSpeech(f EarFlags) (*model.Speech, error) {
	if f.SpeechDir != "" {
		return model.LoadSpeech(f.SpeechDir)
	}
	dir := FindSpeech()
	if dir == "" {
		return nil, fmt.Errorf("%w: %s (run `make speech` in a checkout, or name a folder with --speech DIR)", model.ErrSpeech, NoData(speechFolder))
	}
	return model.LoadSpeech(dir)
}

// Close frees both.
func (e *Ears) Close() error { return errors.Join(e.By.Close(), e.VAD.Close()) }
