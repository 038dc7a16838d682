"""Flickr30k Entities: captions with their phrases in brackets (`Sentences/<id>.txt`), boxes by chain id
(`Annotations/<id>.xml`) and `train.txt`, `val.txt`, `test.txt` with the ids of each split."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.data.refs import Ref, fit
from ca2m.data.sources.files import Folder, union
from ca2m.data.sources.voc import box_of
from ca2m.geometry import Box

SPLITS = ("train", "val", "test")
_PHRASE = re.compile(r"\[/EN#(?P<chain>\d+)(?P<types>(?:/\w+)*)\s+(?P<phrase>[^\]]+)\]")


def read(root: str | os.PathLike[str], pictures: Folder, faults: Faults, several: str = "union") -> Iterator[Ref]:
    """One ref a phrase with a box; the same phrase for the same box only once a photo.

    several: a phrase such as "two men" may have several boxes: "union" gives the box around all, as the field judges
    it, "leave" leaves the phrase out. Phrases without a box (scenes, things that cannot be seen) are left out and
    counted: that nobody drew a box does not say that the thing is not there. So are captions that do not belong to
    their photo (UNRELATED_CAPTIONS). Broken photos and phrases go to faults, named by file and line."""
    root = Path(root)
    unrelated = _unrelated(root / "UNRELATED_CAPTIONS")
    lists = [(split, root / f"{split}.txt") for split in SPLITS if (root / f"{split}.txt").is_file()]
    if not lists:
        raise FileNotFoundError(f"{root}: it holds neither train.txt nor val.txt nor test.txt")
    for split, path in lists:
        for number, name in enumerate(path.read_text(encoding="utf-8").split(), 1):
            try:
                yield from _photo(root, name, split, pictures, faults, several, unrelated)
            except (*BROKEN, OSError) as cause:
                faults.add(f"{path}:{number}", cause)


def _photo(
    root: Path,
    name: str,
    split: str,
    pictures: Folder,
    faults: Faults,
    several: str,
    unrelated: set[tuple[str, int]],
) -> Iterator[Ref]:
    image = pictures.find(f"{name}.jpg")
    boxes = _boxes(root / "Annotations" / f"{name}.xml", faults)
    written: set[tuple[str, Box]] = set()
    path = root / "Sentences" / f"{name}.txt"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if (name, number) in unrelated:
            faults.left_out["unrelated captions"] += 1
            continue
        if line.count("[/EN#") != len(matches := list(_PHRASE.finditer(line))):
            faults.add(f"{path}:{number}", EntryError("wrong value", "a bracket is not [/EN#<chain>/<type> words]"))
        for part in matches:
            own = boxes.get(part["chain"], ())
            if not own or (len(own) > 1 and several == "leave"):
                faults.left_out["phrases for several boxes" if own else "phrases without a box"] += 1
                continue
            phrase, box = " ".join(part["phrase"].split()), union(own)
            if (key := (phrase.lower(), box)) not in written:
                written.add(key)
                yield Ref(image, phrase, box, "", split, "flickr30k", False, (f"flickr:{name}",))


def _boxes(path: Path, faults: Faults) -> dict[str, list[Box]]:
    """Corners in pixels of all boxes of each chain; an object may belong to several chains."""
    boxes: dict[str, list[Box]] = defaultdict(list)
    try:
        tree = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as cause:
        raise EntryError("wrong XML", f"read {path}: {cause}") from cause
    except FileNotFoundError as cause:
        raise EntryError("missing annotation", f"{path} is missing") from cause
    width, height = (float(tree.findtext(f"size/{side}", "0")) for side in ("width", "height"))
    for number, thing in enumerate(tree.iter("object"), 1):
        if thing.find("bndbox") is None:
            continue
        try:
            box = fit(box_of(thing), width, height)
        except BROKEN as cause:
            faults.add(f"{path}: object {number}", cause)
            continue
        for chain in thing.findall("name"):
            boxes[(chain.text or "").strip()].append(box)
    return boxes


def _unrelated(path: Path) -> set[tuple[str, int]]:
    """Photo and number of each caption that is known to be of another photo."""
    if not path.is_file():
        return set()
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {(line[0], int(line[1])) for line in lines if len(line) == 2}
