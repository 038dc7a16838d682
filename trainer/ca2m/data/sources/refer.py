"""RefCOCO, RefCOCO+, RefCOCOg and RefCLEF (ReferIt) as the REFER toolkit gives them out, and gRefCOCO in its layout.

`refs(<split by>).p` is a pickled list of {ref_id, ann_id, image_id, split, sentences: [{sent, ...}], ...}; beside it
lies `instances.json`, a COCO file that holds the boxes. In gRefCOCO's `grefs(unc).json` ann_id is a list, [-1] for a
phrase whose thing is not in the picture."""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ca2m.data.coco import coco_ids
from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.data.refs import Ref, corners, fit
from ca2m.data.sources.files import Folder, entries, union
from ca2m.geometry import Box

_PLAIN = {(module, name) for module in ("builtins", "__builtin__") for name in ("set", "frozenset")}  # Python 3 and 2
_PLAIN.add(("collections", "OrderedDict"))
_TORN = (
    pickle.UnpicklingError,
    EOFError,
    IndexError,
    ImportError,
    MemoryError,
    OverflowError,
    *BROKEN,
)  # what the bytes of a damaged pickle can lead to


class _Plain(pickle.Unpickler):
    """Unpickles plain containers only, since a pickle may otherwise run any code."""

    def find_class(self, module: str, name: str) -> Any:
        """EntryError for whatever is not a plain container."""
        if (module, name) not in _PLAIN:
            raise EntryError(
                "unsafe pickle", f"it holds {module}.{name}; only plain lists, dicts, texts and numbers are read"
            )
        return super().find_class(module, name)


def unpickle(path: str | os.PathLike[str]) -> Any:
    """What a pickle of plain containers holds, by Python 2 or 3. EntryError when it is damaged or holds more."""
    data = Path(path).read_bytes()
    try:
        return _Plain(io.BytesIO(data), encoding="utf-8", errors="replace").load()
    except EntryError:
        raise
    except _TORN as cause:
        why = f"truncated or not a pickle ({len(data)} bytes; {cause}): copy the file anew"
        raise EntryError("truncated pickle", why) from cause


def name_of(path: str | os.PathLike[str]) -> str:
    """Name of the data set: the folder, with who split it where that is not the usual split: refcoco, refcocog-umd."""
    path = Path(path).absolute()
    folder, by = path.parent.name, path.stem.partition("(")[2].rstrip(")")
    return folder if not by or by == "unc" else f"{folder}-{by}"


def read(
    path: str | os.PathLike[str],
    instances: str | os.PathLike[str],
    pictures: Folder,
    faults: Faults,
    several: str = "leave",
    source: str = "",
) -> Iterator[Ref]:
    """One ref a sentence, in the file's order, splits as in the file (train, val, test, testA, ...).

    path: a pickle, or JSON as of gRefCOCO. several: what becomes of phrases that mean several boxes (gRefCOCO): "leave"
    leaves them out, as a network that answers with one box cannot be right; "union" gives the box around all. A phrase
    without a target has no box and trains presence. Broken entries go to faults, named by number and ref_id."""
    source = source or name_of(path)
    try:
        listed = entries(path) if str(path).endswith(".json") else iter(_listed(path))
    except EntryError as bad:
        faults.add(f"{path}", bad)
        return
    boxes = _Instances(instances, source)
    for number, entry in enumerate(listed, 1):
        where = f"{path}: entry {number} (ref_id {entry.get('ref_id') if isinstance(entry, dict) else None})"
        try:
            ref, sentences = _ref(entry, boxes, pictures, several, source), entry["sentences"]
        except BROKEN as cause:
            faults.add(where, cause)
            continue
        if ref is None:
            faults.left_out["phrases for several boxes"] += len(sentences)
            continue
        for sentence in sentences:
            try:
                yield replace(ref, phrase=_phrase(sentence))
            except BROKEN as cause:
                faults.add(where, cause)


def _listed(path: str | os.PathLike[str]) -> list[Any]:
    value = unpickle(path)
    if not isinstance(value, list):
        raise EntryError("wrong value", f"it holds a {type(value).__name__}, a list of refs is expected")
    return value


class _Instances:
    """Boxes and photos of a COCO file by id."""

    def __init__(self, path: str | os.PathLike[str], source: str) -> None:
        self.source = source
        try:
            with open(path, encoding="utf-8") as file:
                coco = json.load(file)
            self._notes = {note["id"]: (note["image_id"], note["bbox"]) for note in coco["annotations"]}
            self._images = {image["id"]: image for image in coco["images"]}
        except BROKEN as cause:
            why = f"no {cause}" if isinstance(cause, KeyError) else str(cause)
            raise ValueError(f"read instances {path}: {why} (COCO instances layout expected)") from cause

    def image(self, number: Any) -> dict[str, Any]:
        """Entry of a photo."""
        if number not in self._images:
            raise EntryError("unknown photo", f"image_id {number} is not among the images of the instances")
        image: dict[str, Any] = self._images[number]
        return image

    def box(self, number: Any, image: dict[str, Any]) -> Box:
        """Corners in pixels of annotation `number` of that photo."""
        if number not in self._notes:
            raise EntryError("unknown box", f"ann_id {number} is not among the annotations of the instances")
        of, box = self._notes[number]
        if of != image["id"]:
            raise EntryError("wrong value", f"ann_id {number} is of image_id {of}, not {image['id']}")
        return fit(corners(box), float(image["width"]), float(image["height"]))

    def ids(self, image: dict[str, Any]) -> tuple[str, ...]:
        """Public names of a photo."""
        own = "saiapr" if self.source.startswith(("refclef", "referit")) else self.source
        return coco_ids(image) or (f"{own}:{image['id']}",)


def _ref(entry: dict[str, Any], boxes: _Instances, pictures: Folder, several: str, source: str) -> Ref | None:
    """An entry without its phrase, or None where it means several boxes and these are left out."""
    image = boxes.image(entry["image_id"])
    listed = entry["ann_id"]
    numbers = listed if isinstance(listed, list) else [listed]
    box = None
    if numbers not in ([], [-1]):
        if len(numbers) > 1 and several == "leave":
            return None
        box = union([boxes.box(number, image) for number in numbers])
    path, kind = pictures.find(image["file_name"]), "" if box else "absent"
    return Ref(path, "", box, kind, str(entry["split"]), source, False, boxes.ids(image))


def _phrase(sentence: dict[str, Any]) -> str:
    phrase = str(sentence["sent"]).strip()
    if not phrase:
        raise EntryError("empty phrase", f"the phrase of sent_id {sentence.get('sent_id')} is empty")
    return phrase
