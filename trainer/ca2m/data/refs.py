"""The dataset format: referring expressions (refs.jsonl) and photos with named boxes (COCO instances)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.geometry import Box


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


def read(path: str | os.PathLike[str], skip_bad: bool = False) -> list[Ref]:
    """Reads refs.jsonl. ValueError names the file and line of the first broken one; skip_bad leaves such lines out and
    logs how many. Pictures are not looked at: see checks.load."""
    faults = Faults(skip_bad)
    kept = [ref for _, ref in lines(path, faults)]
    faults.settle()
    return kept


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


def _ids(value: Any) -> tuple[str, ...]:
    """image_id of a line: a name such as "coco:9", or a list of them."""
    if value is None:
        return ()
    ids = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name for name in ids):
        raise EntryError("wrong value", f"image_id {value!r} is not a name such as 'coco:9', nor a list of them")
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


def fit(box: Box, width: float, height: float) -> Box:
    """A box cut to its picture of that size; annotators and detectors often go a little over the edge. EntryError when
    less than half of it lies within."""
    x1, y1, x2, y2 = max(0.0, box[0]), max(0.0, box[1]), min(width, box[2]), min(height, box[3])
    left = max(0.0, x2 - x1) * max(0.0, y2 - y1)
    if left < 0.5 * (box[2] - box[0]) * (box[3] - box[1]):
        listed = ", ".join(f"{v:g}" for v in box)
        raise EntryError("box outside", f"box with corners {listed} lies outside its picture of {width:g}x{height:g}")
    return x1, y1, x2, y2
