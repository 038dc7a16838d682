"""Prints the boxes of a label file as readers that are not ours see them: [label, track, frame, x1, y1, x2, y2] a line.

read.py FORMAT FILE [CONFIG]. Frames count from 0. Where a format holds keyframes only, they are interpolated linearly.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path


def say(label: str, track: int, frame: int, x: float, y: float, w: float, h: float) -> None:
    print(json.dumps([label, track, frame, x, y, x + w, y + h]))


def coco(file: str) -> None:
    from contextlib import redirect_stdout

    from pycocotools.coco import COCO

    with redirect_stdout(sys.stderr):
        c = COCO(file)
    names = {k["id"]: k["name"] for k in c.loadCats(c.getCatIds())}
    for image in c.loadImgs(c.getImgIds()):
        for a in c.loadAnns(c.getAnnIds(imgIds=[image["id"]])):
            say(names[a["category_id"]], a["track_id"], image["frame_id"], *a["bbox"])


def datumaro(kind: str, file: str) -> None:
    import datumaro as dm

    with tempfile.TemporaryDirectory() as folder:
        if file.endswith(".zip"):
            zipfile.ZipFile(file).extractall(folder)
        elif Path(file).is_dir():
            folder = file
        elif kind == "coco_instances":
            (Path(folder) / "annotations").mkdir()
            (Path(folder) / "images" / "all").mkdir(parents=True)
            (Path(folder) / "annotations" / "instances_all.json").write_bytes(Path(file).read_bytes())
        else:
            (Path(folder) / "annotations.xml").write_bytes(Path(file).read_bytes())
        found = dm.Dataset.import_from(folder, kind)
        names = [k.name for k in found.categories()[dm.AnnotationType.label]]
        tracks: dict[int, list[tuple[int, bool, bool, str, list[float]]]] = {}
        for item in found:
            frame = int(item.attributes.get("frame", -1))
            if kind == "mot_seq":
                frame = int(item.id) - 1
            elif kind in ("coco_instances", "yolo"):
                frame = int(item.id.rsplit("/")[-1].split("_")[0])
            for a in item.annotations:
                if a.type == dm.AnnotationType.bbox:
                    off = bool(a.attributes.get("outside", False))
                    track = int(a.attributes.get("track_id", -1))
                    tracks.setdefault(track, []).append((frame, off, True, names[a.label], a.get_bbox()))
        for track, boxes in sorted(tracks.items()):
            boxes.sort(key=lambda b: b[0])
            if kind != "cvat":
                for frame, _, _, name, box in boxes:
                    say(name, track, frame, *box)
                continue
            for (f0, off0, _, name, b0), after in zip(boxes, [*boxes[1:], None], strict=True):
                if off0:
                    continue
                f1, off1, b1 = (after[0], after[1], after[4]) if after else (f0 + 1, True, b0)
                for frame in range(f0, f1 if after else f0 + 1):
                    s = 0.0 if off1 else (frame - f0) / (f1 - f0)
                    say(name, track + 1, frame, *(p + s * (q - p) for p, q in zip(b0, b1, strict=True)))


def labelstudio(file: str, config: str) -> None:
    from label_studio_sdk._extensions.label_studio_tools.postprocessing.video import extract_key_frames
    from label_studio_sdk.label_interface import LabelInterface

    (task,) = json.loads(Path(file).read_text())
    wide, high = task_size()
    for p in task["predictions"]:
        wrong = LabelInterface(Path(config).read_text()).validate_prediction(p, return_errors=True)
        if wrong:
            sys.exit(f"label-studio-sdk refuses the prediction: {wrong}")
        for r in extract_key_frames(p["result"]):
            seen = {k["frame"]: k for k in r["value"]["sequence"]}
            for frame, k in sorted(seen.items()):
                x, y, w, h = k["x"] * wide, k["y"] * high, k["width"] * wide, k["height"] * high
                track = int(r["id"].removeprefix("track"))
                say(r["value"]["labels"][0], track, frame - 1, x / 100, y / 100, w / 100, h / 100)


def task_size() -> tuple[float, float]:
    wide, high = sys.argv[4].split("x")
    return float(wide), float(high)


def refs(folder: str) -> None:
    """By the trainer, which looks at the pictures, too: run with its own Python."""
    from ca2m.data import checks

    for r in checks.load(f"{folder}/refs.jsonl"):
        frame = int(Path(r.image).name.split(".")[0].split("_")[0])
        if r.box is not None:
            x1, y1, x2, y2 = r.box
            say(r.phrase, -1, frame, x1, y1, x2 - x1, y2 - y1)


def vtt(file: str) -> None:
    import webvtt

    for c in webvtt.read(file):
        said = json.loads(c.text)
        print(json.dumps([said["phrase"], said["track"], c.start_in_seconds, *said["xywh"], c.start, c.end]))


def vtt_frames(file: str, fps: str) -> None:
    """Cues of a video with a fixed rate, by frame."""
    import webvtt

    for c in webvtt.read(file):
        said = json.loads(c.text)
        hours, minutes, seconds = (float(v) for v in c.start.split(":"))
        say(said["phrase"], said["track"], round((3600 * hours + 60 * minutes + seconds) * float(fps)), *said["xywh"])


if __name__ == "__main__":
    kind, file = sys.argv[1:3]
    if kind == "coco":
        coco(file)
    elif kind == "labelstudio":
        labelstudio(file, sys.argv[3])
    elif kind == "refs":
        refs(file)
    elif kind == "webvtt_frames":
        vtt_frames(file, sys.argv[3])
    elif kind == "webvtt":
        vtt(file)
    else:
        datumaro(kind, file)
