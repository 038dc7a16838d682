"""The loop that one writes in Python: read, resize, run, box. `deixis bench` measures itself against it."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from urllib.parse import parse_qs, urlparse

import cv2
import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

PROVIDERS = {
    "cpu": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
}
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


def frames(source: str) -> Iterator[np.ndarray]:
    """Frames of a source without end, uint8 BGR (H, W, 3); a file or folder begins anew."""
    if source.startswith("pattern://"):
        yield from pattern(source)
    path = Path(source)
    if path.is_dir() or path.suffix.lower() in PICTURES:
        yield from pictures(path)
    while True:
        capture = cv2.VideoCapture(int(source) if source.isdigit() else source.removeprefix("v4l2://"))
        ok, frame = capture.read()
        if not ok:
            raise SystemExit(f"read source {source}: no frame (is it a video, a camera or a stream?)")
        while ok:
            yield frame
            ok, frame = capture.read()
        capture.release()


def pictures(path: Path) -> Iterator[np.ndarray]:
    """The pictures of a folder in order, or one picture, again and again."""
    names = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES) if path.is_dir() else [path]
    while names:
        for name in names:
            frame = cv2.imread(str(name))
            if frame is None:
                raise SystemExit(f"read picture {name}: OpenCV cannot decode it")
            yield frame
    raise SystemExit(f"read source {path}: no pictures in it")


def pattern(source: str) -> Iterator[np.ndarray]:
    """The program's test pattern: a red square and a green disc before a blue sky."""
    at = urlparse(source)
    size, _, rate = at.netloc.partition("@")
    w, h = (int(n) for n in (size or "640x480").split("x"))
    fps, most = float(rate or 30), int(parse_qs(at.query).get("frames", ["0"])[0])
    y, x = np.mgrid[0:h, 0:w]
    tiles = (8 * x // w + 8 * y // h) % 2
    back = np.stack([200 - 120 * y // h, 90 + 60 * x // w, 60 + 40 * tiles], -1).astype(np.uint8)
    side, n = min(w, h) / 5, 0
    while True:
        frame, t = back.copy(), n / fps
        left = int((w - side) * (0.5 + 0.5 * math.sin(2 * math.pi * t / 4)))
        frame[int(h * 0.62) : int(h * 0.62) + int(side), left : left + int(side)] = (40, 40, 220)
        left = int((w - side) * (0.5 + 0.5 * math.cos(2 * math.pi * t / 7)))
        cv2.circle(frame, (left + int(side) // 2, int(h * 0.15) + int(side) // 2), int(side) // 2, (60, 190, 70), -1)
        yield frame
        n = (n + 1) % most if most else n + 1


class Loop:
    """A bundle in ONNX Runtime, for one phrase."""

    def __init__(self, bundle: Path, phrase: str, provider: str, precisions: list[str], threads: int) -> None:
        about = json.loads((bundle / "bundle.json").read_text())
        self.side = about["image"]["size"]
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3

        def session(name: str) -> ort.InferenceSession:
            files = {g["precision"]: g["file"] for g in about["graphs"][name]}
            file = next(files[p] for p in [*precisions, "fp32"] if p in files)
            return ort.InferenceSession(str(bundle / file), options, providers=PROVIDERS[provider])

        self.frame, self.ground = session("frame"), session("ground")
        tokenizer = Tokenizer.from_file(str(bundle / about["phrase"]["tokenizer"]))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        ids = np.array([tokenizer.encode(phrase).ids], np.int64)
        self.phrase: dict[str, Any] = {"attention_mask": np.ones_like(ids)}
        self.phrase["words"] = session("phrase").run(["words"], {"input_ids": ids, **self.phrase})[0]

    def box(self, frame: np.ndarray) -> np.ndarray:
        """The best box in the frame's pixels, corner form (4,)."""
        small = cv2.resize(frame, (self.side, self.side), interpolation=cv2.INTER_AREA)
        image = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)[None]
        visual = self.frame.run(["visual"], {"image": image})[0]
        boxes, _, _ = self.ground.run(["boxes", "scores", "present"], {"visual": visual, **self.phrase})
        h, w = frame.shape[:2]
        return boxes[0, 0] * (w, h, w, h)


def main() -> None:
    """One JSON line: frames, seconds, frames a second, CPU a frame, and the last box."""
    parser = argparse.ArgumentParser(prog="python -m ca2m.ship.loop", description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--phrase", required=True)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--provider", choices=PROVIDERS, default="cpu")
    parser.add_argument("--precision", default="int8,fp32", help="precisions, best first")
    parser.add_argument("--threads", type=int, default=0)
    a = parser.parse_args()
    loop = Loop(a.bundle, a.phrase, a.provider, a.precision.split(","), a.threads)
    source = frames(a.source)
    for _ in range(3):  # the first runs are slower
        box = loop.box(next(source))
    began, busy = perf_counter(), process_time()
    for _ in range(a.frames):
        box = loop.box(next(source))
    took, busy = perf_counter() - began, process_time() - busy
    fps = round(a.frames / took, 3)
    cpu = round(1000 * busy / a.frames, 2)  # ms of all cores together, a frame
    summary = {"frames": a.frames, "seconds": round(took, 4), "fps": fps, "cpu_ms": cpu, "box": box.round(2).tolist()}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
