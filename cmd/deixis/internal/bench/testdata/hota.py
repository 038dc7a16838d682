"""HOTA and IDF1 (trackeval) of the folders that `deixis bench tracks --mot DIR` writes: hota.py DIR.

Prints a line a scene, and the figures of all scenes together (sums before ratios, as trackeval combines sequences), as
JSON. `phrase` counts all boxes of a phrase as one track, `track` each track by itself.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import sys
from pathlib import Path

import numpy as np

with contextlib.redirect_stdout(sys.stderr):
    from trackeval.metrics import HOTA, Identity

Boxes = dict[int, list[tuple[int, list[float]]]]


def read(file: Path) -> Boxes:
    frames: Boxes = {}
    for line in file.read_text().splitlines():
        frame, track, x, y, w, h = (float(v) for v in line.split(",")[:6])
        frames.setdefault(int(frame), []).append((int(track), [x, y, x + w, y + h]))
    return frames


def iou(a: list[float], b: list[float]) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / area


def sequence(truth: Boxes, said: Boxes, frames: int, one: bool) -> dict[str, object]:
    """What trackeval's metrics take. Ids count from 0 without gaps."""
    number: dict[int, int] = {}
    data: dict[str, object] = {"num_timesteps": frames, "num_gt_ids": 1 if truth else 0}
    gt_ids, ids, alike = [], [], []
    for t in range(1, frames + 1):
        g, s = truth.get(t, []), said.get(t, [])
        gt_ids.append(np.zeros(len(g), dtype=int))
        ids.append(np.array([number.setdefault(0 if one else k, len(number)) for k, _ in s], dtype=int))
        alike.append(np.array([[iou(a, b) for _, b in s] for _, a in g]).reshape(len(g), len(s)))
    data |= {"gt_ids": gt_ids, "tracker_ids": ids, "similarity_scores": alike, "num_tracker_ids": len(number)}
    data["num_gt_dets"] = sum(len(g) for g in gt_ids)
    data["num_tracker_dets"] = sum(len(s) for s in ids)
    return data


def main(folder: Path) -> None:
    hota, identity = HOTA(), Identity()
    scenes = sorted(p.parent for p in folder.glob("*/gt.txt"))
    table: dict[str, dict[str, dict[str, float]]] = {}
    for kind in ("raw", "lock", "whole"):
        for one in (True, False):
            h, i = {}, {}
            for scene in scenes:
                info = configparser.ConfigParser()
                info.read(scene / "seqinfo.ini")
                frames = int(info["Sequence"]["seqLength"])
                data = sequence(read(scene / "gt.txt"), read(scene / f"{kind}.txt"), frames, one)
                h[scene.name] = hota.eval_sequence(data)
                with contextlib.redirect_stdout(sys.stderr):
                    i[scene.name] = identity.eval_sequence(data)
            h["all"], i["all"] = hota.combine_sequences(h), identity.combine_sequences(i)
            for name in h:
                row = table.setdefault(name, {})
                row[f"{kind}/{'phrase' if one else 'track'}"] = {
                    "HOTA": round(float(np.mean(h[name]["HOTA"])), 3),
                    "IDF1": round(float(i[name]["IDF1"]), 3),
                }
    for name, row in table.items():
        print(json.dumps({"scene": name, **row}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
