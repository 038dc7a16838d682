package camera

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxDevice is the highest camera number; the kernel hands out no higher ones.
const maxDevice = 255

// streams are the schemes of network sources.
var streams = []string{"rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "udp", "tcp", "http", "https", "ros", "ross"}

// Parse tells what source is meant:
//
//	0  /dev/video0  v4l2:///dev/video0        a camera
//	rtsp://HOST/PATH  http://HOST:8080/feed   a stream
//	ros://HOST:9090/TOPIC                     pictures of a ROS topic, over rosbridge
//	clip.mp4  file:///clip.mp4                a video file
//	folder/  'img*.jpg'  one.jpg              pictures
//	pattern://640x480@30?frames=90            a test pattern; every part may be left out
//
// A file, folder or glob must exist, or the error is fs.ErrNotExist. Cameras
// and streams are looked for when they are opened. A picture that is no
// regular file, and a folder without one that is read, is ErrNoPicture.
func Parse(source string) (Ref, error) {
	source = strings.TrimSpace(source)
	if source == "" {
		return Ref{}, fmt.Errorf("read source %q: it is empty (name a camera number, a file, a folder or an address)", source)
	}
	if isDigits(source) {
		return parseNumber(source)
	}
	if scheme, rest, ok := strings.Cut(source, "://"); ok {
		return parseScheme(source, strings.ToLower(scheme), rest)
	}
	if strings.HasPrefix(source, "/dev/video") {
		return deviceRef(source, source), nil
	}
	return parsePath(source, source)
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func parseNumber(source string) (Ref, error) {
	n, err := strconv.Atoi(source)
	if err != nil || n > maxDevice {
		return Ref{}, fmt.Errorf("read source %q: camera numbers go from 0 to %d (`deixis devices` lists them)", source, maxDevice)
	}
	return Ref{Kind: Device, URI: source, Device: n, Path: "/dev/video" + strconv.Itoa(n)}, nil
}

func parseScheme(source, scheme, rest string) (Ref, error) {
	switch {
	case scheme == "pattern":
		return parsePattern(source, rest)
	case scheme == "file":
		return parsePath(source, rest)
	case scheme == "v4l2" && isDigits(rest) && rest != "":
		r, err := parseNumber(rest)
		r.URI = source
		return r, err
	case scheme == "v4l2" && strings.HasPrefix(rest, "/"):
		return deviceRef(source, rest), nil
	case scheme == "v4l2":
		return Ref{}, fmt.Errorf("read source %q: not a device node (write v4l2:///dev/video0)", source)
	case slices.Contains(streams, scheme):
		u, err := url.Parse(source)
		if err != nil || u.Host == "" {
			return Ref{}, fmt.Errorf("read source %q: not an address (write %s://HOST:PORT/PATH)", scheme+"://…", scheme)
		}
		if r := (Ref{Kind: Stream, URI: source, Path: source}); !r.ROS() {
			return r, nil
		} else if strings.Trim(u.Path, "/") == "" || u.User != nil || u.RawQuery != "" || u.Hostname() == "" {
			return Ref{}, fmt.Errorf("read source %q: it is not like ros://HOST:9090/camera/image_raw/compressed", Redacted(source))
		} else {
			return r, nil
		}
	}
	return Ref{}, fmt.Errorf("read source: scheme %q is unknown (known are v4l2, file, pattern, %s)", scheme, strings.Join(streams, ", "))
}

func deviceRef(source, node string) Ref {
	r := Ref{Kind: Device, URI: source, Device: -1, Path: node}
	if n, err := strconv.Atoi(strings.TrimPrefix(node, "/dev/video")); err == nil {
		r.Device = n
	}
	return r
}

// parsePath looks at what is there: a name that exists is never read as a glob.
func parsePath(source, path string) (Ref, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && strings.ContainsAny(path, "*?["):
		return parseGlob(source, path)
	case err != nil:
		return Ref{}, fmt.Errorf("find source %q: %w (a source is a camera number, a file, a folder, a glob or an address)", Redacted(source), bare(err))
	case info.IsDir():
		return parseFolder(source, path)
	case isPicture(path):
		return parsePicture(source, path, info)
	}
	return Ref{Kind: File, URI: source, Path: path}, nil
}

// bare is the cause inside a PathError, whose path the caller has named already.
func bare(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}

// byNumber orders names as people number them: img2 before img10.
func byNumber(a, b string) int {
	for a != "" && b != "" {
		x, restA := token(a)
		y, restB := token(b)
		if x != y {
			if isDigits(x) && isDigits(y) {
				x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
				if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
					return c
				}
			} else {
				return cmp.Compare(x, y)
			}
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

// token splits off the digits or the non-digits that s begins with.
func token(s string) (head, rest string) {
	digit := func(r rune) bool { return '0' <= r && r <= '9' }
	first := digit(rune(s[0]))
	i := strings.IndexFunc(s, func(r rune) bool { return digit(r) != first })
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}
