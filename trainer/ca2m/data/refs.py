"""The dataset format: referring expressions (refs.jsonl) and photos with named boxes (COCO instances)."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

from ca2m.data.faults import BROKEN, EntryError, Faults

Box = tuple[float, float, float, float]
"""Corners x1, y1, x2, y2; the unit is said where it is used."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One referring expression: what a person wrote for one thing of one photo."""

    image: str  # absolute path of the photo
    phrase: str
    box: Box | None  # corners in pixels of the photo; None: what the phrase says is not in it
    kind: str  # class, position, attribute, relation, absent; "" when the file does not say
    split: str  # train, or what is never trained on: val, test, testA, ...
    source: str
    drawn: bool  # its box was drawn by eye for this phrase
    ids: tuple[str, ...] = ()  # the photo in public collections, e.g. coco:9, flickr:1000092795


@dataclass(frozen=True)
class Thing:
    """One named box of a photo."""

    name: str
    box: Box  # corners, 0..1 of the photo
    score: float  # the detector's, 1 when a person drew it
    human: bool


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


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes of the same unit; 0 when either is empty."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - across
    return across / both if both > 0 else 0.0


def read(path: str | os.PathLike[str], skip_bad: bool = False) -> list[Ref]:
    """Reads refs.jsonl. ValueError names the file and line of the first broken one; skip_bad leaves such lines out and
    logs how many. Pictures are not looked at: see checks.load."""
    faults = Faults(skip_bad)
    found = [ref for _, ref in lines(path, faults)]
    faults.settle()
    return found


def lines(path: str | os.PathLike[str], faults: Faults) -> Iterator[tuple[int, Ref]]:
    """The sound lines of refs.jsonl with their numbers, from 1; the others go to faults."""
    folder, places = Path(path).absolute().parent, dict[str, str]()
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield number, _ref(_json(line), folder, places)
            except BROKEN as cause:
                faults.add(f"{path}:{number}", cause, number)


def _json(line: bytes) -> Any:
    try:
        return json.loads(line.strip())
    except ValueError as cause:
        what = f"{cause.msg} at column {cause.colno}" if isinstance(cause, json.JSONDecodeError) else str(cause)
        raise EntryError("wrong JSON", f"{what}: one JSON object a line is expected: image, phrase, box") from cause


def _ref(line: Any, folder: Path, places: dict[str, str]) -> Ref:
    """places: image to absolute path, as far as known (looking a path up costs more than reading the line)."""
    if not isinstance(line, dict):
        raise EntryError("wrong JSON", "not a JSON object")
    phrase, image, box = line["phrase"], line["image"], line["box"]
    if not (isinstance(phrase, str) and phrase.strip()):
        raise EntryError("empty phrase", "phrase is empty or not text")
    if not (isinstance(image, str) and image):
        raise EntryError("wrong value", "image is not a path")
    if image not in places:
        places[image] = os.path.realpath(folder / image)
    return Ref(
        image=places[image],
        phrase=phrase.strip(),
        box=None if box is None else corners(box),
        kind=intern(str(line.get("kind") or ("absent" if box is None else ""))),
        split=intern(str(line.get("split") or "train")),
        source=intern(str(line.get("source") or "")),
        drawn=bool(line.get("drawn")),
        ids=_ids(line.get("image_id")),
    )


def _ids(said: Any) -> tuple[str, ...]:
    """image_id of a line: a name such as "coco:9", or a list of them."""
    if said is None:
        return ()
    ids = said if isinstance(said, list) else [said]
    if not all(isinstance(name, str) and name for name in ids):
        raise EntryError("wrong value", f"image_id {said!r} is not a name such as 'coco:9', nor a list of them")
    return tuple(ids)


def corners(box: Any) -> Box:
    """[x, y, w, h] to corners. EntryError when it is not finite or has no inside."""
    x, y, w, h = (float(v) for v in box)
    if not all(math.isfinite(v) for v in (x, y, w, h)):
        raise EntryError("box not finite", f"box {box} is not finite")
    if not (w > 0 and h > 0):
        raise EntryError("box without inside", f"box {box} has no inside")
    return x, y, x + w, y + h


def write(path: str | os.PathLike[str], refs: Iterable[Ref]) -> None:
    """Writes refs.jsonl, images relative to its folder; what read gives back, to a hundredth of a pixel. The file
    appears when all of it is written: an error among refs leaves what was there."""
    target, places = Path(path).absolute(), dict[str, str]()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        with open(part, "w", encoding="utf-8") as out:
            for ref in refs:
                if ref.image not in places:
                    places[ref.image] = Path(os.path.relpath(ref.image, target.parent)).as_posix()
                out.write(json.dumps(_line(ref, places[ref.image]), ensure_ascii=False) + "\n")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _line(ref: Ref, image: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "image": image,
        "phrase": ref.phrase,
        "box": None,
        "kind": ref.kind,
        "source": ref.source,
        "split": ref.split,
    }
    if ref.box is not None:
        x1, y1, x2, y2 = ref.box
        line["box"] = [round(x1, 2), round(y1, 2), round(x2 - x1, 2), round(y2 - y1, 2)]
    if ref.drawn:
        line["drawn"] = 1
    if ref.ids:
        line["image_id"] = ref.ids[0] if len(ref.ids) == 1 else list(ref.ids)
    return line


class Counts:
    """What refs hold, told while they pass by: of each split, how many phrases and photos and how many of each kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self._photos: dict[str, set[str]] = defaultdict(set)

    def of(self, refs: Iterable[Ref]) -> Iterator[Ref]:
        """The same refs, counted."""
        for ref in refs:
            self._kinds[ref.split][ref.kind or "no kind"] += 1
            self._photos[ref.split].add(ref.image)
            yield ref

    def lines(self) -> list[str]:
        """One line a split."""
        told = []
        for split, kinds in sorted(self._kinds.items()):
            said = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            told.append(f"{split}: {kinds.total()} phrases over {len(self._photos[split])} photos ({said})")
        return told


def counts(refs: Iterable[Ref]) -> list[str]:
    """Lines that say what the refs hold: of each split, how many phrases and photos, and how many of each kind."""
    told = Counts()
    for _ in told.of(refs):
        pass
    return told.lines()


def fit(box: Box, width: float, height: float) -> Box:
    """A box cut to its picture of that size; annotators and detectors often go a little over the edge. EntryError when
    less than half of it lies within."""
    x1, y1, x2, y2 = max(0.0, box[0]), max(0.0, box[1]), min(width, box[2]), min(height, box[3])
    left = max(0.0, x2 - x1) * max(0.0, y2 - y1)
    if left < 0.5 * (box[2] - box[0]) * (box[3] - box[1]):
        said = ", ".join(f"{v:g}" for v in box)
        raise EntryError("box outside", f"box with corners {said} lies outside its picture of {width:g}x{height:g}")
    return x1, y1, x2, y2


def read_coco(
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
    found = []
    for number, image in enumerate(entries, 1):
        try:
            found.append(_photo(image, boxes[image["id"]], names, folder, faults, str(path)))
        except BROKEN as cause:
            faults.add(f"{path}: image {number}", cause)
    faults.settle()
    return found


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
