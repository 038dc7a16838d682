package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/pipeline/record"
	"deixis/pipeline/window"
)

func checkCameras() check {
	const do = "plug one in, or use a file, a stream or pattern://"
	ds, err := opencv.Devices()
	if err != nil {
		return warn("cameras", oneLine(err), do)
	}
	var good, bad []string
	for _, d := range ds {
		if d.Usable {
			good = append(good, fmt.Sprintf("%s %s", d.Path, d.Name))
		} else {
			bad = append(bad, fmt.Sprintf("%s %s", d.Path, d.Why))
		}
	}
	switch {
	case len(good) > 0:
		return ok("cameras", strings.Join(good, ", "))
	case len(bad) > 0:
		return warn("cameras", "none gives pictures: "+strings.Join(bad, ", "), do)
	}
	return warn("cameras", "none", do)
}

func checkDisplay() check {
	if err := window.Available(); err != nil {
		return warn("display", oneLine(err), "run live with --headless or --http 127.0.0.1:7420")
	}
	return ok("display", "a window can be shown")
}

// checkRecording writes a short mp4 where nobody sees it and reads it again.
func checkRecording(ctx context.Context) check {
	const do = "install FFmpeg with an H.264 or MPEG-4 encoder (Debian: libavcodec-extra)"
	dir, err := os.MkdirTemp("", "deixis-doctor-")
	if err != nil {
		return warn("mp4", oneLine(err), "make room in the folder for temporary files")
	}
	defer os.RemoveAll(dir)
	codec, err := recordShortly(ctx, filepath.Join(dir, "check.mp4"))
	if err != nil {
		return warn("mp4", "cannot be written: "+oneLine(err), do)
	}
	return ok("mp4", "can be written and read, "+codec)
}

// recordShortly writes a few frames to file, reads one back and says with what
// codec.
func recordShortly(ctx context.Context, file string) (codec string, err error) {
	ref, err := camera.Parse("pattern://160x120@25?frames=5")
	if err != nil {
		return "", err
	}
	to, err := record.New(file, record.Options{FPS: ref.FPS})
	if err != nil {
		return "", err
	}
	var f camera.Frame
	from := camera.NewPattern(ref)
	for err == nil {
		if err = from.Next(ctx, &f); err == nil {
			err = to.Show(ctx, &f, nil)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	codec = to.Codec()
	if err = errors.Join(err, to.Close()); err != nil {
		return "", err
	}
	back, err := opencv.Open(ctx, camera.Ref{Kind: camera.File, URI: file, Path: file}, opencv.Options{})
	if err != nil {
		return "", err
	}
	return codec, errors.Join(back.Next(ctx, &f), back.Close())
}
