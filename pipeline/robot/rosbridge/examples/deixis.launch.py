"""rosbridge and deixis, which looks for a phrase in a camera's topic."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

ARGUMENTS = {
    "image": ("/camera/image_raw/compressed", "topic of sensor_msgs/msg/CompressedImage; CameraInfo is looked for beside it"),
    "depth": ("", "topic of compressedDepth that is registered to it; empty for none"),
    "phrase": ("the red cup", "what to look for at first"),
    "name": ("arm", "part of the topics: /deixis/NAME/target and so on"),
    "port": ("9090", "of the rosbridge server"),
    "frame_id": ("", "frame of the camera; empty for that of its pictures"),
}


def command(value):
    """The command line of deixis; value gives each argument."""
    server = "127.0.0.1:" + value("port")
    line = ["deixis", "live", f"ros://{server}{value('image')}", "--headless", "--phrase", value("phrase")]
    line += ["--rosbridge", f"ws://{server}", "--name", value("name"), "--commands-from-anyone"]
    if value("depth"):
        line += ["--depth", f"ros://{server}{value('depth')}"]
    if value("frame_id"):
        line += ["--frame-id", value("frame_id")]
    return line


def start(context):
    return [ExecuteProcess(cmd=command(lambda name: LaunchConfiguration(name).perform(context)), output="screen", respawn=True)]


def generate_launch_description():
    return LaunchDescription(
        [DeclareLaunchArgument(name, default_value=default, description=text) for name, (default, text) in ARGUMENTS.items()]
        + [
            Node(
                package="rosbridge_server",
                executable="rosbridge_websocket",
                parameters=[{"port": LaunchConfiguration("port"), "address": "127.0.0.1"}],
            ),
            OpaqueFunction(function=start),
        ]
    )
