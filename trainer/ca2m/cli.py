"""The command `ca2m` and its parts."""

from __future__ import annotations

import argparse
import logging
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ca2m.data import augment, checks, coco, convert, counting, inventory, merge, refs, splits, writing
from ca2m.infer.runtime import BundlePointer
from ca2m.learn import finetune, speed, training
from ca2m.measure import attend, frames, measuring, rival, show
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

    inventory.add_parser(sub)
    convert.add_parser(sub)
    merge.add_parser(sub)

    training.add_parser(sub)

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
            loaded: Sequence[refs.Ref] = checks.load(
                args.source, args.skip_bad, tell=lambda fault: print(fault, file=sys.stderr)
            )
        else:
            loaded = refs.read(args.source, args.skip_bad)
        for line in counting.counts(loaded):
            print(line)
        return
    photos = [p for p in coco.read(args.source, args.skip_bad) if not args.split or p.split == args.split]
    written = writing.write_refs(photos, args.each, args.seed, args.only, args.wordings)
    if args.hold_out:
        own = splits.plan(written, policy=splits.Policy(calibrates=False, hold_out=args.hold_out))
        written = [*own.train.refs, *own.val.refs]
    refs.write(args.out, written)
    log.info("wrote %d phrases over %d photos to %s", len(written), len(photos), args.out)


def _golden(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    golden.write(args.out / "phrases.json", args.bundle / "tokenizer.json")
    pointer = BundlePointer(args.bundle, ("fp32", "int8"))
    bundle.golden(pointer, args.frame, args.out / "answers.json", augment.square)


if __name__ == "__main__":
    sys.exit(main())
