package mic

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/gen2brain/malgo"

	"deixis/pipeline/listen"
)

// A Device is a microphone of this machine, or what its sound server calls one.
type Device struct {
	Name    string `json:"name"`
	Default bool   `json:"default"`
}

// Devices lists the microphones. A machine without a sound server has none, and
// an error that says so.
func Devices() ([]Device, error) {
	ctx, _, err := openContext(backends())
	if err != nil {
		return nil, err
	}
	defer closeContext(ctx)
	_, found, err := list(ctx)
	return found, err
}

// list is what a sound system has.
func list(ctx *malgo.AllocatedContext) ([]malgo.DeviceInfo, []Device, error) {
	infos, err := ctx.Devices(malgo.Capture)
	if err != nil {
		return nil, nil, fmt.Errorf("list microphones: %w", told(err))
	}
	found := []Device{} // never null in JSON
	for _, i := range infos {
		found = append(found, Device{Name: i.Name(), Default: i.IsDefault != 0})
	}
	return infos, found, nil
}

// backends are the sound systems to try, by name: with all of them miniaudio
// would in the end take one that gives silence. ALSA without a sound card has
// nothing to give but pages of complaints.
func backends() []malgo.Backend {
	switch runtime.GOOS {
	case "linux":
		if _, err := os.Stat("/dev/snd"); err != nil {
			return []malgo.Backend{malgo.BackendPulseaudio}
		}
		return []malgo.Backend{malgo.BackendPulseaudio, malgo.BackendAlsa}
	case "darwin":
		return []malgo.Backend{malgo.BackendCoreaudio}
	case "windows":
		return []malgo.Backend{malgo.BackendWasapi, malgo.BackendWinmm}
	}
	return []malgo.Backend{malgo.BackendSndio, malgo.BackendAudio4, malgo.BackendOss}
}

// openContext opens the first sound system that is there.
func openContext(from []malgo.Backend) (*malgo.AllocatedContext, malgo.Backend, error) {
	var errs []error
	for _, b := range from {
		ctx, err := malgo.InitContext([]malgo.Backend{b}, malgo.ContextConfig{}, nil)
		if err == nil {
			return ctx, b, nil
		}
		errs = append(errs, told(err))
	}
	return nil, 0, fmt.Errorf("%w: no sound server or card answers (%w)", errNoDevice, errors.Join(errs...))
}

func closeContext(ctx *malgo.AllocatedContext) {
	_ = ctx.Uninit() // fails only for a context that is none
	ctx.Free()
}

// told sorts the system's error.
func told(err error) error {
	if errors.Is(err, malgo.ErrAccessDenied) {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

// system opens the microphone whose name has a part, or the default one. The
// sound system that was there first is the only one asked later: while a server
// restarts, another could give silence.
func system(part string) opener {
	var used atomic.Int64 // a backend, by its number from 1 on
	return func(hear func(raw []byte)) (device, error) {
		from := backends()
		if n := used.Load(); n > 0 {
			from = []malgo.Backend{malgo.Backend(n - 1)}
		}
		ctx, backend, err := openContext(from)
		if err != nil {
			return device{}, err
		}
		d, err := capture(ctx, part, hear)
		if err != nil {
			closeContext(ctx)
			return device{}, err
		}
		used.Store(int64(backend) + 1)
		return d, nil
	}
}

// capture starts the microphone.
func capture(ctx *malgo.AllocatedContext, part string, hear func(raw []byte)) (device, error) {
	infos, found, err := list(ctx)
	if err != nil {
		return device{}, err
	}
	at, err := choose(found, part)
	if err != nil {
		return device{}, err
	}
	name := found[at].Name
	c := malgo.DefaultDeviceConfig(malgo.Capture)
	c.Capture.Format, c.Capture.Channels, c.SampleRate = malgo.FormatS16, 1, listen.Rate
	c.PeriodSizeInMilliseconds = 1000 * listen.Chunk / listen.Rate
	if part != "" {
		c.Capture.DeviceID = infos[at].ID.Pointer()
	}
	d, err := malgo.InitDevice(ctx.Context, c, malgo.DeviceCallbacks{Data: func(_, in []byte, _ uint32) { hear(in) }})
	if err != nil {
		return device{}, fmt.Errorf("open microphone %q: %w", name, told(err))
	}
	if err := d.Start(); err != nil {
		d.Uninit()
		return device{}, fmt.Errorf("start microphone %q: %w", name, told(err))
	}
	return device{name: name, close: func() {
		// Uninit alone waits for ever for a thread that waits for a server that is
		// gone; Stop wakes that thread. Its error says that the server is gone.
		_ = d.Stop()
		d.Uninit()
		closeContext(ctx)
	}}, nil
}

// choose is the place of the microphone meant.
func choose(found []Device, part string) (int, error) {
	if len(found) == 0 {
		return 0, fmt.Errorf("%w: the sound server has none", errNoDevice)
	}
	var names []string
	for i, d := range found {
		if part == "" && d.Default || part != "" && strings.Contains(strings.ToLower(d.Name), strings.ToLower(part)) {
			return i, nil
		}
		names = append(names, d.Name)
	}
	if part == "" {
		return 0, nil
	}
	return 0, fmt.Errorf("%w is called %q: there are %s", errNoDevice, part, strings.Join(names, ", "))
}
