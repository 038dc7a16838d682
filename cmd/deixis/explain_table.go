package main

import "deixis/cmd/deixis/internal/app"

// An explanation is what an exit code or a line of the log means, and what to do.
type explanation struct {
	Code  int    `json:"code"` // of the program; -1 for a line of the log
	Says  string `json:"says"` // how it is written in the log, or what the code stands for
	Means string `json:"means"`
	Do    string `json:"do"`
}

// explanations has every exit code, and every warning and error that the program can
// log: a test reads them from the code.
var explanations = []explanation{
	{app.ExitOK, "done", "What was asked for is done.", "Nothing."},
	{app.ExitFailed, "failed while running", "It began well, and then something outside failed: a disk that is full, a file that cannot be written, a network that gives no answers.", "Read the line that begins with \"deixis:\"; it says what, where and what to do. What was written until then is whole."},
	{app.ExitUsage, "usage", "The command line, a DEIXIS_* variable or the --config file says something that cannot be: an unknown flag or key, a value out of its bounds, an empty or overlong phrase.", "Correct what the line names. deixis COMMAND --help lists the flags; deixis config check FILE names what is wrong with a file, by line."},
	{app.ExitInput, "input missing or broken", "A file, camera, microphone or stream is not there, may not be read, or holds something else than its name says.", "Look at the name in the line. deixis devices lists cameras and microphones; for one that may not be opened, add the user to the groups video and audio."},
	{app.ExitModel, "model bundle or runtime library", "The bundle, the models that hear, or ONNX Runtime's library is missing, damaged or of another version.", "deixis doctor says which. deixis bundle verify checks every file; --bundle DIR, --speech DIR and --ort-library FILE name others."},

	// The source of pictures.
	{-1, "the source is not there yet, waiting for it", "The camera or stream did not open. The program stays, and tries again and again; the page says that the camera is away.", "Plug the camera in, or start the stream. \"why\" has the cause. deixis devices lists what is there."},
	{-1, "source lost, trying again", "Pictures came, and then no more. The source is opened again until it answers; boxes are hidden meanwhile.", "Check the cable, the power and the network of the camera. Where it happens often with USB, try another port or a smaller --size."},
	{-1, "the camera gives something else than it was asked for (`deixis devices` lists what it can)", "--size, --fps or --pixel-format name a mode that the camera has not; it took the nearest.", "Ask for a mode that deixis devices lists, or leave the flags out."},
	{-1, "the recording ended before its count of frames: it was cut, or the connection broke", "A recording over the network says how many frames it has, and fewer came.", "Fetch the file whole and play it from the disk."},
	{-1, "frames that could not be decoded were passed over", "The video is damaged in places. The frames around are used, and times stay right.", "Nothing, if few. Otherwise copy the file again, or write it anew: ffmpeg -i BAD.mp4 GOOD.mp4."},
	{-1, "the reader of a video ended and is started again", "Video is decoded in a child process. It crashed, took too much memory or gave no frame for long, and another goes on after it.", "Nothing, if once. If again at the same frame, the file is damaged there; --reader-memory and --reader-timeout give it more room."},
	{-1, "video is read without a child process", "The child that decodes video could not be started, so that a crash of a decoder would end the program.", "\"why\" has the cause: mostly a limit on processes, or a system that allows none."},
	{-1, "pictures that are not read", "The folder holds files beside the pictures that are named as if they were some.", "Nothing, unless a picture of yours is among \"files\": then its format is not one of JPEG, PNG, BMP, TIFF or WebP."},
	{-1, "a picture of the topic cannot be read and is passed over, as others will be", "A message of a ros:// source is no picture that can be decoded. The source goes on.", "\"why\" has the cause: the topic must be sensor_msgs/CompressedImage of JPEG or PNG."},
	{-1, "picture passed over", "One picture of the folder is damaged, too large or no picture. The others go on.", "Look at \"file\". A picture larger than --max-pixels is taken with a larger limit."},

	// The network and phrases.
	{-1, "provider failed", "What runs the network (TensorRT, CUDA) failed while running. The next in line takes over.", "\"why\" has the cause: mostly GPU memory, or a driver that was updated meanwhile. Restart for another try, or ask for --provider cpu."},
	{-1, "the network goes on", "After a provider failed another runs the network, mostly more slowly.", "See \"provider failed\" before it."},
	{-1, "a frame has no answer", "The network failed on one frame. The next are tried; after many in a row the program ends.", "If it stays the only one, nothing. Otherwise deixis bundle verify and deixis doctor."},
	{-1, "this phrase asks for more than the weights can", "The phrase has something that the weights were not trained for: a negation, counting beyond the third, another language than English.", "Say it otherwise: \"the red cup\" for \"the cup that is not blue\"."},
	{-1, "phrase refused", "A typed phrase is empty, too long or more than may be looked for at once.", "\"why\" says which; several phrases are separated by semicolons."},

	// Outputs.
	{-1, "output cannot keep up", "An output (a recording, the page, events) is slower than the line. It misses frames; nothing else waits for it.", "Record to a faster disk, ask for a smaller --size, or leave an output out. Frames skipped are counted on the page and in /metrics."},
	{-1, "output fails and is tried with each frame; the rest goes on", "An output cannot write at the moment, and is tried again with every frame.", "\"err\" has the cause: a disk that is full, a reader that is away."},
	{-1, "output failed and gets no more frames; the rest goes on", "A file that is written in order has lost a frame, so that it is closed with what it has.", "Free the disk, or name a file elsewhere, and start again. What was written until then can be played."},
	{-1, "an earlier run ended before this output was whole; what it had written is kept", "A run before this one was killed while it wrote. Its part was renamed, and is not lost.", "Look at \"kept\", and delete it if you need it no more."},
	{-1, "ffmpeg does not write this video, so that its rate is fixed", "Without ffmpeg a recording has one rate for all frames: where the camera's changes, the video runs a little too fast or slow.", "Install ffmpeg (\"why\" says what is missing of it), or ignore it where the camera is steady."},
	{-1, "too small to begin a recording with, left out of it", "The first picture is smaller than video can be. The recording begins with the first that is large enough.", "Nothing, or a larger --size."},
	{-1, "the desktop took the window away; all else goes on (Ctrl-C ends it)", "The window was lost with the desktop's session. The page, recordings and events go on.", "Start with --headless where no window is wanted."},

	// The page.
	{-1, "other machines reach the page, with the token only; what they send is not encrypted (--http-cert encrypts it)", "--http names an address of the network. Who brings the token comes in; who listens on the network can read it.", "--http-cert and --http-key encrypt, or a proxy that does; --http 127.0.0.1:7420 is for this machine only."},
	{-1, "watcher dropped: it reads too slowly", "Someone who watches the stream or the events took nothing for five seconds, and was sent away; the page comes back by itself.", "On a thin link choose a smaller picture on the page, or ask for api/stream.mjpeg?quality=30&fps=2."},
	{-1, "encode status", "A number of the state cannot be written as JSON. That is a fault of the program.", "Please report it, with the file that deixis doctor --bundle-report writes."},
	{-1, "correction not saved", "A box that somebody drew could not be written to the corrections folder; the page has said so.", "\"err\" has the cause: a full disk, or the limit of the folder (--corrections-limit)."},
	{-1, "a torn last line was taken away", "The corrections file ended in the middle of a line, as after a power cut. The torn line is in the log, the rest is whole.", "Nothing: draw that box again."},
	{-1, "settings not taken", "The --config file was to be taken anew (SIGUSR2, POST /api/reload, or a change on the page), and something in it is wrong. Nothing was changed.", "\"why\" has the line. deixis config check FILE lists all that is wrong."},
	{-1, "settings changed, but an output of before did not end cleanly", "A change of settings moved or ended a recording or the events; the file of before could not be finished.", "\"why\" has the cause, as a full disk. Look whether that file is whole; what runs now is as the settings say."},
	{-1, "settings that need a restart", "The --config file was taken anew; the keys named differ from what runs and cannot change while it does.", "Restart the program when it suits."},

	// Voice.
	{-1, "microphone", "The microphone is not there, or what it gives is silent, too loud or broken. It is tried again.", "\"why\" says which. deixis devices lists microphones; --listen-mic NAME takes another; look at the system's volume and permissions."},
	{-1, "listening ends", "The sound or its models failed, so that nobody listens any more. Pictures go on.", "\"err\" has the cause. Start again when it is mended."},
	{-1, "an utterance is dropped: words are written down slower than they come", "People talk faster than this machine writes down.", "--speech-beam 1 is fastest; --listen ptt or --listen wake leaves out what is not meant for it."},
	{-1, "what was said is not told", "An utterance was understood, but the events file could not be written.", "\"why\" has the cause: mostly a full disk."},
	{-1, "readings not compared with the picture", "Of several readings of an utterance the likeliest by sound was taken, because the network could not judge them.", "Nothing, if once; \"why\" has the cause."},

	// The service.
	{-1, "the service manager is not told", "systemd's socket ($NOTIFY_SOCKET) takes nothing, so that it does not know how the program is.", "\"err\" has the cause. Without a service manager leave NOTIFY_SOCKET unset."},
	{-1, "the line does not move; the service manager gets no sign of life", "No frame passed for longer than it may take, though the source is there. systemd restarts the program when its watchdog's time is over.", "Look at what was logged before. Where a frame rightly takes so long, raise WatchdogSec of the unit."},
	{-1, "the service manager's watchdog gets no sign of life", "WATCHDOG_USEC is too short to be met, or no number.", "Correct WatchdogSec of the unit."},
	{-1, "the phrases of the last run are not known", "The file of --state cannot be read, or holds something else. The program begins with the phrases of its command line.", "\"why\" has the cause. Delete the file if it stays."},
	{-1, "the phrases of the last run are not looked for", "The file of --state holds phrases that this bundle refuses.", "\"why\" says which. Phrases set now replace them."},
	{-1, "what is looked for is not kept for the next start; all else goes on", "The file of --state cannot be written.", "\"err\" has the cause: a full disk, or a folder that may not be written."},
	{-1, "what was looked for last may not be kept: the disk does not answer", "The program ended while the file of --state could not be written.", "Check the disk; the phrases before the last are kept."},

	// Robots.
	{-1, "target messages do not go out and are tried again; the rest goes on", "The broker or robot cannot be reached. The newest message is sent as soon as it can.", "\"err\" has the cause: address, user, certificate or network. The robot must not act on an old target: valid_until says how long it may."},
	{-1, "order refused", "Something sent over MQTT or TCP is no phrase and no command, or comes too often.", "\"why\" says what is wrong, \"from\" who sent it; pipeline/robot/README.md describes orders."},
	{-1, "messages have no bearing", "--fov or --camera-info do not fit the pictures, so that messages tell pixels and no angles.", "Calibrate for the size that the camera gives, or ask for that --size."},
	{-1, "a message cannot be encoded", "A number of a message cannot be written as JSON. That is a fault of the program.", "Please report it, with the file that deixis doctor --bundle-report writes."},
	{-1, "no depth comes, trying again; the rest goes on", "--depth names a stream or topic that gives nothing, or a folder without a picture for this frame.", "\"why\" has the cause: an address, or a topic that nobody publishes. Messages go on without distance."},
	{-1, "messages have no depth", "Depth pictures come and cannot be used: another size than the pictures, another time, or no valid pixels within the box.", "\"why\" says which. Depth must be registered to the picture, in millimetres."},
	{-1, "the rosbridge server says", "The rosbridge server has sent a warning or an error of its own; \"text\" has its words.", "Mostly a message type that it does not know: install vision_msgs on its side."},
	{-1, "the CameraInfo beside the pictures is of no use, so that messages have no bearing by it", "The topic of the camera's calibration names a model that is not known, or no calibration at all.", "Calibrate the camera (ROS's camera_calibration), or give --camera-info or --fov."},
	{-1, "the NATS server is away, trying again", "The connection to the NATS server was lost. It is made again as soon as the server answers.", "\"why\" has the cause: a restart, the network, or credentials that ran out."},
	{-1, "audit log cannot be written and is tried with each change; the rest goes on", "The folder of --audit cannot be written.", "\"err\" has the cause: a full disk, rights, or --audit-limit."},

	// annotate and bench.
	{-1, "an input is broken", "One of the recordings to annotate cannot be read. The others go on, and the program ends with its error.", "\"why\" says which and why. The same command once more goes on with it when it is mended."},
	{-1, "judgements are of a source that is not annotated", "The --fixes file has answers about recordings that this command does not name.", "Name those recordings, too, or ignore it."},
	{-1, "judgements fit no frame that was answered, or no phrase, and are left out", "The --fixes file was made with other phrases, or another --every or --fps.", "Use the same ones as when the review page was written."},
	{-1, "Label Studio's format is of videos, and is not written of pictures", "A folder of pictures was annotated, and --format names labelstudio.", "Use coco, cvat or yolo for pictures."},
	{-1, "no worker is there yet (start some with `deixis worker`)", "Jobs are queued, and nobody takes them.", "Start deixis worker nats://HOST on one or more machines with the same bundle."},
	{-1, "no worker takes these jobs yet: the answers of those that are there would not be the same bytes as this machine's (--any-worker lets them, where the bundle is the same)", "Workers are there whose processor, provider or versions differ, so that their answers may differ in the last digits.", "--any-worker lets them; without it start workers on machines like this one."},
	{-1, "jobs wait that this worker does not take: its answers would not be the same bytes (--any-worker of annotate allows it, where the bundle is the same)", "This worker's processor, provider, versions or bundle differ from those of who submitted.", "Use the same bundle and versions, or submit with --any-worker."},
	{-1, "a job failed", "A worker could not do a job. It is given to others, three times in all; then it is a dead letter, which who collects is told.", "\"why\" has the cause: mostly a file that is not on that machine. deixis queue lists failures."},
	{-1, "a message that is no job is taken out of the queue", "Something else than deixis wrote to the queue's stream.", "Find out who publishes to the subject named."},
	{-1, "a live source sets the pace: the line cannot be faster than it", "bench speed reads a camera or stream, and measures its pace.", "Measure with a recording or pattern://."},
	{-1, "python is not measured", "bench compares with a loop in Python, and could not run it.", "\"why\" has the cause; --python names an interpreter with onnxruntime and opencv."},
	{-1, "deixis live", "A program that bench started has warned; \"says\" has its words.", "deixis explain with those words."},
}
