"""Which precisions a bundle ships: each is written, measured beside fp32 and kept only where it pays."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort

from ca2m.data.augment import square
from ca2m.data.refs import Ref
from ca2m.geometry import iou
from ca2m.infer.runtime import NAMES, BundlePointer, session_of
from ca2m.measure.evaluate import Judged, judge, read_picture
from ca2m.ship import quantise
from ca2m.ship.bundle import describe

log = logging.getLogger("ca2m")

LOSS = 0.01  # of Acc@0.5: a graph that loses so much is not shipped
FASTER = 0.97  # an int8 graph must take less than this share of fp32's time
ASKED = 200  # phrases that choose how ranges are calibrated


@dataclass(frozen=True)
class Plan:
    """What to try. held: phrases on photos that are kept for calibration; val: phrases to measure on."""

    int8: tuple[str, ...] = ()  # graphs
    fp16: tuple[str, ...] = ()
    pictures: int = 128  # to calibrate with
    held: Sequence[Ref] = field(default=(), repr=False)
    val: Sequence[Ref] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if strange := sorted({*self.int8, *self.fp16} - set(NAMES)):
            raise ValueError(f"no graph {', '.join(strange)}: a bundle has {', '.join(NAMES)}")
        if (self.int8 or self.fp16) and not any(r.box for r in self.val):
            raise ValueError("fewer bits are shipped by their measured accuracy: give --refs with lines of split val")
        if "frame" in self.int8 and not self.held:
            raise ValueError("int8 of the frame graph is calibrated: --refs names no photo that is kept for that")


def add(folder: Path, graphs: dict[str, list[dict[str, Any]]], plan: Plan, threads: int = 2) -> dict[str, Any]:
    """Writes what the plan names beside the fp32 graphs in `folder`, which has its bundle.json, and lists in `graphs`
    what is kept, fastest first. Returns figures of each precision for `measured`."""
    figures: dict[str, Any] = {"on": f"CPU, {threads} threads", "graphs": {}}
    if not (plan.int8 or plan.fp16):
        return {}
    plain = list(judge(BundlePointer(folder, ("fp32",), threads), plan.val))
    figures["n"], figures["fp32"] = sum(j.iou is not None for j in plain), score(plain)
    log.info("fp32: Acc@0.5 %.4f of %d phrases", figures["fp32"]["acc50"], figures["n"])
    feeds = example(folder, plan.val, threads)
    for name in NAMES:
        for precision, wanted in (("int8", plan.int8), ("fp16", plan.fp16)):
            if name in wanted:
                path = folder / f"{name}.{precision}.onnx"
                row = _write(folder, name, precision, plan, path, threads)
                row |= _measured(folder, name, precision, path, plan, feeds[name], figures["fp32"], threads)
                figures["graphs"].setdefault(name, {})[precision] = row
    _together(folder, plan, figures, threads)
    for name, rows in figures["graphs"].items():
        for precision, row in rows.items():
            path = folder / f"{name}.{precision}.onnx"
            log.info("%s %s: %s", name, precision, row["why"])
            if row["kept"]:
                graphs[name].insert(len(graphs[name]) - 1, describe(path, precision))
            else:
                path.unlink()
    return figures


def score(judged: Sequence[Judged]) -> dict[str, float]:
    """Acc@0.5 and mean IoU of what is there."""
    ious = [j.iou for j in judged if j.iou is not None]
    return {"acc50": float(np.mean([x > 0.5 for x in ious])), "mean_iou": float(np.mean(ious))}


def example(folder: Path, val: Sequence[Ref], threads: int) -> dict[str, dict[str, np.ndarray]]:
    """What each graph is fed for one real picture and phrase."""
    pointer, ref = BundlePointer(folder, ("fp32",), threads), val[0]
    image = square(read_picture(ref.image), pointer.size)[None]
    encoded = pointer.tok.encode_batch([ref.phrase])
    phrase = {
        "input_ids": np.array([e.ids for e in encoded], np.int64),
        "attention_mask": np.array([e.attention_mask for e in encoded], np.int64),
    }
    visual = pointer.sessions["frame"].run(["visual"], {"image": image})[0]
    spoken = pointer.sessions["phrase"].run(["words"], phrase)[0]
    mask = phrase["attention_mask"]
    return {
        "frame": {"image": image},
        "phrase": phrase,
        "ground": {"visual": visual, "words": spoken, "attention_mask": mask},
    }


def speed(
    sessions: Sequence[ort.InferenceSession], feed: dict[str, np.ndarray], rounds: int = 40
) -> tuple[list[float], list[float]]:
    """Median time of each session, ms, and of its share of the first one's time in the same round: sessions take turns,
    so that other work on the machine falls on all of them alike."""
    took = np.zeros((rounds, len(sessions)))
    for session in sessions:
        session.run(None, feed)
    for row in took:
        for k, session in enumerate(sessions):
            began = perf_counter()
            session.run(None, feed)
            row[k] = perf_counter() - began
    shares = np.median(took / took[:, :1], 0)
    return [float(x) * 1000 for x in np.median(took, 0)], [float(x) for x in shares]


def _write(folder: Path, name: str, precision: str, plan: Plan, path: Path, threads: int) -> dict[str, Any]:
    """Writes one graph; how."""
    source = folder / f"{name}.onnx"
    if precision == "fp16":
        quantise.half(source, path)
        return {"how": "float16"}
    if name != "frame":
        quantise.dynamic(source, path)
        return {"how": "dynamic, weights by column"}
    photos = sorted({r.image for r in plan.held})[: plan.pictures]
    method, agreement = calibrated(folder, photos, plan.held, path, threads)
    return {"how": f"static, {len(photos)} pictures, ranges by {method}", "agreement": agreement}


def calibrated(
    folder: Path, photos: Sequence[str], held: Sequence[Ref], path: Path, threads: int
) -> tuple[str, dict[str, float]]:
    """Writes the frame graph in eight bits with the method whose answers are nearest to fp32's: the method, and of each
    the mean IoU of its best boxes with fp32's on phrases over calibration photos."""
    pointer = BundlePointer(folder, ("fp32",), threads)
    pictures = [square(read_picture(p), pointer.size) for p in photos]
    asked = [r for r in held if r.box is not None]
    asked = [asked[i] for i in np.linspace(0, len(asked) - 1, min(ASKED, len(asked))).astype(int)]
    want = [j.pointed.boxes[0] for j in judge(pointer, asked)]
    agreement: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for method in quantise.METHODS:
            trial = Path(scratch) / f"{method}.onnx"
            quantise.static(folder / "frame.onnx", pictures, method, trial)
            pointer.sessions["frame"] = session_of(trial, threads)
            got = [j.pointed.boxes[0] for j in judge(pointer, asked)]
            agreement[method] = float(np.mean([iou(a, tuple(b)) for a, b in zip(got, want, strict=True)]))
            log.info("frame int8, ranges by %s: mean IoU with fp32's answers %.4f", method, agreement[method])
        best = max(agreement, key=lambda m: agreement[m])
        (Path(scratch) / f"{best}.onnx").replace(path)
    return best, agreement


def _measured(
    folder: Path,
    name: str,
    precision: str,
    path: Path,
    plan: Plan,
    feed: dict[str, np.ndarray],
    plain: dict[str, float],
    threads: int,
) -> dict[str, Any]:
    """Figures of one graph in fewer bits among fp32 ones, and whether it is kept."""
    pointer = BundlePointer(folder, ("fp32",), threads)
    full, fewer = pointer.sessions[name], session_of(path, threads)
    (ms, fewer_ms), (_, share) = speed([full, fewer], feed)
    pointer.sessions[name] = fewer
    measured = score(list(judge(pointer, plan.val)))
    loss = plain["acc50"] - measured["acc50"]
    row = {**measured, "ms": fewer_ms, "ms_fp32": ms, "share_of_time": share}
    summary = (
        f"Acc@0.5 {measured['acc50']:.4f} ({0.0 - 100 * loss:+.2f} points), {fewer_ms:.1f} ms, fp32 {ms:.1f} ms here"
    )
    if loss >= LOSS:
        return row | {"kept": False, "why": f"left out, it answers worse: {summary}"}
    if precision == "int8" and share >= FASTER:
        return row | {"kept": False, "why": f"left out, it is not faster: {summary}"}
    where = "" if precision == "int8" else "; for CUDA and TensorRT, its time here says little"
    return row | {"kept": True, "why": f"kept: {summary}{where}"}


def _together(folder: Path, plan: Plan, figures: dict[str, Any], threads: int) -> None:
    """Graphs that lose little each may lose more together: the worst int8 graph goes until they do not."""
    while True:
        kept = {n: rows["int8"] for n, rows in figures["graphs"].items() if rows.get("int8", {}).get("kept")}
        if not kept:
            return
        pointer = BundlePointer(folder, ("fp32",), threads)
        for name in kept:
            pointer.sessions[name] = session_of(folder / f"{name}.int8.onnx", threads)
        measured = score(list(judge(pointer, plan.val)))
        if figures["fp32"]["acc50"] - measured["acc50"] < LOSS:
            figures["int8"] = {**measured, "graphs": sorted(kept)}
            return
        worst = min(kept, key=lambda n: kept[n]["acc50"])
        kept[worst]["kept"] = False
        kept[worst]["why"] = f"left out, together the int8 graphs answer worse: Acc@0.5 {measured['acc50']:.4f}"
