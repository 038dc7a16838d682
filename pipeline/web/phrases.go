package web

import (
	"net/http"
	"slices"
	"strings"

	"deixis/pipeline/web/guard"
)

// maxPhrase is how many bytes one phrase may have; the model takes fewer.
const maxPhrase = 2000

// phrases are those looked for now.
func (s *Server) phrases(w http.ResponseWriter, _ *http.Request) { s.sayPhrases(w) }

// sayPhrases answers with them; never null in JSON.
func (s *Server) sayPhrases(w http.ResponseWriter) {
	guard.Answer(w, http.StatusOK, map[string][]string{"phrases": s.asked()})
}

func (s *Server) asked() []string { return append([]string{}, s.o.Line.Phrases()...) }

// replace takes a whole list.
func (s *Server) replace(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Phrases []string `json:"phrases"`
	}
	if take(w, r, &body) {
		s.change(w, func([]string) []string { return body.Phrases })
	}
}

// clear looks for nothing.
func (s *Server) clear(w http.ResponseWriter, _ *http.Request) {
	s.change(w, func([]string) []string { return nil })
}

// add looks for one more phrase.
func (s *Server) add(w http.ResponseWriter, r *http.Request) {
	one := r.PathValue("phrase")
	s.change(w, func(now []string) []string {
		if slices.Contains(now, one) {
			return now
		}
		return append(now, one)
	})
}

// remove looks for one phrase less.
func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	one := r.PathValue("phrase")
	if !slices.Contains(s.asked(), one) {
		guard.Refuse(w, http.StatusNotFound, "%q is not looked for", one)
		return
	}
	s.change(w, func(now []string) []string {
		return slices.DeleteFunc(now, func(p string) bool { return p == one })
	})
}

// change asks for what edit makes of the phrases, and says what they are then.
func (s *Server) change(w http.ResponseWriter, edit func(now []string) []string) {
	s.asking.Lock()
	defer s.asking.Unlock()
	var texts []string
	for _, t := range edit(s.asked()) {
		if t = strings.TrimSpace(t); len(t) > maxPhrase {
			guard.Refuse(w, http.StatusUnprocessableEntity, "that is no phrase: it has %d bytes, and %d are the most", len(t), maxPhrase)
			return
		}
		texts = append(texts, t)
	}
	if err := s.o.Ask(texts); err != nil {
		guard.Refuse(w, http.StatusUnprocessableEntity, "%v", err)
		return
	}
	if s.o.Gate != nil {
		s.o.Gate.Nudge()
	}
	s.sayPhrases(w)
}
