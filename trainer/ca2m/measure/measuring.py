"""The commands `ca2m eval` and `ca2m twins`: figures as a table, as JSON and as one HTML page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from ca2m import device
from ca2m.config import Network
from ca2m.data import augment, checks, coco, mosaic, refs, splits
from ca2m.data.sample import Sample
from ca2m.infer.pointer import Pointer, TorchPointer
from ca2m.infer.runtime import BundlePointer
from ca2m.measure import asking, evaluate, page, sets, twins
from ca2m.measure.breakdown import breakdown
from ca2m.measure.sets import show
from ca2m.net import checkpoint
from ca2m.net.answers import Calibration
from ca2m.net.network import Net


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `eval` and `twins`."""
    p = sub.add_parser("eval", help="how well a checkpoint or bundle points")
    p.add_argument("model", type=Path, help="checkpoint (.pt) or bundle folder")
    p.add_argument("refs", type=Path)
    p.add_argument("--split", default="", help="lines of this split only")
    p.add_argument("--photos", type=Path, help="annotations.json in COCO's format: rule-written phrases, too")
    p.add_argument("--drawn", choices=["yes", "no"], help="only lines whose box was, or was not, drawn for the phrase")
    p.add_argument("--under", default="", metavar="FOLDER", help="only lines whose photo lies in a folder of this name")
    p.add_argument("--sets", action="store_true", help="each folder's photos and drawn boxes by themselves, too")
    p.add_argument("--forms", action="store_true", help="the same phrases in ten carrier forms, instead of all else")
    p.add_argument("--limit", type=int, default=0)
    p.add_argument("--precision", default="int8,fp32", help="of a bundle's graphs, best first")
    p.add_argument(
        "--without", default="", metavar="PART,PART", help="of a checkpoint: silence noun, rank, second, look"
    )
    p.add_argument("--words", default="", metavar="FOLDER", help="the linguistic encoder's, if it lies elsewhere now")
    p.add_argument("--lengths", default="", metavar="N,N,N", help="most words of each length; default: quarters")
    p.add_argument("--json", action="store_true")
    p.add_argument("--html", type=Path, metavar="FILE", help="one page with the worst misses; it holds those photos")
    p.add_argument("--worst", type=int, default=24, help="misses on the page")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines and missing pictures out, counted")
    _add_where(p)
    p.set_defaults(run=_eval)

    p = sub.add_parser("twins", help='of two things of a name, does "left" mean one and "right" the other?')
    p.add_argument("model", type=Path, help="checkpoint (.pt) or bundle folder")
    p.add_argument("photos", type=Path, help="COCO-format annotations.json")
    p.add_argument("--refs", type=Path, help="refs.jsonl: photos of its val lines count as val, too")
    p.add_argument("--split", default="val", help="photos of this split, never trained on")
    p.add_argument("--calibration", action="store_true", help="photos kept for calibration, too")
    p.add_argument("--three", action="store_true", help="threes instead: left, in the middle, right")
    p.add_argument("--pairs", type=int, default=100, help="photos at most; each counts mirrored, too")
    p.add_argument("--seed", type=int, default=6)
    p.add_argument("--words", default="", metavar="FOLDER", help="the linguistic encoder's, if it lies elsewhere now")
    p.add_argument("--precision", default="int8,fp32", help="of a bundle's graphs, best first")
    p.add_argument("--json", action="store_true")
    _add_where(p)
    p.set_defaults(run=_twins)


def _add_where(p: argparse.ArgumentParser) -> None:
    """What a command that measures says of where it computes."""
    p.add_argument(
        "--device", default="", help="cpu, cuda, cuda:1; default: a GPU for a checkpoint, where there is one"
    )
    p.add_argument(
        "--batch", type=int, default=0, help="phrases in one pass; default: 32 on a GPU, a picture's on a CPU"
    )
    p.add_argument("--deterministic", action="store_true", help="of a GPU: neither TF32 nor kernels that vary")


def pointer_of(
    model: Path, precision: str, without: str = "", words_folder: str = "", where: torch.device | None = None
) -> tuple[Pointer, float]:
    """A checkpoint or a bundle, and its presence threshold.

    without: parts of the head to silence, in PyTorch. words_folder: as in `checkpoint.load`. where: it computes; None:
    on the processor."""
    where = where or torch.device("cpu")
    if model.is_dir() and not without:
        gpu = (where.index or 0) if where.type == "cuda" else None
        pointer = BundlePointer(model, tuple(precision.split(",")), gpu=gpu)
        return pointer, pointer.about["threshold"]["present"]
    net = checkpoint.began(model, words_folder)
    net = silenced(net, without) if without else net
    return TorchPointer(net.to(where)), Calibration().threshold


def _pointer(args: argparse.Namespace, without: str = "") -> tuple[Pointer, float]:
    """What the command asks for, where it says."""
    if args.batch < 0:
        raise ValueError(f"--batch {args.batch}: must be 1 or more")
    where = device.chosen(args.device or ("cpu" if args.model.is_dir() and not without else ""))
    device.prepare(where, not args.deterministic, args.deterministic)
    return pointer_of(args.model, args.precision, without, args.words, where)


def silenced(net: Net, parts: str) -> Net:
    """The network with parts of its pointing head switched off after training; rank and second go with noun."""
    off = set(parts.split(","))
    if net.point is None or not off <= {"noun", "rank", "second", "look"}:
        raise ValueError(f"--without {parts}: noun, rank, second and look of a pointing head can be silenced")
    off |= {"rank", "second"} if "noun" in off else set()
    net.point.c = Network(**asdict(net.point.c) | dict.fromkeys(off, False))
    return net


def _eval(args: argparse.Namespace) -> None:
    limits = _numbers(args.lengths)
    chosen: Sequence[refs.Ref] = checks.load(args.refs, args.skip_bad, args.split)
    if args.drawn:
        chosen = [r for r in chosen if r.box is not None and r.drawn == (args.drawn == "yes")]
    if args.under:
        chosen = [r for r in chosen if Path(r.image).parent.name == args.under]
    chosen = chosen[: args.limit] if args.limit else chosen
    if not chosen:
        raise ValueError(f"{args.refs}: no line to measure on (check --split, --drawn, --under)")
    pointer, threshold = _pointer(args, args.without)
    if args.forms:
        forms = asking.measure(pointer, chosen, threshold, args.batch)
        print(json.dumps(forms) if args.json else asking.table(forms))
        return
    began = perf_counter()
    judged = list(evaluate.judge(pointer, chosen, batch=args.batch))
    report = evaluate.report(judged, threshold, perf_counter() - began) | breakdown(judged, threshold, limits)
    if args.photos:
        every = checks.load(args.refs, args.skip_bad)
        rule = rule_written(checks.load_photos(args.photos, args.skip_bad), every, pointer.size)
        report["rule_written"] = evaluate.report(list(evaluate.judge_samples(pointer, rule, args.batch)), threshold)
    if args.sets:
        report["sets"] = {name: sets.figures(part, threshold) for name, part in sets.parts(judged).items()}
    if args.html:
        title = f"{args.model.name} on {args.refs.name}" + (f", {args.split}" if args.split else "")
        args.html.write_text(page.write(title, report, judged, threshold, args.worst), encoding="utf-8")
    print(json.dumps(report) if args.json else table(report))


def rule_written(photos: Sequence[coco.Photo], hand: Sequence[refs.Ref], side: int) -> list[Sample]:
    """The rule-written phrases that a training run measures on: always the same ones over photos of the val split and
    photos of which a val phrase of `hand` speaks."""
    held = [photo for photo in splits.plan(hand, photos).val.photos if photo.things]
    return mosaic.rule_val(held, augment.Pictures(), side) if held else []


def _numbers(listed: str) -> list[int]:
    try:
        numbers = [int(n) for n in listed.split(",") if n]
    except ValueError as cause:
        raise ValueError(f"--lengths {listed}: whole numbers with commas between them, e.g. 2,4,7") from cause
    if any(n < 1 for n in numbers):
        raise ValueError(f"--lengths {listed}: a phrase has one word at least")
    return numbers


def _twins(args: argparse.Namespace) -> None:
    photos = coco.read(args.photos)
    parts = splits.plan(refs.read(args.refs) if args.refs else [], photos)
    own = parts.val.photos if args.split == "val" else [p for p in photos if p.split == args.split]
    if args.calibration:
        own = list({p.path: p for p in (*own, *parts.calibration.photos)}.values())
    pairs = twins.with_mirrored(twins.find(own, args.pairs, args.seed, 3 if args.three else 2))
    if not pairs:
        number = "three" if args.three else "two"
        raise ValueError(f"{args.photos}: no photo of split {args.split} with just {number} things of a name")
    pointer = _pointer(args)[0]
    figures = (twins.measure_threes if args.three else twins.measure)(pointer, pairs, args.batch)
    if args.json:
        print(json.dumps(figures))
    elif args.three:
        shares = ", ".join(f"{k} {v:.3f}" for k, v in figures.items() if k != "n")
        print(f"{figures['n']} threes, half of them mirrored: right {shares}")
    else:
        print(
            f"{figures['n']} pairs, half of them mirrored: both right {figures['both']:.3f}, one {figures['one']:.3f}, "
            f"the same box for left and right {figures['same_box']:.3f}"
        )


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    rows = [
        f"phrases {report['n']}  Acc@0.5 {show(report['acc50'])}  @0.7 {show(report['acc70'])}"
        f"  @0.9 {show(report['acc90'])}  mean IoU {show(report['mean_iou'])}  [CLS] box {show(report['acc50_cls'])}",
        f"{report['ms_per_ref']:.1f} ms a phrase",
    ]
    lengths = {_words(row["words"]): row for row in report["lengths"]}
    for title, part in (("kind", report["kinds"]), ("words", lengths), ("says", report["words"])):
        if part:
            rows.append(f"{title:<14}{'n':>6}  Acc@0.5")
            rows += [f"  {name:<12}{v['n']:>6}  {show(v['acc50'])}" for name, v in part.items()]
    if rule := report.get("rule_written"):
        rows.append(f"rule-written {rule['n']}  Acc@0.5 {show(rule['acc50'])}  mean IoU {show(rule['mean_iou'])}")
    if report.get("sets"):
        rows.append(sets.table(report["sets"], "set"))
    presence, score = report["presence"], report["score"]
    rows.append(
        f"absent {report['absent']['n']}  N-acc {show(presence['n_acc'])}  T-acc {show(presence['t_acc'])}"
        f"  calibration error: presence {show(presence['ece'])}, score {show(score['ece'])}"
    )
    return "\n".join(rows)


def _words(span: list[int]) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]} to {span[1]}"
