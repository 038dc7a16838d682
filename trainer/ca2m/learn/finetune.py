"""`ca2m finetune`: a trained network learns from a few hundred phrases of one's own, and keeps what it knew."""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ca2m import config
from ca2m.config import Config
from ca2m.data import checks, mixing, splits
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.data.rounds import Between, Rounds, varied
from ca2m.data.sample import Samples
from ca2m.data.splits import Plan
from ca2m.data.table import Table
from ca2m.infer.pointer import TorchPointer
from ca2m.learn import train
from ca2m.learn.loader import Feed
from ca2m.measure import evaluate
from ca2m.net import checkpoint
from ca2m.net.network import Net

log = logging.getLogger("ca2m")

HELD = 5  # one photo in this many measures, where the refs have no split of their own


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("finetune", help="learn from a few hundred phrases of your own, in minutes")
    p.add_argument("--start", type=Path, required=True, help="checkpoint (.pt) or bundle folder to learn on from")
    p.add_argument("--refs", type=Path, required=True, help="refs.jsonl of your own; lines of split val measure")
    p.add_argument("--replay", type=Path, help="refs.jsonl that the start was trained on: less is forgotten")
    p.add_argument("--photos", type=Path, help="COCO-format annotations that the start was trained on, too")
    p.add_argument("--share", type=float, default=0.5, help="of replayed samples")
    p.add_argument("--config", default="recipes/finetune", help="name or YAML file; its network does not count")
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="changes the configuration")
    p.add_argument("--out", type=Path, required=True, help="folder of the checkpoint and of finetune.json")
    p.add_argument("--workers", type=int, default=1, help="processes that make pictures")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines and missing pictures out, counted")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    old = checks.load(args.replay, args.skip_bad) if args.replay else Table.of(())
    own = parted(checks.load(args.refs, args.skip_bad), old)
    photos = checks.load_photos(args.photos, args.skip_bad) if args.photos else []
    before = checkpoint.began(args.start)
    c = recipe_for(config.load(args.config, args.set), before, own.train.refs, bool(old or photos), args.share)
    samples = mixed(c, own, old, photos, args.share, checkpoint.left_out(args.start))
    val = {"own": list(own.val.refs), "old": list(old.of_split("val"))}
    summary: dict[str, Any] = {"before": figures(before, val)}
    log.info("before: %s", json.dumps(summary["before"]))
    began = time.monotonic()
    after = train.fit(c, samples, args.out, None, feed=Feed(args.workers), start=args.start)
    summary |= {"minutes": round((time.monotonic() - began) / 60, 2)}
    last = args.out / "last.pt"
    summary |= {
        "after": figures(after, val),
        "samples": c.run.samples,
        "phrases": len(own.train.refs),
    }
    (args.out / "finetune.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(table(summary))
    print(f"next: ca2m export {last} --out BUNDLE --refs {args.replay or args.refs}")


def parted(refs: Sequence[Ref], old: Sequence[Ref]) -> Plan:
    """The refs by their splits where some are of val; else one photo in five measures. No photo that a phrase of
    another split speaks of, here or among the old ones, is in train. ValueError where nothing is."""
    hold_out = 0 if any(r.split == "val" for r in refs) else HELD
    parts = splits.plan(refs, policy=splits.Policy(calibrates=False, hold_out=hold_out, held=old))
    if not parts.train.refs:
        raise ValueError(f"finetune: none of {len(refs)} phrases is of split train")
    return parts


def recipe_for(c: Config, start: Net, own: Sequence[Ref], replays: bool, share: float) -> Config:
    """The recipe for the start's network and for these phrases to learn."""
    c = config.fit_to(replace(c, network=start.c), round(len(own) / (1 - share)) if replays else len(own))
    if c.loss.present and not replays and not any(r.box is None for r in own):
        log.info("no phrase is of what is absent: presence is not trained (add some with box null, or give --replay)")
        c = replace(c, loss=replace(c.loss, present=0.0, match=0.0))
    return c


def mixed(
    c: Config,
    own: Plan,
    old: Sequence[Ref],
    photos: Sequence[Photo],
    share: float,
    leave_out: tuple[str, ...] = (),
) -> Samples:
    """One's own phrases, with old samples between them where there are some. No photo of a val phrase is among them,
    and among the old ones none that holds a thing of a name in leave_out: the start was not trained on it either."""
    side, seed, plain = c.network.image_size, c.run.seed, c.augment.recipe == "plain"
    new = Rounds(own.train.refs, photos, side, seed, augment=plain, flip=c.augment.flip)
    if not (old or photos):
        return varied(c, new)
    past, labelled = splits.plan(old, photos, splits.Policy(leave_out=leave_out, held=own.val.refs)).train
    replayed = mixing.Mixer(past, labelled, side, seed, c.mix, augment=plain, flip=c.augment.flip)
    return varied(c, Between(new, replayed, share))


def figures(net: Net, val: dict[str, list[Ref]]) -> dict[str, dict[str, float]]:
    """Acc@0.5 and mean IoU of each group of held-out phrases that are there."""
    groups = {}
    for name, refs in val.items():
        if refs:
            report = evaluate.report(list(evaluate.judge(TorchPointer(net), refs)), 0.5)
            groups[name] = {k: report[k] for k in ("n", "acc50", "mean_iou")}
    return groups


def table(summary: dict[str, Any]) -> str:
    """Before and after, for people."""
    rows = [f"{summary['phrases']} phrases, {summary['samples']} samples, {summary['minutes']} minutes"]
    for name, what in (("own", "your held-out phrases"), ("old", "what it knew")):
        if name in summary["before"]:
            a, b = summary["before"][name], summary["after"][name]
            rows.append(
                f"{what:<22} {a['n']:>5}  Acc@0.5 {a['acc50']:.3f} -> {b['acc50']:.3f}"
                f"  mean IoU {a['mean_iou']:.3f} -> {b['mean_iou']:.3f}"
            )
    return "\n".join(rows)
