"""The command `ca2m convert`: refs.jsonl from the files that the public data sets come in."""

from __future__ import annotations

import argparse
import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ca2m.data import coco, refs, writing
from ca2m.data.coco import Photo
from ca2m.data.counting import Counts
from ca2m.data.faults import EntryError, Faults
from ca2m.data.refs import Ref
from ca2m.data.sources import flickr, genome, refer, seqtr, transvg, voc
from ca2m.data.sources.files import Folder

log = logging.getLogger("ca2m")


def add_parser(sub: Any) -> None:
    """Adds the command and one sub-command a family of data sets."""
    top = sub.add_parser("convert", help="write refs.jsonl from the files of a public data set")
    kinds = top.add_subparsers(dest="kind", required=True)

    p = kinds.add_parser(
        "refer", help="RefCOCO, RefCOCO+, RefCOCOg, RefCLEF (ReferIt): refs(*).p; gRefCOCO: grefs(*).json"
    )
    p.add_argument("files", type=Path, nargs="+", help="refs(unc).p, refs(umd).p, ... or grefs(unc).json")
    p.add_argument("--instances", type=Path, help="COCO file with the boxes; default: instances.json beside each file")
    p.add_argument("--several", choices=["leave", "union"], default="leave", help="phrases that mean several boxes")
    p.add_argument("--name", default="", help="source written to each line; default: the folder's name")
    _common(p, _refer)

    p = kinds.add_parser("genome", help="Visual Genome: region_descriptions.json")
    p.add_argument("regions", type=Path)
    p.add_argument("--image-data", type=Path, help="default: image_data.json beside the regions")
    _common(p, _genome)

    p = kinds.add_parser("flickr", help="Flickr30k Entities: the folder with Sentences, Annotations and train.txt")
    p.add_argument("folder", type=Path)
    p.add_argument("--several", choices=["leave", "union"], default="union", help="phrases that mean several boxes")
    _common(p, _flickr)

    p = kinds.add_parser("transvg", help="lists of TransVG: unc_train.pth, gref_umd_val.pth, referit_test.pth, ...")
    p.add_argument("files", type=Path, nargs="+")
    _common(p, _transvg)

    p = kinds.add_parser("seqtr", help="files of SeqTR: instances.json of a data set, or of the merged one")
    p.add_argument("instances", type=Path)
    _common(p, _seqtr)

    p = kinds.add_parser("coco", help="COCO instances: rule-written phrases for labelled boxes")
    p.add_argument("instances", type=Path)
    p.add_argument("--split", default="", help="split of all photos; default: train, val or test from the file's name")
    _written(p)
    _common(p, _coco)

    p = kinds.add_parser("voc", help="Pascal VOC XML: rule-written phrases for labelled boxes")
    p.add_argument("folder", type=Path, help="with Annotations and JPEGImages, or just XML files and photos")
    _written(p)
    _common(p, _voc, images_needed=False)


def _common(p: argparse.ArgumentParser, make: Any, images_needed: bool = True) -> None:
    p.add_argument("--images", type=Path, required=images_needed, help="folder of the pictures, however deep they lie")
    p.add_argument("--out", type=Path, required=True, help="refs.jsonl to write")
    p.add_argument("--skip-bad", action="store_true", help="leave broken entries out and count them")
    p.add_argument("--no-look", action="store_true", help="do not look whether the pictures are there")
    p.set_defaults(run=lambda args: _write(args, make))


def _written(p: argparse.ArgumentParser) -> None:
    p.add_argument("--each", type=int, default=3, help="phrases a photo at most")
    p.add_argument("--seed", type=int, default=7)


def _write(args: argparse.Namespace, make: Any) -> None:
    faults, counts = Faults(args.skip_bad), Counts()
    refs.write(args.out, counts.of(_sound(make(args, faults), faults)))
    for line in counts.lines():
        print(line)
    log.info("wrote %s", args.out)


def _sound(made: Iterable[Ref], faults: Faults) -> Iterator[Ref]:
    """All of found; then ValueError if it had faults that may not be skipped, or held nothing."""
    empty = True
    for ref in made:
        empty = False
        yield ref
    faults.settle()
    if empty:
        raise ValueError("convert: nothing usable in it, so nothing is written")


def _refer(args: argparse.Namespace, faults: Faults) -> Iterator[Ref]:
    pictures = Folder(args.images, not args.no_look)
    for path in args.files:
        instances = args.instances or path.parent / "instances.json"
        yield from refer.read(path, instances, pictures, faults, args.several, args.name)


def _genome(args: argparse.Namespace, faults: Faults) -> Iterator[Ref]:
    known = args.image_data or args.regions.parent / "image_data.json"
    return genome.read(args.regions, known, Folder(args.images, not args.no_look), faults)


def _flickr(args: argparse.Namespace, faults: Faults) -> Iterator[Ref]:
    return flickr.read(args.folder, Folder(args.images, not args.no_look), faults, args.several)


def _transvg(args: argparse.Namespace, faults: Faults) -> Iterator[Ref]:
    pictures = Folder(args.images, not args.no_look)
    for path in args.files:
        yield from transvg.read(path, pictures, faults)


def _seqtr(args: argparse.Namespace, faults: Faults) -> Iterator[Ref]:
    return seqtr.read(args.instances, args.images, not args.no_look, faults)


def _coco(args: argparse.Namespace, faults: Faults) -> Iterator[Ref]:
    photos = coco.read(args.instances, args.skip_bad, args.images)
    named = re.search(r"train|val|test", args.instances.name)
    split = args.split or (named[0] if named else "")
    if split:
        photos = [replace(photo, split=split) for photo in photos]
    there = [photo for photo in photos if args.no_look or _is_there(photo, args.instances, faults)]
    return iter(writing.write_refs([_named(photo, "coco") for photo in there], args.each, args.seed))


def _is_there(photo: Photo, file: Path, faults: Faults) -> bool:
    if os.path.isfile(photo.path):
        return True
    faults.add(f"{file}", EntryError("missing picture", f"picture {photo.path} is missing"))
    return False


def _named(photo: Photo, source: str) -> Photo:
    return photo if photo.source else replace(photo, source=source)


def _voc(args: argparse.Namespace, faults: Faults) -> Iterator[Ref]:
    pictures = Folder(args.images or voc.folder_of(args.folder), not args.no_look)
    return iter(writing.write_refs(voc.read(args.folder, pictures, faults), args.each, args.seed))
