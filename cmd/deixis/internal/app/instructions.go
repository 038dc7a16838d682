package app

import (
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"
)

// Instructions names what this processor can do that decides how ONNX Runtime rounds its
// sums: results are the same bytes only where this is the same.
func Instructions() string {
	said := []string{runtime.GOARCH}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA}, {"avx512f", cpu.X86.HasAVX512F}, {"avx512vnni", cpu.X86.HasAVX512VNNI},
		{"avx512bf16", cpu.X86.HasAVX512BF16}, {"amxint8", cpu.X86.HasAMXInt8}, {"avxvnni", cpu.X86.HasAVXVNNI},
		{"dotprod", cpu.ARM64.HasASIMDDP}, {"i8mm", cpu.ARM64.HasI8MM}, {"sve", cpu.ARM64.HasSVE},
	} {
		if f.has {
			said = append(said, f.name)
		}
	}
	return strings.Join(said, " ")
}
