package onnx

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
)

// Library is ONNX Runtime as it is found on this machine.
type Library struct {
	Path      string
	Version   string
	Providers []Usable // in the order of Providers
}

// Usable says whether the library can start a provider here.
type Usable struct {
	Name string
	Why  string // why it cannot; "" when it can
}

// Inspect loads the library that Options name or the search finds, and tries
// its providers without a bundle. Errors are ErrLibrary.
func Inspect(o Options) (Library, error) {
	path, release, err := shared.acquire(o.Library)
	if err != nil {
		return Library{}, err
	}
	l := Library{Path: path, Version: ort.GetVersion()}
	for _, name := range Providers {
		u := Usable{Name: name}
		if err := startProvider(name, o); err != nil {
			u.Why = firstLine(err)
		}
		l.Providers = append(l.Providers, u)
	}
	return l, release()
}

// startProvider adds a provider to settings that no session will use.
func startProvider(name string, o Options) error {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return fmt.Errorf("make session options: %w", err)
	}
	defer so.Destroy()
	return appendProvider(so, name, cudaOptions(o), tensorrtOptions(o, &model.Bundle{}, model.Graph{}, false))
}
