"""Photos with named boxes: COCO instances, and what is known of a photo."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.data.refs import Ref, corners, fit
from ca2m.geometry import Thing, iou


@dataclass(frozen=True)
class Photo:
    """A photo and what is known to be in it."""

    path: str  # absolute
    width: int  # pixels
    height: int
    things: tuple[Thing, ...]
    source: str
    complete: bool  # every thing of the 80 classes is labelled: what is not among things is not there
    split: str
    sequence: str | None  # frames of one video or place share it
    ids: tuple[str, ...] = ()  # as in Ref


def read(
    path: str | os.PathLike[str], skip_bad: bool = False, images: str | os.PathLike[str] | None = None
) -> list[Photo]:
    """Reads COCO instances; photos lie in the folder `images`, or in the file's own. Our own keys (score, origin,
    labels, ...) may be missing, then every box counts as drawn by a person and every photo as complete. Boxes without
    an inside, of which COCO itself has some, and crowds are left out. ValueError says what is broken and where;
    skip_bad leaves such photos and boxes out and logs how many."""
    folder = os.path.abspath(images) if images is not None else str(Path(path).absolute().parent)
    faults, boxes = Faults(skip_bad), defaultdict[Any, list[tuple[str, dict[str, Any]]]](list)
    try:
        with open(path, encoding="utf-8") as file:
            coco = json.load(file)
        names = {kind["id"]: str(kind["name"]) for kind in coco["categories"]}
        for number, note in enumerate(coco["annotations"], 1):
            if not note.get("iscrowd"):
                boxes[note["image_id"]].append((f"annotation {number} (id {note.get('id')})", note))
        entries = list(coco["images"])
    except BROKEN as cause:
        why = f"no {cause}" if isinstance(cause, KeyError) else str(cause)
        raise ValueError(f"read annotations {path}: {why} (COCO instances layout expected)") from cause
    photos = []
    for number, image in enumerate(entries, 1):
        try:
            photos.append(_photo(image, boxes[image["id"]], names, folder, faults, str(path)))
        except BROKEN as cause:
            faults.add(f"{path}: image {number}", cause)
    faults.settle()
    return photos


def _photo(
    image: dict[str, Any],
    notes: list[tuple[str, dict[str, Any]]],
    names: dict[Any, str],
    folder: str,
    faults: Faults,
    file: str,
) -> Photo:
    width, height = int(image["width"]), int(image["height"])
    if width <= 0 or height <= 0:
        raise EntryError("wrong value", f"{image['file_name']} has no size")
    things = []
    for place, note in notes:
        try:
            things += _thing(note, width, height, names)
        except BROKEN as cause:
            faults.add(f"{file}: {place}", cause)
    return Photo(
        path=os.path.realpath(os.path.join(folder, image["file_name"])),
        width=width,
        height=height,
        things=tuple(things),
        source=str(image.get("source", "")),
        complete=image.get("labels", "human-full") == "human-full",
        split=str(image.get("split", "train")),
        sequence=image.get("sequence"),
        ids=coco_ids(image),
    )


def _thing(note: dict[str, Any], width: int, height: int, names: dict[Any, str]) -> list[Thing]:
    """None or one."""
    x, y, w, h = (float(v) for v in note["bbox"])
    if w == 0 or h == 0:
        return []
    x1, y1, x2, y2 = fit(corners((x, y, w, h)), width, height)
    human = note.get("origin", "human") == "human"
    box = (x1 / width, y1 / height, x2 / width, y2 / height)
    return [Thing(names[note["category_id"]], box, float(note.get("score", 1.0)), human)]


_COCO_NAME = re.compile(r"(?:COCO_[a-z]+\d{4}_)?(\d{12})\.jpg")


_FLICKR_URL = re.compile(r"/(\d+)_[0-9a-f]+(?:_\w)?\.jpg")


def coco_ids(image: dict[str, Any]) -> tuple[str, ...]:
    """The public names of an entry of a COCO file's images: coco:<id> where a key coco_id or a file name that holds the
    entry's own id (COCO_train2014_000000000009.jpg, 000000000009.jpg) says that it is a photo of COCO, flickr:<id> from
    its flickr_url. COCO numbers its photos once for all years."""
    ids = []
    name = _COCO_NAME.fullmatch(os.path.basename(str(image.get("file_name", ""))))
    if (known := image.get("coco_id")) is not None or (name and int(name[1]) == image.get("id")):
        ids.append(f"coco:{image['id'] if known is None else known}")
    if url := _FLICKR_URL.search(str(image.get("flickr_url", ""))):
        ids.append(f"flickr:{url[1]}")
    return tuple(ids)


def things_of(ref: Ref, photo: Photo) -> str | None:
    """Class of the thing of photo whose box coincides with the ref's (IoU above 0.8), or None."""
    if ref.box is None or not photo.things:
        return None
    x1, y1, x2, y2 = ref.box
    box = (x1 / photo.width, y1 / photo.height, x2 / photo.width, y2 / photo.height)
    best = max(photo.things, key=lambda thing: iou(thing.box, box))
    return best.name if iou(best.box, box) > 0.8 else None
