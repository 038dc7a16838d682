package mqtt

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deixis/pipeline/robot"
)

func TestDescriptionsForHomeAssistant(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	c := open(t, Options{URL: "mqtt://" + s.addr, HomeAssistant: true, Inbox: &robot.Inbox{}})
	send(t, c, parcel(1)) // it has greeted
	seen := map[string]bool{}
	for topic, p := range s.Topics.Retained.GetAll() {
		parts := strings.Split(topic, "/")
		if parts[0] != "homeassistant" {
			continue
		}
		var e map[string]any
		if err := json.Unmarshal(p.Payload, &e); err != nil || len(parts) != 5 || parts[2] != "deixis_arm" || parts[4] != "config" {
			t.Errorf("%s: %s, %v", topic, p.Payload, err)
		}
		id, _ := e["unique_id"].(string)
		if seen[id] || id == "" || e["availability_topic"] != "deixis/arm/availability" {
			t.Errorf("%s: unique_id %q, availability %v", topic, id, e["availability_topic"])
		}
		seen[id] = true
		if parts[1] != "button" && parts[1] != "event" && parts[1] != "text" && e["expire_after"] != float64(expiry) {
			t.Errorf("%s expires after %v", topic, e["expire_after"])
		}
	}
	if len(seen) != 7+1+6 {
		t.Errorf("%d entities", len(seen))
	}
	if got := identifier("Bot 7/ä"); got != "Bot_7__" {
		t.Errorf("identifier %q", got)
	}
	plain := (&Client{o: Options{Name: "arm"}}).entities()
	if len(plain) != 7 {
		t.Errorf("%d entities where no orders are taken", len(plain))
	}
}

// Home Assistant's own schemas say whether it takes a description.
func TestDescriptionsByHomeAssistantsSchemas(t *testing.T) {
	python := os.Getenv("DEIXIS_HOMEASSISTANT")
	if python == "" {
		python = filepath.Join("..", "..", "..", ".venv", "homeassistant", "bin", "python")
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("no Home Assistant on this machine (make .venv/.homeassistant)")
	}
	c := &Client{o: Options{Name: "arm", Inbox: &robot.Inbox{}}}
	var in bytes.Buffer
	var topics []string
	for _, e := range append(c.entities(), entity{"sensor", "bad", map[string]any{"expire_after": "soon"}}) {
		e.config["unique_id"] = e.object
		e.config["availability_topic"] = c.topic("availability")
		e.config["device"] = map[string]any{"identifiers": []string{"x"}, "name": "deixis arm", "model": "deixis"}
		if err := json.NewEncoder(&in).Encode(map[string]any{"component": e.component, "config": e.config}); err != nil {
			t.Fatal(err)
		}
		topics = append(topics, e.component+"/"+e.object)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "discovery.py"))
	cmd.Stdin, cmd.Stderr = &in, t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(topics) {
		t.Fatalf("%d verdicts on %d descriptions:\n%s", len(lines), len(topics), out)
	}
	for i, verdict := range lines {
		if (verdict == "ok") != (topics[i] != "sensor/bad") {
			t.Errorf("%s: %s", topics[i], verdict)
		}
	}
}
