"""The command `ca2m export`: a checkpoint, or an older bundle, to a bundle that says how good it is."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch

from ca2m.data import checks, splits
from ca2m.data.refs import Ref
from ca2m.infer.pointer import TorchPointer
from ca2m.infer.runtime import FORMAT
from ca2m.measure import evaluate
from ca2m.net import checkpoint
from ca2m.net.answers import Calibration
from ca2m.ship import bundle, export, precision

log = logging.getLogger("ca2m")


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `export`."""
    p = sub.add_parser("export", help="checkpoint to bundle, compared with PyTorch, calibrated and measured")
    p.add_argument("checkpoint", type=Path, help="checkpoint (.pt), or a bundle folder whose fp32 graphs stay")
    p.add_argument("--out", type=Path, required=True, help="bundle folder")
    p.add_argument("--refs", type=Path, help="refs.jsonl: calibrates on the calibration photos, measures on val")
    p.add_argument("--words", default="", metavar="FOLDER", help="the linguistic encoder's, if it lies elsewhere now")
    p.add_argument("--int8", default="", help="graphs to try in eight bits, e.g. frame,ground,phrase")
    p.add_argument("--fp16", default="", help="graphs to write in sixteen bits for CUDA and TensorRT")
    p.add_argument("--calib", type=int, default=128, metavar="N", help="pictures that calibrate the frame graph's int8")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines and missing pictures out, counted")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    hand = list(checks.load(args.refs, args.skip_bad)) if args.refs else []
    own = splits.plan(hand)
    held, val = list(own.calibration.refs), list(own.val.refs)
    names = {
        kind: tuple(n for n in listed.split(",") if n) for kind, listed in (("int8", args.int8), ("fp16", args.fp16))
    }
    plan = precision.Plan(**names, pictures=args.calib, held=held, val=val)
    if args.checkpoint.is_dir():
        about = from_bundle(args.checkpoint, args.out)
    else:
        about = from_checkpoint(args.checkpoint, args.out, held, args.words)
    _save(args.out, about)
    tried = precision.add(args.out, about["graphs"], plan)
    _save(args.out, about)
    if val:
        about["measured"] = bundle.measure(args.out, val, about["threshold"]["present"])
        if tried:
            about["measured"]["precisions"] = tried
        _save(args.out, about)
        log.info("measured: %s", json.dumps(about["measured"]))


def from_checkpoint(path: Path, out: Path, held: list[Ref], words_folder: str = "") -> dict[str, Any]:
    """Writes the fp32 graphs and all else to `out`; what bundle.json says. words_folder: as in `checkpoint.load`."""
    c, net = checkpoint.load(path, words_folder=words_folder)
    calibration = Calibration()
    if held:
        calibration = evaluate.calibrate(list(evaluate.judge(TorchPointer(net, raw=True), held)))
        log.info("calibrated on %d phrases: %s", len(held), calibration)
    graphs = export.export(c, net, calibration, out)
    state = torch.load(path, map_location="cpu", weights_only=True)
    training = {
        "samples": state["done"],
        **({"mean_of": state["of"]} if "of" in state else {}),
        "seed": c.run.seed,
        "loss": c.to_dict()["loss"],
        "run": c.to_dict()["run"],
        "data": "photos and hand-written phrases of mixed licences, most for research only: see README.md beside this",
        "calibration_phrases": len(held),
    }
    return bundle.contract(c, graphs, calibration, out, training)


def from_bundle(folder: Path, out: Path) -> dict[str, Any]:
    """Copies a bundle's fp32 graphs and its other files to `out`; what bundle.json says."""
    about: dict[str, Any] = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    if about.get("format") != FORMAT:
        raise ValueError(f"export {folder}: bundle format {about.get('format')}, this program reads {FORMAT}")
    out.mkdir(parents=True, exist_ok=True)
    for name in about["files"]:
        if folder.resolve() != out.resolve():
            shutil.copy(folder / name, out / name)
    for name, listed in about["graphs"].items():
        full = [g["file"] for g in listed if g["precision"] == "fp32"]
        if not full:
            raise ValueError(f"export {folder}: the bundle has no fp32 graph {name} to start from")
        path = out / f"{name}.onnx"
        path.write_bytes((folder / full[0]).read_bytes())
        about["graphs"][name] = [bundle.describe(path, "fp32")]
    return about


def _save(out: Path, about: dict[str, Any]) -> None:
    (out / "bundle.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
