"""`ca2m show`: training samples as the network gets them, on one page to look at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ca2m import config
from ca2m.config import Config
from ca2m.data import checks, splits, weighted
from ca2m.data.sample import Sample
from ca2m.language.names import COCO80, OUTSIDE, UNKNOWN
from ca2m.measure import page, sheet

KINDS = (".png", ".jpg", ".html")


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("show", help="a page of training samples after augmentation, boxes and phrases drawn")
    p.add_argument("--config", default="ca2m-edge", help="name or YAML file")
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="changes the configuration")
    weighted.add_refs(p)
    p.add_argument("--photos", type=Path, help="COCO-format annotations for rule-written phrases")
    p.add_argument("--out", type=Path, required=True, help=f"page to write: {', '.join(KINDS)}; it holds those photos")
    p.add_argument("--count", type=int, default=24, help="samples")
    p.add_argument("--first", type=int, default=0, metavar="N", help="number of the first sample of the run")
    p.add_argument("--columns", type=int, default=6, help="of a picture")
    p.add_argument("--width", type=int, default=300, help="of a sample in a picture, pixels")
    p.add_argument("--skip-bad", action="store_true", help="leave broken lines and missing pictures out, counted")
    p.add_argument("--same-photos", action="store_true", help="as in `ca2m train`")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if args.out.suffix not in KINDS:
        raise ValueError(f"--out {args.out}: its name must end with one of {', '.join(KINDS)}")
    if min(args.count, args.columns, args.first + 1) < 1 or args.width < 40:
        raise ValueError("--count and --columns must be 1 or more, --first 0 or more, --width 40 or more")
    c = config.load(args.config, args.set)
    photos = checks.load_photos(args.photos, args.skip_bad) if args.photos else []
    files = weighted.load(weighted.chosen(args.refs, c.data), args.skip_bad)
    samples = files.samples(c, *splits.plan(files.refs, photos, splits.Policy.of(c, args.same_photos)).train)
    numbers = range(args.first, args.first + args.count)
    write(args.out, c, numbers, [samples.sample(k) for k in numbers], args.columns, args.width)


def write(out: Path, c: Config, numbers: Sequence[int], samples: Sequence[Sample], columns: int, width: int) -> None:
    """The page of samples with those numbers."""
    title = f"{c.network.name}, augmentation {c.augment.recipe}: samples {numbers[0]} to {numbers[-1]}"
    if out.suffix == ".html":
        rows = zip(numbers, samples, strict=True)
        cards = "".join(page.card(s.pixels, [(s.box, "t")], s.phrase, note(k, s)) for k, s in rows)
        out.write_text(page.document(title, f"<section class=cards>{cards}</section>"), encoding="utf-8")
        return
    tiles = [sheet.Tile(s.pixels, s.box, s.phrase, note(k, s)) for k, s in zip(numbers, samples, strict=True)]
    sheet.save(out, sheet.draw(title, [("", tiles)], min(columns, len(tiles)), width))


def note(number: int, sample: Sample) -> str:
    """What is said of a sample beside its phrase."""
    noun = "" if sample.noun == UNKNOWN else "none" if sample.noun == OUTSIDE else COCO80[sample.noun]
    parts = [str(number), sample.kind, f"class {noun}" if noun else ""]
    if sample.box is None and sample.kind != "absent":
        parts.append("not there")
    return ", ".join(part for part in parts if part)
