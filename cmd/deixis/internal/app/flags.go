package app

import (
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"deixis/camera/opencv"
	"deixis/pipeline/listen"
)

// Common are the flags of every subcommand.
type Common struct {
	BundleDir  string `name:"bundle" placeholder:"DIR" help:"Model bundle: a folder, or the name of one that came with the program, such as ca2m-edge-fast (default: ca2m-edge in assets/models, or in share/deixis/models where installed, looked for from the program and the working folder upwards)."`
	Provider   string `enum:"auto,tensorrt,cuda,cpu" default:"auto" help:"What runs the network: auto, tensorrt, cuda or cpu."`
	Precision  string `enum:"auto,fp32,fp16,int8" default:"auto" help:"Which of the bundle's graphs: auto, fp32, fp16 or int8."`
	GPU        int    `name:"gpu" default:"0" min:"0" help:"Number of the GPU for cuda and tensorrt."`
	CacheDir   string `name:"engine-cache" placeholder:"DIR" help:"Where TensorRT keeps its engines (default: the user's cache folder)."`
	Workspace  int    `name:"engine-workspace" placeholder:"MIB" default:"0" min:"0" help:"TensorRT's scratch memory in MiB; 0 means 1024."`
	GPUMemory  int    `name:"gpu-memory" placeholder:"MIB" default:"0" min:"0" help:"Most GPU memory that CUDA's arena takes, in MiB; 0 means no limit."`
	Spin       bool   `help:"Let the network's threads wait actively: a little faster alone, slower beside anything else."`
	Threads    int    `default:"0" min:"0" help:"Threads of the network on the CPU; 0 means one a core."`
	OrtLibrary string `name:"ort-library" placeholder:"FILE" help:"ONNX Runtime's shared library (default: looked for, see doctor)."`
	MaxPixels  int    `name:"max-pixels" default:"100000000" min:"1" max:"1073741824" help:"Pictures of more pixels are refused by their header, before they are decoded."`

	ReaderTimeout time.Duration `name:"reader-timeout" default:"10s" min:"1s" help:"A decoder of video that gives no frame for so long is ended and started again."`
	ReaderMemory  int           `name:"reader-memory" placeholder:"MIB" default:"2048" min:"64" max:"1073741824" help:"Most memory that the decoder of a video may hold, in MiB; one that holds more is ended."`
	NoReader      bool          `name:"no-reader" help:"Decode video in this process instead of in a child process, which a crash of a decoder cannot leave."`

	Config   string     `placeholder:"FILE" help:"YAML file with values for any flag (deixis config init writes one); command line and DEIXIS_* variables win over it."`
	LogLevel slog.Level `default:"info" help:"debug, info, warn or error."`
	LogJSON  bool       `name:"log-json" help:"Write the log as JSON lines."`
}

// The limits of flags that shape the reader of video.
const (
	mostPixels    = 1 << 30 // a frame of 32768x32768
	leastMemory   = 64      // MiB: a decoder holds some tens
	leastNoFrame  = time.Second
	mostReaderMiB = 1 << 30
)

// Validate names what cannot be; kong calls it.
func (c *Common) Validate() error {
	switch {
	case c.MaxPixels < 1 || c.MaxPixels > mostPixels:
		return fmt.Errorf("--max-pixels %d: write 1 to %d", c.MaxPixels, mostPixels)
	case c.ReaderMemory < leastMemory || c.ReaderMemory > mostReaderMiB:
		return fmt.Errorf("--reader-memory %d: write %d MiB or more", c.ReaderMemory, leastMemory)
	case c.ReaderTimeout < leastNoFrame:
		return fmt.Errorf("--reader-timeout %v: write %v or more", c.ReaderTimeout, leastNoFrame)
	}
	return nil
}

// Sources are the options that every source is opened with.
func (g *Globals) Sources() opencv.Options {
	return opencv.Options{
		Log: g.Log, MaxPixels: g.MaxPixels,
		InProcess: g.NoReader, NoFrame: g.ReaderTimeout, MaxResident: int64(g.ReaderMemory) << 20,
	}
}

// WeightFlags are the flags of listen.Weights.
type WeightFlags struct {
	Text  float64 `name:"listen-text-weight" default:"2" min:"0" help:"How much the sound of a reading counts beside the picture."`
	Point float64 `name:"listen-point-weight" default:"4" min:"0" help:"How much the score of its box counts beside whether it is there at all."`
}

// Weights are those of the flags.
func (c WeightFlags) Weights() listen.Weights { return listen.Weights(c) }

// Args are the flags of c as they are given to another process.
func (c *Common) Args() []string {
	args := []string{
		"--provider", c.Provider, "--precision", c.Precision, "--gpu", strconv.Itoa(c.GPU), "--threads", strconv.Itoa(c.Threads),
		"--engine-workspace", strconv.Itoa(c.Workspace), "--gpu-memory", strconv.Itoa(c.GPUMemory),
	}
	for flag, value := range map[string]string{"--bundle": c.BundleDir, "--engine-cache": c.CacheDir, "--ort-library": c.OrtLibrary} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	if c.Spin {
		args = append(args, "--spin")
	}
	return args
}

// Args are the flags of f as they are given to another process.
func (f EarFlags) Args() []string {
	args := []string{"--speech-beam", strconv.Itoa(f.SpeechBeam), "--speech-threads", strconv.Itoa(f.SpeechThreads)}
	if f.SpeechDir != "" {
		args = append(args, "--speech", f.SpeechDir)
	}
	return args
}

// Args are the flags of c as they are given to another process.
func (c WeightFlags) Args() []string {
	return []string{"--listen-text-weight", fmt.Sprint(c.Text), "--listen-point-weight", fmt.Sprint(c.Point)}
}
