"""The command `ca2m train`: which phrases and photos a run learns from, what it measures on its way, and how often."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ca2m import config
from ca2m.config import Config
from ca2m.data import checks, splits, weighted
from ca2m.data.refs import Ref
from ca2m.learn import loggers, train, validation
from ca2m.learn.loader import Feed
from ca2m.measure import gallery, measuring
from ca2m.net import words

log = logging.getLogger("ca2m")


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("train", help="train, or go on from the last checkpoint in --out")
    p.add_argument("--config", default="ca2m-edge", help="name or YAML file")
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="changes the configuration")
    weighted.add_refs(p)
    p.add_argument("--photos", type=Path, help="COCO-format annotations for rule-written phrases")
    p.add_argument(
        "--sight",
        "--detector",
        type=Path,
        help="visual encoder's weights for the first start: NanoDet-Plus (ca2m-edge), DETR, torchvision or timm",
    )
    p.add_argument("--words", help="local Hugging Face BERT or RoBERTa folder")
    p.add_argument("--start", type=Path, help="checkpoint or bundle to start from instead")
    p.add_argument("--out", type=Path, required=True, help="folder of checkpoints, curve and TensorBoard log")
    p.add_argument("--samples", type=int, help="length of the run, instead of the configuration's")
    p.add_argument("--workers", type=int, default=1, help="processes that make pictures")
    p.add_argument("--prefetch", type=int, default=3, help="batches that each of them makes ahead")
    p.add_argument("--no-pin", action="store_true", help="no pinned memory beside a GPU")
    often = p.add_mutually_exclusive_group()
    often.add_argument("--measure-every", type=int, metavar="SAMPLES", help="between measurements; default: 10000 ...")
    often.add_argument("--measure-epochs", type=float, metavar="E", help="... or 1 epoch where the run counts epochs")
    p.add_argument(
        "--val",
        action="append",
        default=[],
        metavar="NAME=FILE[:SPLIT]",
        help="measure on these lines, too (their photos are kept out of training); the first set decides best.pt",
    )
    p.add_argument("--logger", default="tensorboard", metavar="MODULE:CLASS", help="what hears of the run, instead")
    p.add_argument("--keep", action="store_true", help="keep every measured checkpoint, as at-SAMPLES.pt")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines and missing pictures out, counted")
    p.add_argument(
        "--same-photos",
        action="store_true",
        help="train on photos of val, too, where a set divides things (RefCOCOg google)",
    )
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    logger = loggers.named(args.logger)
    c = _configured(args)
    files = weighted.load(c.data, args.skip_bad)
    hand = files.refs
    photos = checks.load_photos(args.photos, args.skip_bad) if args.photos else []
    sets = _sets(args, hand.of_split("val"))
    further = (r for name, each in sets.items() if name != "hand" for r in each)
    own = splits.plan(hand, photos, splits.Policy.of(c, args.same_photos, further)).train
    samples = files.samples(c, own.refs, own.photos)
    c = config.fit_to(c, len(own.refs))
    rule = measuring.rule_written(photos, sets["hand"], c.network.image_size)
    sets = {name: each for name, each in sets.items() if each}
    listed = ", ".join(f"{n} {name}" for name, n in [*((k, len(v)) for k, v in sets.items()), ("rule", len(rule))])
    log.info("%d phrases, %d photos to train on; to measure on: %s", len(own.refs), len(own.photos), listed)
    train.fit(
        c,
        samples,
        args.out,
        args.sight,
        validation.Validation(sets, rule, c.run.precision) if sets else None,
        feed=Feed(args.workers, args.prefetch, not args.no_pin),
        measure_every=_measure_every(args, c, len(own.refs)),
        start=args.start,
        keep=args.keep,
        logger=logger,
        draw=gallery.Gallery(samples, c.run.precision),
    )


def _configured(args: argparse.Namespace) -> Config:
    """The configuration, with what has an option of its own."""
    c = config.load(args.config, args.set)
    if args.words:
        c = replace(c, network=replace(c.network, words=args.words, words_width=words.width_of(args.words)))
    if args.samples:
        c = replace(c, run=replace(c.run, samples=args.samples, epochs=0))
    if c.network.sight == "nanodet" and not (args.sight or args.start or (args.out / "last.pt").exists()):
        raise ValueError(f"{c.network.name}: its visual encoder has no weights yet: give --sight or --start")
    return replace(c, data=weighted.chosen(args.refs, c.data))


def _sets(args: argparse.Namespace, hand: Sequence[Ref]) -> dict[str, Sequence[Ref]]:
    """What is measured on, by name: the val lines of --refs first."""
    sets = {"hand": hand}
    for name, refs in (validation.named_set(text, args.skip_bad) for text in args.val):
        if name in (*sets, "rule"):
            raise ValueError(f"--val {name}: there is a set of this name already")
        sets[name] = refs
    return sets


def _measure_every(args: argparse.Namespace, c: Config, phrases: int) -> int:
    """Samples between measurements."""
    if args.measure_every is not None:
        every: float = args.measure_every
    elif args.measure_epochs is not None or c.run.epochs:
        every = (1 if args.measure_epochs is None else args.measure_epochs) * phrases
    else:
        every = 10_000
    if every < 1:
        raise ValueError("--measure-every and --measure-epochs must be above 0")
    return round(every)
