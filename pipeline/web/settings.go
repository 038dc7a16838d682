package web

import (
	"net/http"

	"deixis/pipeline/web/guard"
)

// Settings are what of a run may be changed by somebody who looks at it.
type Settings struct {
	File     string    `json:"file"` // where changes can be saved; "" for nowhere
	Settings []Setting `json:"settings"`
}

// A Setting is one value, as the program's flag of that name has it.
type Setting struct {
	Key     string   `json:"key"`
	Help    string   `json:"help"`
	Kind    string   `json:"kind"` // boolean, whole, number, duration or text
	Value   any      `json:"value"`
	Default any      `json:"default"`
	Choices []string `json:"choices"` // none where any will do
	Least   *float64 `json:"least"`   // of a number
	Most    *float64 `json:"most"`
	Live    bool     `json:"live"` // it changes at once, not from the next start on
}

// A Change says what came of changed settings.
type Change struct {
	Changed   []string `json:"changed"`   // hold now
	Restart   []string `json:"restart"`   // hold from the next start on
	Overruled []string `json:"overruled"` // are saved, but the command line says otherwise
	Saved     bool     `json:"saved"`
}

// Setup changes settings. Its errors are shown to the person who asked.
type Setup interface {
	Settings() Settings
	// Change gives settings other values, and saves them; all or none.
	Change(values map[string]any, save bool) (Change, error)
	// Reload takes the file of settings anew; nothing changes where it is wrong.
	Reload() (Change, error)
}

// settings are those that may be changed.
func (s *Server) settings(w http.ResponseWriter, _ *http.Request) {
	all := Settings{Settings: []Setting{}}
	if s.o.Setup != nil {
		all = s.o.Setup.Settings()
	}
	guard.Answer(w, http.StatusOK, all)
}

// set changes some of them.
func (s *Server) set(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Values map[string]any `json:"values"`
		Save   bool           `json:"save"`
	}
	if take(w, r, &body) {
		s.setUp(w, func(to Setup) (Change, error) { return to.Change(body.Values, body.Save) })
	}
}

// reload takes the file anew.
func (s *Server) reload(w http.ResponseWriter, _ *http.Request) {
	s.setUp(w, func(to Setup) (Change, error) { return to.Reload() })
}

func (s *Server) setUp(w http.ResponseWriter, do func(Setup) (Change, error)) {
	if s.o.Setup == nil {
		guard.Refuse(w, http.StatusConflict, "settings cannot be changed in this run")
		return
	}
	done, err := do(s.o.Setup)
	if err != nil {
		guard.Refuse(w, http.StatusUnprocessableEntity, "%v", err)
		return
	}
	guard.Answer(w, http.StatusOK, done)
}
