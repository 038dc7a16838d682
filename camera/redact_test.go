package camera

import (
	"net/url"
	"strings"
	"testing"
)

func TestRedacted(t *testing.T) {
	for given, want := range map[string]string{
		"0":                           "0",
		"clips/split=train/c.mp4":     "clips/split=train/c.mp4",
		"img?.jpg":                    "img?.jpg",
		"cam/v?token=secret":          "cam/v?token=xxxxx",
		"cam/password=secret/a":       "cam/password=xxxxx",
		"rtsp://cam.local/stream1":    "rtsp://cam.local/stream1",
		"rtsp://cam.local:554/a:b/c":  "rtsp://cam.local:554/a:b/c",
		"rtsp://me:pw@cam/stream":     "rtsp://me:xxxxx@cam/stream",
		"rtsp://me:p@w:x@cam/stream":  "rtsp://me:xxxxx@cam/stream",
		"me:pw@cam/stream":            "me:xxxxx@cam/stream",
		"rtsp:/me:pw@cam/stream":      "rtsp:/me:xxxxx@cam/stream",
		"http://cam/v?token=secret":   "http://cam/v?token=xxxxx",
		"http://cam/v?secret":         "http://cam/v?xxxxx",
		"http://cam/v#secret":         "http://cam/v#xxxxx",
		"http://cam/v?token%3dsecret": "http://cam/v?token=xxxxx",
		"http://cam/v?channel=2&pwd=secret&resolution=640x480":         "http://cam/v?channel=2&pwd=xxxxx&resolution=640x480",
		"http://cam/v?channel=aVeryLongSecretThatIsNoChannel":          "http://cam/v?channel=xxxxx",
		"http://cam/v?a=se;cret=1":                                     "http://cam/v?a=xxxxx&cret=xxxxx",
		"rtsp://cam/user=admin&password=secret&channel=1&stream=0.sdp": "rtsp://cam/user=xxxxx&password=xxxxx&channel=1&stream=0.sdp",
		"rtsp://cam/user=admin_password=se/cret_channel=1?real_stream": "rtsp://cam/user=xxxxx?xxxxx",
	} {
		got := Redacted(given)
		if got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
		if again := Redacted(got); again != got {
			t.Errorf("%s: redacted twice it is %s", given, again)
		}
	}
	text := `open "http://cam/v?token=secret": no video (write http://HOST:PORT/PATH)`
	if got := RedactAll(text); got != `open "http://cam/v?token=xxxxx": no video (write http://HOST:PORT/PATH)` {
		t.Error(got)
	}
}

// FuzzSource: no name makes Parse panic, and a password in an address that it
// takes is told by nothing.
func FuzzSource(f *testing.F) {
	for _, s := range []string{
		"0", "/dev/video0", "v4l2:///dev/video1", "rtsp://cam/a", "http://[::1]:80/a?b=c&d#e", "pattern://64x48@20?frames=3", "file:///x", "a*?[", "%zz", "rtsp://%zz@", "",
	} {
		f.Add(s, "se/cr&et")
		f.Add(s, "#?@:;=")
	}
	f.Fuzz(func(t *testing.T, source, secret string) {
		if r, err := Parse(source); err == nil && r.String() == "" {
			t.Errorf("%q has no name", source)
		}
		if len(secret) < 6 {
			return
		}
		in := "secret" + url.QueryEscape(secret)
		for _, s := range []string{
			"rtsp://me:" + in + "@cam.local/a", "http://cam.local/v?token=" + in, "rtsp://cam.local/user=me&password=" + in + "&channel=1", "http://me:" + in + "@",
		} {
			r, err := Parse(s)
			if err == nil && strings.Contains(r.String(), in) || err != nil && strings.Contains(err.Error(), in) {
				t.Errorf("%q: %q, %v", s, r.String(), err)
			}
		}
	})
}
