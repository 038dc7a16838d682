"""Turns a robot to the target of deixis, and stops it when the target expires.

Needs roslibpy 2 and a rosbridge server. Acts on /deixis/NAME/target alone, since only that
message says until when it is valid.
"""

import argparse
import json
import threading
import time

import roslibpy

LEAST_HEARD = 5  # messages of a boot before one is acted on, so that the quickest tells how long the way takes
GAIN = 1.5  # speed for each radian off, 1/s
MOST = 0.8  # greatest speed, rad/s
EVERY = 0.1  # seconds from one command to the next


class Target:
    """What may be acted on, by a clock that never jumps; any thread may call its methods."""

    def __init__(self):
        self.lock = threading.Lock()
        self.boot, self.retired = None, set()
        self.seq, self.heard, self.offset, self.until, self.last = 0, 0, 0.0, 0.0, None

    def take(self, message, now):
        """Takes a message that came at now, seconds; one that is not newer is of no use."""
        with self.lock:
            if message["v"] != 1 or message["boot"] in self.retired:
                return
            offset = now - message["up_ms"] / 1000
            if message["boot"] != self.boot:
                self.retired.add(self.boot)
                self.boot, self.seq, self.heard, self.offset, self.until = message["boot"], 0, 0, offset, 0.0
            self.offset = min(self.offset, offset)
            if message["seq"] <= self.seq:
                return
            self.seq, self.last = message["seq"], message
            self.heard += 1
            late = offset - self.offset
            self.until = now - late + message["valid_for_ms"] / 1000

    def at(self, now):
        """The message to act on at now; None is to stop."""
        with self.lock:
            if self.last is None or self.last["state"] != "locked" or self.heard < LEAST_HEARD or now >= self.until:
                return None
            return self.last


def turn(message):
    """Speed about the upright axis, rad/s: ROS counts to the left, a bearing to the right."""
    if message is None or message["bearing"] is None:
        return 0.0
    return max(-MOST, min(MOST, -GAIN * message["bearing"]["azimuth"]))


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--host", default="127.0.0.1")
    args.add_argument("--port", type=int, default=9090)
    args.add_argument("--name", default="arm", help="--name of deixis")
    args.add_argument("--topic", default="/cmd_vel", help="where geometry_msgs/msg/Twist goes")
    args.add_argument("--phrase", help="what to look for")
    c = args.parse_args()
    ros = roslibpy.Ros(c.host, c.port)
    target = Target()
    ros.run()
    roslibpy.Topic(ros, f"/deixis/{c.name}/target", "std_msgs/msg/String").subscribe(
        lambda m: target.take(json.loads(m["data"]), time.monotonic())
    )
    if c.phrase:
        phrase = roslibpy.Topic(ros, f"/deixis/{c.name}/phrase", "std_msgs/msg/String")
        phrase.advertise()
        phrase.publish(roslibpy.Message({"data": c.phrase}))
    wheels = roslibpy.Topic(ros, c.topic, "geometry_msgs/msg/Twist")
    wheels.advertise()
    try:
        while True:
            speed = turn(target.at(time.monotonic()))
            zero = {"x": 0.0, "y": 0.0, "z": 0.0}
            wheels.publish(roslibpy.Message({"linear": zero, "angular": dict(zero, z=speed)}))
            time.sleep(EVERY)
    finally:
        ros.terminate()


if __name__ == "__main__":
    main()
