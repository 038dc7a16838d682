package web

import (
	"bytes"
	"errors"
	"image/jpeg"
	"net/http"
	"strings"

	"deixis/model"
	"deixis/pipeline/web/guard"
)

// Correction says what a phrase should have meant on a picture.
type Correction struct {
	Phrase string
	Box    *model.Box // pixels of the picture; nil: it is not there
	Seq    uint64     // of the picture
	JPEG   []byte     // the picture, without overlay
}

// ErrFull is what Options.Keep says where no more corrections may be kept.
var ErrFull = errors.New("no room for more corrections")

// minSide is the smallest side of a box that a person can mean, pixels.
const minSide = 2

// correct takes the right box for a phrase on a picture that was got with
// keep=true.
func (s *Server) correct(w http.ResponseWriter, r *http.Request) {
	if s.o.Keep == nil {
		guard.Refuse(w, http.StatusConflict, "corrections are not kept in this run (name a folder with --corrections)")
		return
	}
	var body struct {
		Phrase string     `json:"phrase"`
		Seq    uint64     `json:"seq"`
		Box    *[]float32 `json:"box"`
	}
	if !take(w, r, &body) {
		return
	}
	c := Correction{Phrase: strings.Join(strings.Fields(body.Phrase), " "), Seq: body.Seq}
	if c.Phrase == "" || len(c.Phrase) > maxPhrase {
		guard.Refuse(w, http.StatusUnprocessableEntity, "phrase: write what the box means, in at most %d bytes", maxPhrase)
		return
	}
	var there bool
	if c.JPEG, there = s.kept.get(body.Seq); !there {
		guard.Refuse(w, http.StatusGone, "picture %d is not kept: get it again with /api/frame.jpeg?overlay=false&keep=true", body.Seq)
		return
	}
	if body.Box != nil {
		box, why := boxIn(c.JPEG, *body.Box)
		if why != "" {
			guard.Refuse(w, http.StatusUnprocessableEntity, "box: %s", why)
			return
		}
		c.Box = &box
	}
	if err := s.o.Keep(c); err != nil {
		s.o.Log.Error("correction not saved", "err", err)
		code := http.StatusInternalServerError
		if errors.Is(err, ErrFull) {
			code = http.StatusInsufficientStorage
		}
		guard.Refuse(w, code, "%v", err)
		return
	}
	s.count.corrections.Inc()
	guard.Answer(w, http.StatusCreated, map[string]bool{"saved": true})
}

// boxIn clips x1, y1, x2, y2 to the picture, or says why they are no box.
func boxIn(picture []byte, b []float32) (model.Box, string) {
	if len(b) != 4 {
		return model.Box{}, "write x1, y1, x2, y2 in pixels"
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return model.Box{}, "the picture cannot be read: " + err.Error()
	}
	box := model.Box{X1: min(b[0], b[2]), Y1: min(b[1], b[3]), X2: max(b[0], b[2]), Y2: max(b[1], b[3])}.Clip(size.Width, size.Height)
	if box.X2-box.X1 < minSide || box.Y2-box.Y1 < minSide {
		return model.Box{}, "it has no inside in the picture"
	}
	return box, ""
}
