"""The check before a run: are all pictures there, and do the boxes lie in them? Only headers of pictures are read, so
thousands take a second, and nothing is found missing in the middle of a night."""

from __future__ import annotations

import os
import warnings
from array import array
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, UnidentifiedImageError

from ca2m.data import coco, refs
from ca2m.data.coco import Photo
from ca2m.data.faults import EntryError, Faults
from ca2m.data.refs import Ref
from ca2m.data.table import Table, Writer

OVER = 1.0  # pixels that a box may reach over the edge of its picture
_ORIENTATION = 0x0112  # EXIF; from 5 on the picture is stored lying on its side
_THREADS = 8  # they wait for the disk, or the network behind it

Size = tuple[int, int]


def size(path: str) -> Size:
    """Width and height in pixels of a picture as it is shown (turned as its EXIF says), from its header. EntryError
    when there is no such picture."""
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            exif = picture.getexif() if "exif" in picture.info else {}  # without, getexif would decode a PNG
    except FileNotFoundError as cause:
        raise EntryError("missing picture", f"picture {path} is missing") from cause
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as cause:
        why = "is not a picture" if isinstance(cause, UnidentifiedImageError) else f"cannot be read ({cause})"
        raise EntryError("broken picture", f"picture {path} {why}") from cause
    return (height, width) if exif.get(_ORIENTATION, 1) in (5, 6, 7, 8) else (width, height)


def sizes(paths: Iterable[str]) -> dict[str, Size | EntryError]:
    """Size of each picture, or what is wrong with it."""

    def look(path: str) -> Size | EntryError:
        try:
            return size(path)
        except EntryError as bad:
            return bad

    distinct = list(dict.fromkeys(paths))
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # nothing is decoded here
        return dict(zip(distinct, pool.map(look, distinct, chunksize=64), strict=True))


def load(
    path: str | os.PathLike[str], skip_bad: bool = False, split: str = "", tell: Callable[[str], None] | None = None
) -> Table:
    """Reads refs.jsonl (lines of one split only, if given) and looks at the pictures. ValueError names the file and
    line of the first that cannot be used and counts all; skip_bad leaves them out and logs how many, by reason. tell
    hears of every one."""
    faults, writer, numbers = Faults(skip_bad, tell), Writer(), array("q")
    for number, ref in refs.lines(path, faults):
        if not split or ref.split == split:
            writer.add(ref)
            numbers.append(number)
    table = writer.table()
    looked = sizes(image for image, *_ in table.photos())
    sound = _sound(table, looked)
    for k in np.flatnonzero(~sound).tolist():
        ref = table[k]
        size_ = looked[ref.image]
        faults.add(f"{path}:{numbers[k]}", size_ if isinstance(size_, EntryError) else _outside(ref, size_), numbers[k])
    faults.settle()
    return table if sound.all() else table.take(sound)


def _sound(table: Table, looked: Mapping[str, Size | EntryError]) -> np.ndarray:
    """(len,) bool: whether the picture is there and the box, if any, lies in it."""
    nothing = (np.nan, np.nan)
    known = [looked[image] for image, *_ in table.photos()]
    size_of = np.array([nothing if isinstance(s, EntryError) else s for s in known], float).reshape(-1, 2)[table.photo]
    absent, there = np.isnan(table.boxes[:, 0]), ~np.isnan(size_of[:, 0])
    low, high = table.boxes[:, :2], table.boxes[:, 2:]
    inside = ((low >= -OVER) & (high <= size_of + OVER)).all(1)
    return np.asarray(there & (absent | inside))


def _outside(ref: Ref, size_: Size) -> EntryError:
    assert ref.box is not None
    x1, y1, x2, y2 = ref.box
    corners = ", ".join(f"{v:g}" for v in (x1, y1, x2 - x1, y2 - y1))
    return EntryError("box outside", f"box [{corners}] reaches over its picture of {size_[0]}x{size_[1]} pixels")


def load_photos(path: str | os.PathLike[str], skip_bad: bool = False) -> list[Photo]:
    """The same for COCO instances. A picture may have another size than the file says (boxes are kept in shares of it),
    but not another shape."""
    faults, photos = Faults(skip_bad), coco.read(path, skip_bad)
    looked, sound = sizes(photo.path for photo in photos), []
    for number, photo in enumerate(photos, 1):
        try:
            _shaped(photo, looked[photo.path])
        except EntryError as bad:
            faults.add(f"{path}: image {number}", bad)
        else:
            sound.append(photo)
    faults.settle()
    return sound


def _shaped(photo: Photo, actual: Size | EntryError) -> None:
    if isinstance(actual, EntryError):
        raise actual
    if abs(actual[0] / actual[1] * photo.height / photo.width - 1) > 0.05:
        shape = f"is {actual[0]}x{actual[1]} pixels, not {photo.width}x{photo.height}: turned or cropped?"
        raise EntryError("picture of another shape", f"picture {photo.path} {shape}")
