"""Another project's client, roslibpy, at the other end: says a phrase and a command, and writes
what comes on the topics as JSON lines, until it is killed.

peer.py HOST PORT NAME [MAC fields as JSON]
"""

import json
import sys

import roslibpy

host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ros = roslibpy.Ros(host, port)
if len(sys.argv) > 4:
    ros.authenticate(**json.loads(sys.argv[4]))
TOPICS = {
    f"/deixis/{name}/target": "std_msgs/msg/String",
    f"/deixis/{name}/detections": "vision_msgs/msg/Detection2DArray",
    f"/deixis/{name}/bearing": "geometry_msgs/msg/Vector3Stamped",
    f"/deixis/{name}/region": "sensor_msgs/msg/RegionOfInterest",
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
}


def hear(topic):
    return lambda msg: print(json.dumps({"topic": topic, "msg": dict(msg)}), flush=True)


def begin():
    for topic, kind in TOPICS.items():
        roslibpy.Topic(ros, topic, kind).subscribe(hear(topic))
    for topic, text in (("phrase", "the blue box"), ("command", "stop")):
        t = roslibpy.Topic(ros, f"/deixis/{name}/{topic}", "std_msgs/msg/String")
        t.advertise()
        t.publish(roslibpy.Message({"data": text}))
    print(json.dumps({"topic": "", "msg": {}}), flush=True)


ros.on_ready(begin)
ros.run_forever()
