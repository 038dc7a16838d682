package record

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// copied are the codecs of sound that MP4 holds and players play; others become AAC.
var copied = []string{"aac", "mp3", "ac3", "eac3"}

// soundOf are ffmpeg's arguments for the sound of a file, which begins with its first
// picture. ffprobe, which comes with ffmpeg, says when that is: ffmpeg counts the times of
// an input from whatever begins first in it.
func soundOf(ffmpeg, file string) []string {
	none := []string{"-an"}
	if file == "" {
		return none
	}
	program := filepath.Join(filepath.Dir(ffmpeg), strings.Replace(filepath.Base(ffmpeg), "ffmpeg", "ffprobe", 1))
	ctx, stop := context.WithTimeout(context.Background(), mostSilent)
	defer stop()
	raw, err := exec.CommandContext(ctx, program, "-v", "error", "-of", "json", "-show_entries", "stream=codec_type,codec_name,start_time:format=start_time", "file:"+file).Output()
	var said struct {
		Streams []struct {
			Kind  string `json:"codec_type"`
			Codec string `json:"codec_name"`
			Start string `json:"start_time"`
		}
		Format struct {
			Start string `json:"start_time"`
		}
	}
	if err != nil || json.Unmarshal(raw, &said) != nil {
		return none
	}
	codec, late := "", 0.0
	begins, _ := strconv.ParseFloat(said.Format.Start, 64)
	for _, s := range slices.Backward(said.Streams) { // the first of each kind counts
		switch s.Kind {
		case "audio":
			codec = s.Codec
		case "video":
			if start, err := strconv.ParseFloat(s.Start, 64); err == nil {
				late = start - begins
			}
		}
	}
	if codec == "" {
		return none
	}
	how := "aac"
	if slices.Contains(copied, codec) {
		how = "copy"
	}
	return []string{"-ss", strconv.FormatFloat(max(0, late), 'f', 6, 64), "-i", "file:" + file, "-map", "0:v:0", "-map", "1:a:0", "-c:a", how}
}
