package robot

import "encoding/json"

// Understood says what of a phrase reached the network.
type Understood struct {
	Phrase  string   `json:"phrase"`
	Tokens  int      `json:"tokens"`  // that it became
	Room    int      `json:"room"`    // tokens that a phrase may have: one with more is refused, and never cut short
	Pieces  []string `json:"pieces"`  // words that the vocabulary knows only in pieces: what they mean is less sure
	Unknown []string `json:"unknown"` // words that it does not know at all: they mean nothing to the network
	Notes   []string `json:"notes"`   // what else the weights were not trained for, a short line each
}

// A Reply answers an order, over ways that can. Version 1; fields are only ever added.
type Reply struct {
	V       int             `json:"v"`
	OK      bool            `json:"ok"`
	Error   string          `json:"error"`   // why the order was refused; "" where it was not
	Phrases []Understood    `json:"phrases"` // of an order for phrases
	Target  json.RawMessage `json:"target"`  // the first Message that tells what the network made of the first phrase; null where none came in time
}
