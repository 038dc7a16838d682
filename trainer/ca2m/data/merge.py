"""The command `ca2m merge`: several refs.jsonl in one for pre-training, without a photo of anybody's val or test."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ca2m.data import refs, splits
from ca2m.data.counting import Counts
from ca2m.data.faults import Faults
from ca2m.data.refs import Ref

log = logging.getLogger("ca2m")


def add_parser(sub: Any) -> None:
    """Adds the command."""
    p = sub.add_parser(
        "merge", help="put several refs.jsonl together, without train lines on photos of any val or test"
    )
    p.add_argument("files", type=Path, nargs="+", help="refs.jsonl")
    p.add_argument("--out", type=Path, required=True, help="refs.jsonl to write")
    p.add_argument("--splits", default="", help="write these only, e.g. train,val; photos of the others stay kept out")
    p.add_argument("--held", type=Path, nargs="*", default=[], help="more refs.jsonl whose val and test are kept out")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines out and count them")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    counts = Counts()
    wanted = {name for name in args.splits.split(",") if name}
    refs.write(args.out, counts.of(merged(args.files, args.held, wanted, args.skip_bad)))
    for line in counts.lines():
        print(line)
    log.info("wrote %s", args.out)


def merged(
    files: Sequence[str | os.PathLike[str]],
    held: Sequence[str | os.PathLike[str]] = (),
    wanted: set[str] | None = None,
    skip_bad: bool = False,
) -> Iterator[Ref]:
    """The lines of all files, in their order, of the wanted splits (all if none is named) and without train lines on a
    photo that a line of another split speaks of, in any of files and held: the paper pre-trains without the photos of
    the val and test sets. A photo is known by path and by image_id, so a photo of Visual Genome that is RefCOCO's, too,
    is found. Logs for each file how many lines went. Reads every file twice and keeps none in memory."""
    faults, kept = Faults(skip_bad), set[str]()
    for path in (*files, *held):
        kept |= splits.kept_out(ref for _, ref in refs.lines(path, faults))
    faults.settle()
    for path in files:
        dropped, photos, nameless, count = 0, set[str](), 0, 0
        for _, ref in refs.lines(path, Faults(skip=True)):  # said already
            if ref.split == "train" and not kept.isdisjoint(splits.marks(ref)):
                dropped += 1
                photos.add(ref.image)
            elif not wanted or ref.split in wanted:
                count, nameless = count + 1, nameless + (not ref.ids)
                yield ref
        log.info(
            "%s: %d lines taken, %d train lines on %d photos of val or test left out", path, count, dropped, len(photos)
        )
        if nameless:
            log.warning("%s: %d lines have no image_id: their photos are told apart by path only", path, nameless)
