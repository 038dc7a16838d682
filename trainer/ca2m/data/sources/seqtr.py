"""Files of SeqTR: `annotations/<data set>/instances.json`, {split: [{image_id, expressions, bbox, width, height}]}, and
`annotations/mixed/instances.json`, the merged set that SeqTR and the paper pre-train on, whose entries say their
data_source."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.data.refs import Ref, corners, fit
from ca2m.data.sources.files import Folder

PLACES = {
    "coco": ("mscoco/train2014", "COCO_train2014_{:012d}.jpg", "coco"),
    "flickr": ("flickr30k", "{}.jpg", "flickr"),
    "saiaprtc12": ("saiaprtc12", "{}.jpg", "saiapr"),
    "vg": ("visual-genome", "{}.jpg", "vg"),
}
"""Folder, file name and name in public of each source of photos."""

_SOURCES = {"flickr30k": "flickr", "referitgame-berkeley": "saiaprtc12"}  # by data set; COCO is all others'


def read(path: str | os.PathLike[str], root: str | os.PathLike[str], look: bool, faults: Faults) -> Iterator[Ref]:
    """One ref an expression, in the file's order, splits as in the file. root: the folder with mscoco/train2014,
    flickr30k, saiaprtc12 and visual-genome, or of just the photos where there is one source only. Broken entries go to
    faults, named by split and number. ValueError when the file has another layout."""
    name, folders = Path(path).absolute().parent.name, dict[str, Folder]()
    try:
        with open(path, encoding="utf-8") as file:
            splits = json.load(file)
        sets = [(str(split), list(entries)) for split, entries in splits.items()]
    except BROKEN as cause:
        raise ValueError(f"{path}: {cause} (a list of entries for each split is expected)") from cause
    for split, entries in sets:
        for number, entry in enumerate(entries, 1):
            where = f"{path}: {split} entry {number}"
            try:
                source = str(entry.get("data_source") or _SOURCES.get(name, "coco"))
                if source not in PLACES:
                    raise EntryError("wrong value", f"data_source {source} is none of {', '.join(PLACES)}")
                if source not in folders:
                    own = Path(root) / PLACES[source][0]
                    folders[source] = Folder(own if own.is_dir() else root, look)
                ref, phrases = _ref(entry, source, folders[source], split, name), list(entry["expressions"])
            except BROKEN as cause:
                faults.add(where, cause)
                continue
            yield from _refs(ref, phrases, where, faults)


def _ref(entry: dict[str, Any], source: str, pictures: Folder, split: str, name: str) -> Ref:
    """An entry without its phrase."""
    _, file, public = PLACES[source]
    number = int(entry["image_id"])
    box = fit(corners(entry["bbox"]), float(entry["width"]), float(entry["height"]))
    return Ref(pictures.find(file.format(number)), "", box, "", split, name, False, (f"{public}:{number}",))


def _refs(ref: Ref, phrases: list[Any], where: str, faults: Faults) -> Iterator[Ref]:
    for phrase in phrases:
        text = " ".join(str(phrase).split())
        if text:
            yield Ref(ref.image, text, ref.box, ref.kind, ref.split, ref.source, False, ref.ids)
        else:
            faults.add(where, EntryError("empty phrase", "a phrase is empty"))
