package mqtt

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/eclipse/paho.golang/autopaho"

	"deixis/pipeline/robot"
)

// discovery is the prefix of topics under which Home Assistant looks for descriptions
// (its MQTT integration, "MQTT discovery").
const discovery = "homeassistant"

// An entity is one thing that Home Assistant shows, by the keys of its MQTT
// integration.
type entity struct {
	component string // sensor, binary_sensor, ...
	object    string // part of the topic and of unique_id
	config    map[string]any
}

// describe publishes what each topic is, retained.
func (c *Client) describe(ctx context.Context, conn *autopaho.ConnectionManager) error {
	id := "deixis_" + identifier(c.o.Name)
	for _, e := range c.entities() {
		e.config["unique_id"] = id + "_" + e.object
		e.config["availability_topic"] = c.topic("availability")
		e.config["device"] = map[string]any{"identifiers": []string{id}, "name": "deixis " + c.o.Name, "model": "deixis"}
		raw, err := json.Marshal(e.config)
		if err != nil {
			return fmt.Errorf("encode description: %w", err)
		}
		if err := c.publish(ctx, conn, strings.Join([]string{discovery, e.component, id, e.object, "config"}, "/"), raw, true); err != nil {
			return err
		}
	}
	return nil
}

// identifier is name in the letters that a discovery topic may have.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, name)
}

// entities are what a target has to show, and what can be ordered.
func (c *Client) entities() []entity {
	target := func(component, object, name, template string, more map[string]any) entity {
		config := map[string]any{"name": name, "state_topic": c.topic("target"), "value_template": template, "expire_after": expiry}
		for k, v := range more {
			config[k] = v
		}
		return entity{component, object, config}
	}
	all := []entity{
		target("sensor", "state", "State", "{{ value_json.state }}", map[string]any{
			"device_class": "enum", "options": []string{"searching", "locked", "unsure", "lost", "absent"}, "json_attributes_topic": c.topic("target"),
		}),
		target("binary_sensor", "locked", "Locked", "{{ 'ON' if value_json.state == 'locked' else 'OFF' }}", nil),
		target("sensor", "score", "Score", "{{ (100 * value_json.score) | round }}", map[string]any{"unit_of_measurement": "%"}),
		target("sensor", "azimuth", "Azimuth", "{{ (value_json.bearing.azimuth * 180 / pi) | round(1) if value_json.bearing else None }}", map[string]any{"unit_of_measurement": "°"}),
		target("sensor", "elevation", "Elevation", "{{ (value_json.bearing.elevation * 180 / pi) | round(1) if value_json.bearing else None }}", map[string]any{"unit_of_measurement": "°"}),
		target("sensor", "distance", "Distance", "{{ value_json.distance_m }}", map[string]any{"unit_of_measurement": "m", "device_class": "distance"}),
		{"event", "target", map[string]any{
			"name": "Target", "state_topic": c.topic("events"), "event_types": []string{"new", "update", "end"},
			"value_template": "{{ {'event_type': value_json.type, 'phrase': value_json.phrase, 'state': value_json.target.state} | to_json }}",
		}},
	}
	if c.o.Inbox == nil {
		return all
	}
	all = append(all, entity{"text", "phrase", map[string]any{
		"name": "Phrase", "command_topic": c.topic("phrase/set"), "state_topic": c.topic("target"), "value_template": "{{ value_json.phrase }}", "max": 255,
	}})
	for _, command := range robot.Commands() {
		object := strings.ReplaceAll(command, " ", "_")
		all = append(all, entity{"button", object, map[string]any{
			"name": strings.ToUpper(command[:1]) + command[1:], "command_topic": c.topic("command"), "payload_press": command,
		}})
	}
	return all
}
