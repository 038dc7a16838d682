//go:build !linux

package opencv

// probe knows video nodes on Linux only.
func probe(string) ([]Mode, string) { return nil, "not a Linux video device" }
