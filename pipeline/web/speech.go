package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
)

// maxSpeech is how many bytes of sound are taken: half a minute of 16 bits at
// 16 kHz.
const maxSpeech = 1 << 20

// speech takes what somebody said, does it and tells what was understood.
func (s *Server) speech(w http.ResponseWriter, r *http.Request) {
	if !s.listens(w) {
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "audio/wav" {
		refuse(w, http.StatusUnsupportedMediaType, "send a WAV file (Content-Type: audio/wav), one channel of 16 bits at 16 kHz")
		return
	}
	wav, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSpeech))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		refuse(w, http.StatusRequestEntityTooLarge, "that is too long: half a minute at most")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "the sound did not arrive whole: %v", err)
		return
	case len(wav) < 44 || !bytes.HasPrefix(wav, []byte("RIFF")) || string(wav[8:12]) != "WAVE":
		refuse(w, http.StatusBadRequest, "that is no WAV file")
		return
	}
	said, err := s.o.Voice.Hear(r.Context(), wav)
	switch {
	case err != nil:
		refuse(w, http.StatusUnprocessableEntity, "%v", err)
	case said.Why != "":
		refuse(w, http.StatusUnprocessableEntity, "%s", said.Line())
	default:
		answer(w, http.StatusOK, said)
	}
}
