package rosbridge

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"deixis/camera"
	bridge "deixis/camera/rosbridge"
	"deixis/pipeline/robot/lens"
)

// A LensWatch reads the CameraInfo beside a topic of pictures, for as long as it runs.
type LensWatch struct {
	Source string         // ros://HOST:9090/TOPIC of the pictures
	Server bridge.Options // URL is not looked at
	Set    func(*lens.Lens)
	Log    *slog.Logger

	mu   sync.Mutex
	raw  string // the newest, since it seldom changes
	told string // newest reason why it is of no use
}

// CameraInfoTopic is where image_transport has the CameraInfo of a topic of pictures:
// /camera/camera_info for /camera/image_raw/compressed.
func CameraInfoTopic(topic string) string {
	parts := strings.Split(topic, "/")
	if len(parts) > 2 {
		switch parts[len(parts)-1] {
		case "compressed", "compressedDepth":
			parts = parts[:len(parts)-1]
		}
	}
	return strings.Join(append(parts[:len(parts)-1], "camera_info"), "/")
}

// The pauses between tries to connect.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Run watches until ctx ends, and connects as often as it must. It returns nil.
func (w *LensWatch) Run(ctx context.Context) error {
	server, topic, err := bridge.ParseSource(w.Source)
	if err != nil {
		return err
	}
	o := w.Server
	o.URL, o.Told = server, nil
	sub := bridge.Subscription{Topic: CameraInfoTopic(topic), Type: typeCameraInfo, Throttle: time.Second, Queue: 1, Take: w.take}
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
		conn, err := bridge.Dial(ctx, o, sub)
		if err == nil {
			pause = firstPause
			select {
			case <-ctx.Done():
			case <-conn.Done():
				err = conn.Err()
			}
			conn.Close()
		}
		if err != nil {
			w.Log.Debug("the lens is not known from ROS", "topic", sub.Topic, "why", err)
		}
		if camera.Sleep(ctx, pause) != nil {
			return nil
		}
	}
	return nil
}

// take takes a message of sensor_msgs/msg/CameraInfo, of ROS 2 or 1, whose fields have
// large letters.
func (w *LensWatch) take(msg json.RawMessage, _ time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var m struct {
		Width, Height int
		Model         string `json:"distortion_model"`
		D, K          []float64
	}
	err := json.Unmarshal(msg, &m) // takes d for D
	what, _ := json.Marshal(m)
	if err == nil && string(what) == w.raw {
		return
	}
	var l *lens.Lens
	if err == nil {
		l, err = lens.FromCalibration(m.Width, m.Height, m.K, m.Model, m.D)
	}
	if err != nil {
		if w.told != err.Error() {
			w.told = err.Error()
			w.Log.Warn("the CameraInfo beside the pictures is of no use, so that messages have no bearing by it", "why", err)
		}
		return
	}
	w.raw = string(what)
	w.Log.Info("the lens is that of CameraInfo", "model", m.Model, "size", [2]int{m.Width, m.Height})
	w.Set(l)
}
