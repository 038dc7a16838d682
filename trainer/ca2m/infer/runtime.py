"""A bundle's graphs in ONNX Runtime, as the program runs them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from ca2m.infer.pointer import Pointed
from ca2m.net import words

FORMAT = 1


NAMES = {
    "frame": (["image"], ["visual"]),
    "phrase": (["input_ids", "attention_mask"], ["words"]),
    "ground": (["visual", "words", "attention_mask"], ["boxes", "scores", "present", "attention", "cls_box"]),
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
        encoded = self.tok.encode_batch(phrases)
        ids = np.array([e.ids for e in encoded], np.int64)
        mask = np.array([e.attention_mask for e in encoded], np.int64)
        spoken = self.sessions["phrase"].run(["words"], {"input_ids": ids, "attention_mask": mask})[0]
        feed = {"visual": visual, "words": spoken, "attention_mask": mask}
        boxes, scores, present, cls = self.sessions["ground"].run(["boxes", "scores", "present", "cls_box"], feed)
        return [Pointed(boxes[i], scores[i], float(present[i]), cls[i]) for i in range(len(phrases))]
