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
from ca2m.data.loader import Feed, Samples
from ca2m.data.refs import Photo, Ref
from ca2m.data.rounds import Between, Rounds, varied
from ca2m.learn import train
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
    own = parted(checks.load(args.refs, args.skip_bad))
    old = list(checks.load(args.replay, args.skip_bad)) if args.replay else []
    photos = checks.load_photos(args.photos, args.skip_bad) if args.photos else []
    before = checkpoint.began(args.start)
    c = plan(config.load(args.config, args.set), before, own, bool(old or photos), args.share)
    samples = mixed(c, own, old, photos, args.share, checkpoint.left_out(args.start))
    val = {"own": [r for r in own if r.split == "val"], "old": [r for r in old if r.split == "val"]}
    told: dict[str, Any] = {"before": figures(before, val)}
    log.info("before: %s", json.dumps(told["before"]))
    began = time.monotonic()
    after = train.fit(c, samples, args.out, None, feed=Feed(args.workers), start=args.start)
    told |= {"minutes": round((time.monotonic() - began) / 60, 2)}
    last = args.out / "last.pt"
    told |= {
        "after": figures(after, val),
        "samples": c.run.samples,
        "phrases": len(own) - len(val["own"]),
    }
    (args.out / "finetune.json").write_text(json.dumps(told, indent=1) + "\n")
    print(table(told))
    print(f"next: ca2m export {last} --out BUNDLE --refs {args.replay or args.refs}")


def parted(refs: Sequence[Ref]) -> list[Ref]:
    """The refs as they are where some are of split val; else one photo in five measures. ValueError without a rest."""
    found = list(refs) if any(r.split == "val" for r in refs) else splits.hold_out(refs, HELD)
    if not any(r.split == "train" for r in found):
        raise ValueError(f"finetune: none of {len(found)} phrases is of split train")
    return found


def plan(c: Config, start: Net, own: Sequence[Ref], replays: bool, share: float) -> Config:
    """The recipe for the start's network and for these phrases."""
    fresh = sum(r.split == "train" for r in own)
    c = config.fit_to(replace(c, network=start.c), round(fresh / (1 - share)) if replays else fresh)
    if c.loss.present and not replays and not any(r.box is None for r in own):
        log.info("no phrase is of what is absent: presence is not trained (add some with box null, or give --replay)")
        c = replace(c, loss=replace(c.loss, present=0.0, match=0.0))
    return c


def mixed(
    c: Config,
    own: Sequence[Ref],
    old: Sequence[Ref],
    photos: Sequence[Photo],
    share: float,
    leave_out: Sequence[str] = (),
) -> Samples:
    """One's own phrases, with old samples between them where there are some. No photo of a val phrase is among them,
    and among the old ones none that holds a thing of a name in leave_out: the start was not trained on it either."""
    kept = splits.held_out([*own, *old])
    fresh = [r for r in own if r.split == "train" and kept.isdisjoint(splits.marks(r))]
    side, seed, plain = c.network.image_size, c.run.seed, c.augment.recipe == "plain"
    new = Rounds(fresh, photos, side, seed, augment=plain, flip=c.augment.flip)
    if not (old or photos):
        return varied(c, new)
    told = [*old, *(r for r in own if r.split != "train")]
    past, labelled = splits.for_training(told, photos, leave_out=leave_out)
    replayed = mixing.Mixer(past, labelled, side, seed, c.mix, augment=plain, flip=c.augment.flip)
    return varied(c, Between(new, replayed, share))


def figures(net: Net, val: dict[str, list[Ref]]) -> dict[str, dict[str, float]]:
    """Acc@0.5 and mean IoU of each group of held-out phrases that are there."""
    found = {}
    for name, refs in val.items():
        if refs:
            told = evaluate.report(list(evaluate.judge(evaluate.TorchPointer(net), refs)), 0.5)
            found[name] = {k: told[k] for k in ("n", "acc50", "mean_iou")}
    return found


def table(told: dict[str, Any]) -> str:
    """Before and after, for people."""
    rows = [f"{told['phrases']} phrases, {told['samples']} samples, {told['minutes']} minutes"]
    for name, what in (("own", "your held-out phrases"), ("old", "what it knew")):
        if name in told["before"]:
            a, b = told["before"][name], told["after"][name]
            rows.append(
                f"{what:<22} {a['n']:>5}  Acc@0.5 {a['acc50']:.3f} -> {b['acc50']:.3f}"
                f"  mean IoU {a['mean_iou']:.3f} -> {b['mean_iou']:.3f}"
            )
    return "\n".join(rows)
