"""Rule-written phrases for a whole data set of labelled photos, as lines of refs.jsonl."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from ca2m.data.augment import Pictures
from ca2m.data.coco import Photo
from ca2m.data.mosaic import SMALLEST
from ca2m.data.refs import Ref
from ca2m.language import phrases
from ca2m.language.meaning import Scene


def write_refs(
    photos: Sequence[Photo], each: int, seed: int, only: Collection[str] = (), wordings: int = 1
) -> list[Ref]:
    """Rule-written phrases over whole photos, for at most `each` things of every photo, of the names `only` where some
    are given, each thing in at most that many wordings; with colours where the photo's file is there to look at. The
    same for the same seed."""
    rng, pictures, written = np.random.default_rng(seed), Pictures(), []
    for photo in photos:
        if only and not any(thing.name in only for thing in photo.things):
            continue
        pixels = pictures.get(photo.path) if Path(photo.path).exists() else None
        scene, count = Scene(photo.things, pixels), 0
        for i in rng.permutation(len(photo.things)):
            if count == each or scene.area[i] <= SMALLEST or (only and photo.things[i].name not in only):
                continue
            tries = [phrases.write_in(scene, int(i), rng) for _ in range(wordings)]
            by_text = {p.text: p for p in tries if p is not None}
            count += bool(by_text)
            for phrase in by_text.values():
                x1, y1, x2, y2 = photo.things[i].box
                box = (x1 * photo.width, y1 * photo.height, x2 * photo.width, y2 * photo.height)
                rest = phrase.text, box, phrase.kind, photo.split, photo.source
                written.append(Ref(photo.path, *rest, drawn=False, ids=photo.ids))
    return written
