package opencv

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Device is a camera of this machine, usable or not.
type Device struct {
	Number int    `json:"number"` // what to give as source
	Path   string `json:"path"`   // its node
	Name   string `json:"name"`   // what its driver calls it; "" unknown
	Usable bool   `json:"usable"`
	Why    string `json:"why,omitempty"` // why it is not usable
	Modes  []Mode `json:"modes"`         // what it can give, largest and fastest first; empty unknown
}

// Devices lists the video nodes of this machine in the order of their numbers.
// A machine without cameras has an empty list and no error.
func Devices() ([]Device, error) {
	return devicesUnder("/dev", "/sys/class/video4linux", probe)
}

// devicesUnder takes the folders and the test of a node from its caller.
func devicesUnder(dev, sys string, probe func(node string) (modes []Mode, why string)) ([]Device, error) {
	nodes, err := filepath.Glob(filepath.Join(dev, "video*"))
	if err != nil {
		return nil, err
	}
	found := []Device{} // never null in JSON
	for _, node := range nodes {
		base := filepath.Base(node)
		n, err := strconv.Atoi(strings.TrimPrefix(base, "video"))
		if err != nil {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(sys, base, "name"))
		d := Device{Number: n, Path: node, Name: strings.TrimSpace(string(name))}
		d.Modes, d.Why = probe(node)
		d.Modes, d.Usable = append([]Mode{}, d.Modes...), d.Why == ""
		found = append(found, d)
	}
	slices.SortFunc(found, func(a, b Device) int { return cmp.Compare(a.Number, b.Number) })
	return found, nil
}
