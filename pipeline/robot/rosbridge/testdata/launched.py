"""What the example's launch file starts, as JSON: the command line of each process. ROS itself is
not needed: the few names of launch and launch_ros that it uses stand in here.

launched.py [NAME:=VALUE ...]
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

given = dict(a.split(":=", 1) for a in sys.argv[1:])
declared, processes, nodes = {}, [], []


class LaunchConfiguration:
    def __init__(self, name):
        self.name = name

    def perform(self, _context):
        return given.get(self.name, declared[self.name])


def declare(name, default_value, description):
    assert description
    declared[name] = default_value


def module(name, **names):
    sys.modules[name] = types.SimpleNamespace(**names)


module("launch", LaunchDescription=list)
module(
    "launch.actions",
    DeclareLaunchArgument=declare,
    ExecuteProcess=lambda cmd, **_: processes.append(cmd),
    OpaqueFunction=lambda function: function,
)
module("launch.substitutions", LaunchConfiguration=LaunchConfiguration)
module("launch_ros", actions=None)
module("launch_ros.actions", Node=lambda **node: nodes.append(node["package"] + "/" + node["executable"]))

spec = importlib.util.spec_from_file_location("example", Path(__file__).parent.parent / "examples" / "deixis.launch.py")
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)
for action in example.generate_launch_description():
    if callable(action):
        action(None)
assert set(given) <= set(declared), f"{set(given) - set(declared)} are no arguments"
print(json.dumps({"nodes": nodes, "processes": processes}))
