//go:build !linux

package opencv

// probe knows video nodes on Linux only.
func probe(string) string { return "not a Linux video device" }
