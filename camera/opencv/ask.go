package opencv

import (
	"cmp"
	"fmt"
	"strings"
)

// Mode is what is asked of a device in words: 1280x720@30 MJPG, or anything.
func (o Options) Mode() string {
	return cmp.Or(describe(o.Width, o.Height, o.FPS, o.Format), "anything")
}

// Mode is what a source gives in words.
func (i Info) Mode() string {
	return cmp.Or(describe(i.Width, i.Height, i.FPS, i.Format), "unknown")
}

func describe(w, h int, fps float64, format string) string {
	var s string
	if w > 0 && h > 0 {
		s = fmt.Sprintf("%dx%d", w, h)
	}
	if fps > 0 {
		s += fmt.Sprintf("@%.4g", fps)
	}
	return strings.TrimSpace(s + " " + format)
}

// met says whether a device gives what was asked, as far as it says.
func (o Options) met(i Info) bool {
	return (o.Width == 0 || o.Height == 0 || o.Width == i.Width && o.Height == i.Height) &&
		(o.FPS == 0 || i.FPS == 0 || i.FPS > 0.9*o.FPS && i.FPS < 1.1*o.FPS) &&
		(o.Format == "" || i.Format == "" || strings.EqualFold(o.Format, i.Format))
}
