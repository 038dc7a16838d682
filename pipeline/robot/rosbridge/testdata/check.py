"""Serialises messages as ROS 2 Humble does: rosbags' own store of types, and vision_msgs 4.

Reads JSON lines of {"topic", "type", "msg"} and writes each message as it comes back from its
serialised form. A field that is missing, too many or of the wrong kind ends it.
"""

import base64
import json
import sys

import numpy
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.base import Nodetype

VISION = {  # the fields of vision_msgs 4.1
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose",
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\nvision_msgs/BoundingBox2D bbox\nstring id",
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
}

store = get_typestore(Stores.ROS2_HUMBLE)
for name, text in VISION.items():
    store.register(get_types_from_msg(text, f"vision_msgs/msg/{name}"))

PYTHON = {"bool": bool, "string": str, "float32": (int, float), "float64": (int, float)}


def build(kind, value, where):
    """The message, number or list that JSON tells of, strictly."""
    node, of = kind
    if node == Nodetype.BASE:
        want = PYTHON.get(of[0], int)
        if not isinstance(value, want) or (isinstance(value, bool) and want is not bool):
            raise TypeError(f"{where}: {value!r} is no {of[0]}")
        return float(value) if of[0].startswith("float") else value
    if node == Nodetype.NAME:
        return message(of, value, where)
    item, length = of
    if isinstance(value, str) and item[1][0] in ("uint8", "octet"):
        value = list(base64.b64decode(value, validate=True))
    if node == Nodetype.ARRAY and len(value) != length:
        raise TypeError(f"{where}: {len(value)} values, not {length}")
    all_ = [build(item, v, f"{where}[{i}]") for i, v in enumerate(value)]
    if item[0] == Nodetype.BASE and item[1][0] != "string":
        return numpy.array(all_, dtype=item[1][0])
    return all_


def message(name, value, where):
    fields = store.fielddefs[name][1]
    names = [f for f, _ in fields]
    if sorted(names) != sorted(value):
        raise TypeError(f"{where}: {name} has the fields {sorted(names)}, not {sorted(value)}")
    return store.types[name](**{f: build(kind, value[f], f"{where}.{f}") for f, kind in fields})


def plain(kind, value):
    """What JSON would say of a message."""
    node, of = kind
    if node == Nodetype.BASE:
        return value
    if node == Nodetype.NAME:
        return {f: plain(k, getattr(value, f)) for f, k in store.fielddefs[of][1]}
    if of[0][0] == Nodetype.BASE and of[0][1][0] == "uint8":
        return base64.b64encode(bytes(value)).decode()
    return [plain(of[0], v.item() if hasattr(v, "item") else v) for v in value]


for line in sys.stdin:
    m = json.loads(line)
    kind = (Nodetype.NAME, m["type"])
    raw = store.serialize_cdr(message(m["type"], m["msg"], m["topic"]), m["type"])
    print(json.dumps({"topic": m["topic"], "bytes": len(raw), "msg": plain(kind, store.deserialize_cdr(raw, m["type"]))}))
