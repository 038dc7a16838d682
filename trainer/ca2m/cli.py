"""The command `ca2m` and its parts."""

from __future__ import annotations

import argparse
import logging
import pickle
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ca2m import config
from ca2m.data import checks, convert, merge, refs, rounds, scenes, splits
from ca2m.data.loader import Feed
from ca2m.learn import finetune, speed, train
from ca2m.measure import attend, frames, measuring, rival, show, validation
from ca2m.net import checkpoint, count
from ca2m.ship import bundle, golden, shipping
from ca2m_speech import folder

log = logging.getLogger("ca2m")


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 failed (one line on standard error says what, where and why), 2 usage."""
    parser = _parser()
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        args.run(args)
    except (OSError, ValueError, ArithmeticError, AssertionError) as e:
        print(f"ca2m {args.command}: {e}", file=sys.stderr)
        return 1
    except (pickle.UnpicklingError, KeyError) as e:
        print(f"ca2m {args.command}: {e!r:.300}: is the file a checkpoint or bundle of ca2m?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"ca2m {args.command}: stopped; what was saved stays, the same command goes on from there", file=sys.stderr
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ca2m", description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="processor threads for torch; 0: all")
    sub = parser.add_subparsers(dest="command", required=True)

    p = sub.add_parser("refs", help="write phrases for labelled boxes, or count what a refs.jsonl holds")
    p.add_argument("source", type=Path, help="COCO-format annotations.json, or refs.jsonl")
    p.add_argument("--out", type=Path, help="refs.jsonl to write (from annotations)")
    p.add_argument("--each", type=int, default=1, help="phrases a photo at most")
    p.add_argument("--split", default="", help="photos of this split only")
    p.add_argument("--only", action="append", default=[], metavar="NAME", help="phrases for things of this name only")
    p.add_argument("--wordings", type=int, default=1, help="different phrases for each thing at most")
    p.add_argument("--hold-out", type=int, metavar="N", help="mark one photo in N, by its file name, as val")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--check", action="store_true", help="look at the pictures, too, and name every fault")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines out and count them")
    p.set_defaults(run=_refs)

    convert.add_parser(sub)
    merge.add_parser(sub)

    p = sub.add_parser("train", help="train, or go on from the last checkpoint in --out")
    p.add_argument("--config", default="ca2m-edge", help="name or YAML file")
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="changes the configuration")
    p.add_argument("--refs", type=Path, required=True, help="refs.jsonl with hand-written phrases")
    p.add_argument("--photos", type=Path, help="COCO-format annotations for rule-written phrases")
    p.add_argument(
        "--sight",
        "--detector",
        type=Path,
        help="visual encoder's weights for the first start: NanoDet-Plus (ca2m-edge), DETR or torchvision ResNet",
    )
    p.add_argument("--words", help="local Hugging Face BERT folder, instead of the configuration's")
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
    p.add_argument("--keep", action="store_true", help="keep every measured checkpoint, as at-SAMPLES.pt")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines and missing pictures out, counted")
    p.add_argument(
        "--same-photos",
        action="store_true",
        help="train on photos of val, too, where a set divides things (RefCOCOg google)",
    )
    p.set_defaults(run=_train)

    p = sub.add_parser("mean", help="the mean of several runs' weights, as a checkpoint")
    p.add_argument("checkpoints", type=Path, nargs="+", help="of runs with one start")
    p.add_argument("--out", type=Path, required=True, help="checkpoint (.pt)")
    p.set_defaults(run=lambda args: checkpoint.mean(args.checkpoints, args.out))

    measuring.add_parser(sub)
    shipping.add_parser(sub)

    p = sub.add_parser("golden", help="write golden files that the runtime's tests read")
    p.add_argument("bundle", type=Path)
    p.add_argument("--frame", type=Path, required=True, help="picture that the answers are about")
    p.add_argument("--out", type=Path, required=True, help="folder")
    p.set_defaults(run=_golden)
    count.add_parser(sub)
    finetune.add_parser(sub)
    speed.add_parser(sub)
    show.add_parser(sub)
    attend.add_parser(sub)
    rival.add_parser(sub)
    frames.add_parser(sub)
    folder.add_arguments(sub.add_parser("speech", help="fetch the models that hear, for `deixis live --listen`"))
    return parser


def _refs(args: argparse.Namespace) -> None:
    if args.out is None:
        if args.check:
            found: Sequence[refs.Ref] = checks.load(
                args.source, args.skip_bad, tell=lambda fault: print(fault, file=sys.stderr)
            )
        else:
            found = refs.read(args.source, args.skip_bad)
        for line in refs.counts(found):
            print(line)
        return
    photos = [p for p in refs.read_coco(args.source, args.skip_bad) if not args.split or p.split == args.split]
    written = scenes.write_refs(photos, args.each, args.seed, args.only, args.wordings)
    if args.hold_out:
        written = splits.hold_out(written, args.hold_out)
    refs.write(args.out, written)
    log.info("wrote %d phrases over %d photos to %s", len(written), len(photos), args.out)


def _train(args: argparse.Namespace) -> None:
    c = config.load(args.config, args.set)
    if args.words:
        c = replace(c, network=replace(c.network, words=args.words))
    if args.samples:
        c = replace(c, run=replace(c.run, samples=args.samples, epochs=0))
    if c.network.sight == "nanodet" and not (args.sight or args.start or (args.out / "last.pt").exists()):
        raise ValueError(f"{c.network.name}: its visual encoder has no weights yet: give --sight or --start")
    hand = checks.load(args.refs, args.skip_bad)
    photos = checks.load_photos(args.photos, args.skip_bad) if args.photos else []
    sets: dict[str, Sequence[refs.Ref]] = {"hand": hand.of_split("val")}
    for name, refs_of in (validation.named_set(said, args.skip_bad) for said in args.val):
        if name in (*sets, "rule"):
            raise ValueError(f"--val {name}: there is a set of this name already")
        sets[name] = refs_of
    more = (r for name, each in sets.items() if name != "hand" for r in each)
    own, own_photos = splits.of_run(c, hand, photos, args.same_photos, more)
    samples = rounds.samples_of(c, own, own_photos)
    c = config.fit_to(c, len(own))
    rule = measuring.rule_written(photos, sets["hand"], c.network.image_size)
    sets = {name: each for name, each in sets.items() if each}
    listed = ", ".join(f"{n} {name}" for name, n in [*((k, len(v)) for k, v in sets.items()), ("rule", len(rule))])
    log.info("%d phrases, %d photos to train on; to measure on: %s", len(own), len(own_photos), listed)
    train.fit(
        c,
        samples,
        args.out,
        args.sight,
        validation.Validation(sets, rule, c.run.precision) if sets else None,
        feed=Feed(args.workers, args.prefetch, not args.no_pin),
        measure_every=_measure_every(args, c, len(own)),
        start=args.start,
        keep=args.keep,
    )


def _measure_every(args: argparse.Namespace, c: config.Config, phrases: int) -> int:
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


def _golden(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    golden.write(args.out / "phrases.json", args.bundle / "tokenizer.json")
    pointer = bundle.BundlePointer(args.bundle, ("fp32", "int8"))
    bundle.golden(pointer, args.frame, args.out / "answers.json", scenes.square)


if __name__ == "__main__":
    sys.exit(main())
