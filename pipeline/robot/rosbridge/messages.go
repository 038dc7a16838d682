package rosbridge

import (
	"math"
	"strconv"

	bridge "deixis/camera/rosbridge"
	"deixis/pipeline/robot"
)

// The types of the topics. vision_msgs is that of release 4 (Humble, Jazzy).
const (
	typeString      = "std_msgs/msg/String"
	typeDetections  = "vision_msgs/msg/Detection2DArray"
	typeVector      = "geometry_msgs/msg/Vector3Stamped"
	typePoint       = "geometry_msgs/msg/PointStamped"
	typeRegion      = "sensor_msgs/msg/RegionOfInterest"
	typeDiagnostics = "diagnostic_msgs/msg/DiagnosticArray"
	typePicture     = "sensor_msgs/msg/CompressedImage"
	typeClock       = "rosgraph_msgs/msg/Clock"
	typeCameraInfo  = "sensor_msgs/msg/CameraInfo"
)

type text struct {
	Data string `json:"data"`
}

// vector is geometry_msgs/msg/Vector3, and Point, which has the same fields.
type vector struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
	Z float64 `json:"z"`
}

type vectorStamped struct {
	Header bridge.Header `json:"header"`
	Vector vector        `json:"vector"`
}

type quaternion struct {
	vector
	W float64 `json:"w"`
}

type pose struct {
	Position    vector     `json:"position"`
	Orientation quaternion `json:"orientation"`
}

type poseWithCovariance struct {
	Pose       pose        `json:"pose"`
	Covariance [36]float64 `json:"covariance"`
}

type hypothesis struct {
	ClassID string  `json:"class_id"`
	Score   float64 `json:"score"`
}

type hypothesisWithPose struct {
	Hypothesis hypothesis         `json:"hypothesis"`
	Pose       poseWithCovariance `json:"pose"`
}

type point2D struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

type pose2D struct {
	Position point2D `json:"position"`
	Theta    float64 `json:"theta"`
}

type box2D struct {
	Center pose2D  `json:"center"`
	SizeX  float64 `json:"size_x"`
	SizeY  float64 `json:"size_y"`
}

type detection struct {
	Header  bridge.Header        `json:"header"`
	Results []hypothesisWithPose `json:"results"`
	Box     box2D                `json:"bbox"`
	ID      string               `json:"id"`
}

type detections struct {
	Header     bridge.Header `json:"header"`
	Detections []detection   `json:"detections"`
}

// Where the covariance of x, y, z and three turns has the variance of z, and how many
// standard deviations lie between the quartiles of what is normal.
const (
	depthVariance = 2*6 + 2
	quartiles     = 1.349
)

// newDetections are the target of m, or none where it may not be acted on.
func newDetections(h bridge.Header, m *robot.Message, id string) detections {
	all := detections{Header: h, Detections: []detection{}}
	if m.State != "locked" || m.Box == nil {
		return all
	}
	b := m.Box
	r := hypothesisWithPose{Hypothesis: hypothesis{m.Phrase, m.Score}}
	r.Pose.Pose.Orientation.W = 1
	if d := m.Depth; d != nil && d.Point != nil {
		r.Pose.Pose.Position = vector{d.Point[0], d.Point[1], d.Point[2]}
		r.Pose.Covariance[depthVariance] = d.SpreadM * d.SpreadM / (quartiles * quartiles)
	}
	all.Detections = append(all.Detections, detection{
		Header: h, Results: []hypothesisWithPose{r}, ID: id,
		Box: box2D{Center: pose2D{Position: point2D{(b[0] + b[2]) / 2, (b[1] + b[3]) / 2}}, SizeX: b[2] - b[0], SizeY: b[3] - b[1]},
	})
	return all
}

// newBearing is the direction of the box's centre, of length 1 in the optical frame.
func newBearing(h bridge.Header, b *robot.Bearing) vectorStamped {
	return vectorStamped{h, vector{
		math.Cos(b.Elevation) * math.Sin(b.Azimuth), -math.Sin(b.Elevation), math.Cos(b.Elevation) * math.Cos(b.Azimuth),
	}}
}

type pointStamped struct {
	Header bridge.Header `json:"header"`
	Point  vector        `json:"point"`
}

type region struct {
	X       uint32 `json:"x_offset"`
	Y       uint32 `json:"y_offset"`
	Height  uint32 `json:"height"`
	Width   uint32 `json:"width"`
	Rectify bool   `json:"do_rectify"`
}

// newRegion is all pixels that the box touches; none where it may not be acted on.
func newRegion(m *robot.Message) region {
	if m.State != "locked" || m.Box == nil {
		return region{}
	}
	x, y := math.Floor(max(0, m.Box[0])), math.Floor(max(0, m.Box[1]))
	return region{X: uint32(x), Y: uint32(y), Width: uint32(math.Ceil(m.Box[2]) - x), Height: uint32(math.Ceil(m.Box[3]) - y)}
}

type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type diagnosticStatus struct {
	Level    int        `json:"level"`
	Name     string     `json:"name"`
	Message  string     `json:"message"`
	Hardware string     `json:"hardware_id"`
	Values   []keyValue `json:"values"`
}

type diagnostics struct {
	Header bridge.Header      `json:"header"`
	Status []diagnosticStatus `json:"status"`
}

// The levels of diagnostic_msgs/msg/DiagnosticStatus that are used.
const (
	levelOK    = 0
	levelWarn  = 1 // the pictures are too old
	levelError = 2 // no pictures come
	levelStale = 3 // the sender ends
)

// newDiagnostics says how the sender of m is: whether pictures come, and what of them.
func newDiagnostics(h bridge.Header, m *robot.Message) diagnostics {
	s := diagnosticStatus{Name: "deixis: " + m.Name, Hardware: m.Source, Message: m.State}
	rule := ""
	if m.Refused != nil {
		rule, s.Message = m.Refused.Rule, m.State+": "+m.Refused.Why
	}
	s.Level = map[string]int{robot.RuleAge: levelWarn, robot.RuleSource: levelError, robot.RuleEnd: levelStale}[rule]
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	s.Values = []keyValue{
		{"phrase", m.Phrase}, {"state", m.State}, {"refused", rule}, {"score", number(m.Score)}, {"age_ms", number(m.AgeMS)},
		{"track", strconv.Itoa(m.Track)}, {"frame", strconv.FormatUint(m.Frame, 10)}, {"boot", m.Boot}, {"seq", strconv.FormatUint(m.Seq, 10)},
	}
	return diagnostics{h, []diagnosticStatus{s}}
}
