"""Lists of TransVG and the one-stage grounders before it: `<data set>_<split>.pth`, a list written by torch.save. For
many these are the only source of ReferIt. An entry is (file name, box, phrase) for Flickr30k, else (file name, mask
name, box, phrase, attributes); the box is x, y, w, h for photos of COCO, corners for ReferIt and Flickr30k."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ca2m.data.checks import size
from ca2m.data.coco import coco_ids
from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.data.refs import Ref, corners, fit
from ca2m.data.sources.files import Folder
from ca2m.geometry import Box

NAMES = {
    "unc": "refcoco",
    "unc+": "refcoco+",
    "gref": "refcocog-google",
    "gref_umd": "refcocog-umd",
    "referit": "refclef-berkeley",
    "flickr": "flickr30k",
}
"""Source by the data set's name in these files."""

_MAKERS = {"_reconstruct": np.zeros(1).__reduce__()[0], "scalar": np.int64(0).__reduce__()[0]}
_NUMPY: list[Any] = [
    np.ndarray,
    np.dtype,
    *{type(np.dtype(kind)) for kind in ("i4", "i8", "f4", "f8")},
    *((make, f"numpy.{core}.multiarray.{name}") for name, make in _MAKERS.items() for core in ("core", "_core")),
]
"""Plain arrays and numbers, as written with NumPy 1 and 2."""


def read(path: str | os.PathLike[str], pictures: Folder, faults: Faults) -> Iterator[Ref]:
    """One ref an entry, in the file's order; data set and split from the file's name, trainval as train. Boxes are cut
    to their pictures where these are looked at. Broken entries go to faults, named by number. ValueError when the
    file's name says no data set."""
    name, _, split = Path(path).stem.rpartition("_")
    if name not in NAMES:
        raise ValueError(f"{path}: a name such as unc_train.pth is expected, of {', '.join(NAMES)}")
    try:
        listed = _load(path)
    except EntryError as bad:
        faults.add(f"{path}", bad)
        return
    sizes: dict[str, tuple[int, int]] = {}
    split = "train" if split == "trainval" else split
    for number, entry in enumerate(listed, 1):
        try:
            yield _ref(entry, name, split, pictures, sizes)
        except BROKEN as cause:
            faults.add(f"{path}: entry {number}", cause)


def _load(path: str | os.PathLike[str]) -> Sequence[Any]:
    try:
        with torch.serialization.safe_globals(_NUMPY):  # plain data and arrays: a pickle may otherwise run any code
            value = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, *BROKEN) as cause:
        if strange := re.search(r"GLOBAL (\S+)", str(cause)):
            why = f"it holds {strange[1]}; only plain lists, texts, numbers and arrays are read"
            raise EntryError("unsafe list", why) from cause
        raise EntryError("truncated list", "truncated, or not a list of torch.save: copy the file anew") from cause
    if not isinstance(value, list):
        raise EntryError("wrong value", f"it holds a {type(value).__name__}, a list is expected")
    return value


def _ref(entry: Any, name: str, split: str, pictures: Folder, sizes: dict[str, tuple[int, int]]) -> Ref:
    if len(entry) not in (3, 5):
        raise EntryError("wrong value", f"it has {len(entry)} parts, not 3 or 5")
    file, numbers, phrase = (
        str(entry[0]),
        entry[-2] if len(entry) == 3 else entry[2],
        entry[2 if len(entry) == 3 else 3],
    )
    phrase = " ".join(str(phrase).split())
    if not phrase:
        raise EntryError("empty phrase", "the phrase is empty")
    path, box = pictures.find(file), _box(numbers, name)
    if pictures.look:
        if path not in sizes:
            sizes[path] = size(path)
        box = fit(box, *sizes[path])
    return Ref(path, phrase, box, "", split, NAMES[name], False, _ids(file, name))


def _box(value: Any, name: str) -> Box:
    a, b, c, d = (float(v) for v in value)
    return corners([a, b, c - a, d - b] if name in ("referit", "flickr") else [a, b, c, d])


def _ids(file: str, name: str) -> tuple[str, ...]:
    stem = Path(file).stem
    if name in ("referit", "flickr"):
        return (f"{'saiapr' if name == 'referit' else name}:{stem}",)
    number = stem.rpartition("_")[2]
    return coco_ids({"file_name": file, "id": int(number) if number.isdigit() else None})
