package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"deixis/camera"
)

// errNoFFmpeg says that the program ffmpeg is not installed.
var errNoFFmpeg = errors.New("no ffmpeg on this machine")

// mostSilent is how long ffmpeg may take to accept a frame, or to finish the file
// once it has all of them.
const mostSilent = time.Minute

// A variableRate writes through the program ffmpeg: each frame once, at its own
// time. It is handed raw pictures in Matroska, the one container of raw pictures
// with times that every ffmpeg reads. The file is a fragmented MP4 (ISO/IEC
// 14496-12, 8.8): whatever ends the program, or ffmpeg itself, what was written up
// to a second before plays.
type variableRate struct {
	cmd    *exec.Cmd
	in     *os.File // ffmpeg's standard input
	mkv    rawMatroska
	said   bytes.Buffer // its standard error
	fourCC string
	last   time.Duration // of the frame written last, from first
	first  time.Duration
	n      int
}

// openFFmpeg starts ffmpeg, which writes path, with the sound of another file; "" for
// none.
func openFFmpeg(by encoding, path string, w, h int, sound string) (*variableRate, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	r := &variableRate{in: write, fourCC: by.fourCC, mkv: rawMatroska{w: write}}
	args := []string{"-hide_banner", "-nostats", "-loglevel", "error", "-f", "matroska", "-i", "pipe:0"}
	args = append(args, soundOf(by.program, sound)...)
	args = append(args, "-y", "-fps_mode", "passthrough", "-enc_time_base", "1:60000", "-video_track_timescale", "60000", // fine enough, and MPEG-4 takes no finer
		"-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", // colour is stored once for two by two
		"-force_key_frames", "expr:gte(t,n_forced)")
	args = append(args, by.args...)
	// With sound the index waits for the first packets: only then it says that the silence
	// in front of AAC is not shown, or all pictures would be that much late.
	index := "empty_moov+default_base_moof"
	if sound != "" {
		index += "+delay_moov"
	}
	r.cmd = exec.Command(by.program, append(args, "-pix_fmt", "yuv420p", "-movflags", index,
		"-frag_duration", "500000", "-flush_packets", "1", "-f", "mp4", "file:"+path)...)
	r.cmd.Stdin, r.cmd.Stderr = read, &r.said
	alone(r.cmd)
	if err := r.cmd.Start(); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	if err := r.begin(w, h); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *variableRate) begin(w, h int) error {
	if err := r.in.SetWriteDeadline(time.Now().Add(mostSilent)); err != nil {
		return err
	}
	return r.mkv.begin(w, h)
}

// An encoding is one of ffmpeg's encoders.
type encoding struct {
	fourCC  string
	most    int      // pixels a side; 0 for no encoding
	args    []string // the name comes second
	program string   // ffmpeg's path
}

// encodings are tried in this order.
var encodings = []encoding{
	{"avc1", 16384, []string{"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-crf", "20"}, ""},
	{"avc1", 3840, []string{"-c:v", "libopenh264", "-b:v", "8M"}, ""},
	{"mp4v", 8191, []string{"-c:v", "mpeg4", "-q:v", "3"}, ""},
}

// findEncoding asks ffmpeg which of the encodings it has. Its errors are errNoFFmpeg
// and what keeps it from answering.
func findEncoding() (encoding, error) {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		return encoding{}, errNoFFmpeg
	}
	ctx, stop := context.WithTimeout(context.Background(), mostSilent)
	defer stop()
	raw, err := exec.CommandContext(ctx, program, "-hide_banner", "-encoders").Output()
	if err != nil {
		return encoding{}, fmt.Errorf("ffmpeg -encoders: %w", err)
	}
	for _, e := range encodings {
		if strings.Contains(string(raw), " "+e.args[1]+" ") {
			e.program = program
			return e, nil
		}
	}
	return encoding{}, errors.New("ffmpeg has no encoder of H.264 or MPEG-4")
}

func (r *variableRate) codec() string { return r.fourCC }

func (r *variableRate) write(ctx context.Context, f *camera.Frame) error {
	if r.n == 0 {
		r.first = f.PTS
	}
	at := f.PTS - r.first
	if r.n > 0 && at <= r.last {
		at = r.last + time.Millisecond // times rise strictly in a file
	}
	if err := r.in.SetWriteDeadline(time.Now().Add(mostSilent)); err != nil {
		return err
	}
	in := r.in // close forgets it
	stop := context.AfterFunc(ctx, func() { in.SetWriteDeadline(time.Now().Add(mostSilent / 10)) })
	defer stop()
	if err := r.mkv.add(f, at); err != nil {
		return r.failed(err)
	}
	r.last = at
	r.n++
	return nil
}

// failed waits for ffmpeg, which says why it took no more.
func (r *variableRate) failed(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.cmd.Process.Kill()
		return errors.New("ffmpeg takes no frames any more")
	}
	if why := r.close(); why != nil {
		return why
	}
	return fmt.Errorf("ffmpeg: %w", err)
}

// close ends ffmpeg's input and waits until it has written all. It may be called
// again.
func (r *variableRate) close() error {
	if r.in == nil {
		return nil
	}
	r.in.Close()
	r.in = nil
	late := time.AfterFunc(mostSilent, func() { r.cmd.Process.Kill() })
	defer late.Stop()
	if err := r.cmd.Wait(); err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(r.said.String()), "\n")
		if strings.Contains(said, "No space left") {
			return fmt.Errorf("ffmpeg: %w: %.200s", ErrFull, said)
		}
		return fmt.Errorf("ffmpeg: %w: %.200s", err, said)
	}
	return nil
}
