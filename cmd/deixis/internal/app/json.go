package app

import (
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON prints v for programs: one document on one line.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
