"""The dataset format: referring expressions (refs.jsonl) and photos with named boxes (COCO instances)."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Box = tuple[float, float, float, float]
"""Corners x1, y1, x2, y2; the unit is said where it is used."""


@dataclass(frozen=True)
class Ref:
    """One referring expression: what a person wrote for one thing of one photo."""

    image: str  # absolute path of the photo
    phrase: str
    box: Box | None  # corners in pixels of the photo; None: what the phrase says is not in it
    kind: str  # class, position, attribute, relation, absent; "" when the file does not say
    split: str  # train or val
    source: str
    drawn: bool  # its box was drawn by eye for this phrase


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


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes of the same unit; 0 when either is empty."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - across
    return across / both if both > 0 else 0.0


def read(path: str | os.PathLike[str]) -> list[Ref]:
    """Reads refs.jsonl. ValueError names the file and line of the first broken one."""
    folder = Path(path).absolute().parent
    refs: list[Ref] = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                refs.append(_ref(json.loads(line), folder))
            except (ValueError, KeyError, TypeError, AttributeError) as cause:
                why = f"no {cause}" if isinstance(cause, KeyError) else str(cause)
                raise ValueError(
                    f"read refs {path}:{number}: {why} (one JSON object a line: image, phrase, box)"
                ) from cause
    return refs


def _ref(line: Any, folder: Path) -> Ref:
    if not isinstance(line, dict):
        raise ValueError("not a JSON object")
    phrase, image, box = line["phrase"], line["image"], line["box"]
    if not (isinstance(phrase, str) and phrase.strip()):
        raise ValueError("phrase is empty or not text")
    if not (isinstance(image, str) and image):
        raise ValueError("image is not a path")
    return Ref(
        image=os.path.realpath(folder / image),
        phrase=phrase.strip(),
        box=None if box is None else _corners(box),
        kind=str(line.get("kind") or ("absent" if box is None else "")),
        split=str(line.get("split") or "train"),
        source=str(line.get("source") or ""),
        drawn=bool(line.get("drawn")),
    )


def _corners(box: Any) -> Box:
    """[x, y, w, h] to corners."""
    x, y, w, h = (float(v) for v in box)
    if not (w > 0 and h > 0):
        raise ValueError(f"box {box} has no inside")
    return x, y, x + w, y + h


def write(path: str | os.PathLike[str], refs: Iterable[Ref]) -> None:
    """Writes refs.jsonl, images relative to its folder; what read gives back, to a hundredth of a pixel."""
    folder = Path(path).absolute().parent
    with open(path, "w", encoding="utf-8") as out:
        for ref in refs:
            line: dict[str, Any] = {
                "image": Path(os.path.relpath(ref.image, folder)).as_posix(),
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
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def counts(refs: Sequence[Ref]) -> list[str]:
    """Lines that say what the refs hold: of each split, how many phrases and photos, and how many of each kind."""
    lines = []
    for split in sorted({ref.split for ref in refs}):
        own = [ref for ref in refs if ref.split == split]
        kinds = Counter(ref.kind or "no kind" for ref in own)
        said = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        lines.append(f"{split}: {len(own)} phrases over {len({ref.image for ref in own})} photos ({said})")
    return lines


def read_coco(path: str | os.PathLike[str]) -> list[Photo]:
    """Reads COCO instances; photos lie in the file's folder. Our own keys (score, origin, labels, ...) may be missing,
    then every box counts as drawn by a person and every photo as complete. ValueError says what is broken."""
    folder = str(Path(path).absolute().parent)
    try:
        with open(path, encoding="utf-8") as file:
            coco = json.load(file)
        names = {kind["id"]: str(kind["name"]) for kind in coco["categories"]}
        boxes: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for note in coco["annotations"]:
            if not note.get("iscrowd"):
                boxes[note["image_id"]].append(note)
        return [_photo(image, boxes[image["id"]], names, folder) for image in coco["images"]]
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        why = f"no {cause}" if isinstance(cause, KeyError) else str(cause)
        raise ValueError(f"read annotations {path}: {why} (COCO instances layout expected)") from cause


def _photo(image: dict[str, Any], notes: list[dict[str, Any]], names: dict[Any, str], folder: str) -> Photo:
    width, height = int(image["width"]), int(image["height"])
    if width <= 0 or height <= 0:
        raise ValueError(f"image {image['file_name']} has no size")
    things = []
    for note in notes:
        x, y, w, h = note["bbox"]
        box = (max(0.0, x / width), max(0.0, y / height), min(1.0, (x + w) / width), min(1.0, (y + h) / height))
        if box[2] > box[0] and box[3] > box[1]:
            human = note.get("origin", "human") == "human"
            things.append(Thing(names[note["category_id"]], box, float(note.get("score", 1.0)), human))
    return Photo(
        path=os.path.realpath(os.path.join(folder, image["file_name"])),
        width=width,
        height=height,
        things=tuple(things),
        source=str(image.get("source", "")),
        complete=image.get("labels", "human-full") == "human-full",
        split=str(image.get("split", "train")),
        sequence=image.get("sequence"),
    )


def things_of(ref: Ref, photo: Photo) -> str | None:
    """Class of the thing of photo whose box coincides with the ref's (IoU above 0.8), or None."""
    if ref.box is None or not photo.things:
        return None
    x1, y1, x2, y2 = ref.box
    box = (x1 / photo.width, y1 / photo.height, x2 / photo.width, y2 / photo.height)
    best = max(photo.things, key=lambda thing: iou(thing.box, box))
    return best.name if iou(best.box, box) > 0.8 else None
