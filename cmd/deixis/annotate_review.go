package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/review"
	"deixis/pipeline/annotate/runfile"
)

const (
	mostCards    = 300 // of the page: it holds its pictures itself
	pictureSide  = 480 // of a picture in the page, pixels at most
	pageQuality  = 75  // of its JPEG
	stillsEnding = ".pictures"
)

// stillsOf are the frames that a track is judged by: its first and last, the middle and
// the least sure one, of those that were answered; each once.
func stillsOf(v *annotate.Video, t *annotate.Track, worst int) []runfile.Still {
	last := len(t.Boxes) - 1
	middle := last / 2
	for middle > 0 && !v.Frames[t.Boxes[middle].Frame].Asked {
		middle--
	}
	var stills []runfile.Still
	for _, s := range []struct {
		what string
		box  int
	}{{"start", 0}, {"middle", middle}, {"end", last}, {"least sure", worst}} {
		b := t.Boxes[s.box]
		if slices.ContainsFunc(stills, func(s runfile.Still) bool { return s.Frame == b.Frame }) {
			continue
		}
		f := v.Frames[b.Frame]
		round := func(x float32) float64 { return model.Round(float64(x), 2) }
		stills = append(stills, runfile.Still{
			What: s.what, Frame: b.Frame, Time: model.Round(f.At.Seconds(), 3), Width: f.Width, Height: f.Height,
			Box: [4]float64{round(b.X1), round(b.Y1), round(b.X2), round(b.Y2)},
		})
	}
	slices.SortStableFunc(stills, func(a, b runfile.Still) int { return a.Frame - b.Frame })
	return stills
}

// picturesOf is the folder beside a page.
func picturesOf(page string) string {
	return strings.TrimSuffix(page, filepath.Ext(page)) + stillsEnding
}

// review writes the page of all inputs that are done, where it is asked for and nothing
// of it is there yet, or something has changed.
func (a *annotation) review(ctx context.Context) error {
	if a.c.Review == "" || a.c.Detach {
		return nil
	}
	if _, err := os.Stat(a.c.Review); err == nil && !a.worked {
		return nil
	}
	doubts := a.report().Doubts
	folder := picturesOf(a.c.Review)
	var cards []review.Card
	for _, d := range doubts[:min(mostCards, len(doubts))] {
		c := review.Card{Input: d.Input, Phrase: d.Phrase, Track: d.ID, Start: d.Start, End: d.End, Score: d.Score, Unsure: d.Unsure}
		for _, s := range d.Stills {
			picture := filepath.ToSlash(filepath.Join(filepath.Base(folder), d.Input, fmt.Sprintf("%06d.jpg", s.Frame)))
			c.Stills = append(c.Stills, review.Still{What: s.What, Frame: s.Frame, Time: s.Time, Picture: picture, Width: s.Width, Height: s.Height, Box: s.Box})
		}
		cards = append(cards, c)
	}
	if err := a.file.Review(a.c.Review); err != nil {
		return app.Output(err)
	}
	for _, in := range a.inputs {
		err := a.fillCards(ctx, in, filepath.Join(folder, in.state.Name), cards)
		var fault *inputFault
		if errors.As(err, &fault) {
			a.fail(err)
		} else if err != nil {
			return err
		}
	}
	var page strings.Builder
	err := review.Write(&page, "Review of "+filepath.Base(a.c.Out), cards, len(doubts))
	if err == nil {
		err = renameio.WriteFile(a.c.Review, []byte(page.String()), 0o644)
	}
	if err != nil {
		return app.Output(fmt.Errorf("write review: %w", err))
	}
	a.g.Log.Info("tracks can be judged on a page", "page", a.c.Review, "tracks", len(cards), "of", len(doubts))
	return nil
}

// fillCards reads an input once more for the pictures of its cards, into the cards and
// into a folder.
func (a *annotation) fillCards(ctx context.Context, in *input, folder string, cards []review.Card) error {
	wanted := map[int][]*review.Still{}
	last := -1
	for i := range cards {
		if cards[i].Input != in.state.Name {
			continue
		}
		cards[i].File = in.state.Source
		for k := range cards[i].Stills {
			s := &cards[i].Stills[k]
			wanted[s.Frame] = append(wanted[s.Frame], s)
			last = max(last, s.Frame)
		}
	}
	if err := os.RemoveAll(folder); err != nil && !errors.Is(err, fs.ErrNotExist) || last < 0 {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return app.Output(fmt.Errorf("write review: %w", err))
	}
	return a.through(ctx, in, func(next func(*camera.Frame) error) error {
		var f camera.Frame
		for frame := range last + 1 {
			if err := next(&f); err != nil {
				return err
			}
			if len(wanted[frame]) == 0 {
				continue
			}
			if err := fillStills(&f, wanted[frame], filepath.Join(folder, fmt.Sprintf("%06d.jpg", frame))); err != nil {
				return app.Output(fmt.Errorf("write review: %w", err))
			}
		}
		return nil
	})
}

// fillStills writes a frame for the trainer, and a smaller one into the page.
func fillStills(f *camera.Frame, stills []*review.Still, file string) error {
	whole, err := opencv.EncodeJPEG(f, stillQuality)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, whole, 0o644); err != nil {
		return err
	}
	small, err := opencv.Shrink(f, pictureSide)
	if err != nil {
		return err
	}
	jpeg, err := opencv.EncodeJPEG(small, pageQuality)
	for _, s := range stills {
		s.JPEG = jpeg
	}
	return err
}
