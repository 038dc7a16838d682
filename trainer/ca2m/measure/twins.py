"""Left/right twins: of two things of one name in a photo, does "left X" mean the left one and "right X" the other?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ca2m.data.augment import flipped
from ca2m.data.refs import Box, Photo
from ca2m.data.refs import iou as overlap
from ca2m.data.scenes import square
from ca2m.language import names
from ca2m.measure.evaluate import Pointer, iou, read_picture

LEAST = 0.004  # share of the photo that a twin covers at least
APART = 0.08  # of the photo's width that lies between the twins' middles at least
SURE = 0.5  # score that a detector's box has at least


@dataclass(frozen=True)
class Twins:
    """One photo with exactly two things of a name. Boxes are corner form, 0..1 of the photo."""

    image: str
    name: str
    left: Box
    right: Box
    mirrored: bool = False  # the photo is; the boxes are in it as it is shown


def find(photos: Sequence[Photo], n: int = 100, seed: int = 6) -> list[Twins]:
    """At most n pairs over different photos, the same for the same seed. A photo with a third thing that may bear the
    name is left out, and so are twins that are small, cover each other, or stand above each other."""
    found = []
    for photo in sorted(photos, key=lambda p: p.path):
        own: dict[str, list[Box]] = defaultdict(list)
        for thing in photo.things:
            own[thing.name].append(thing.box)
        pairs = [t for name in sorted(own) if (t := _pair(photo, name, own[name])) is not None]
        if pairs:
            found.append(pairs)
    rng = np.random.default_rng(seed)
    chosen = sorted(rng.permutation(len(found))[:n].tolist())
    return [found[i][int(rng.integers(len(found[i])))] for i in chosen]


def _pair(photo: Photo, name: str, boxes: list[Box]) -> Twins | None:
    if len(boxes) != 2 or name not in names.COCO80:
        return None
    if any(t.name != name and t.name in names.confusable(name) for t in photo.things):
        return None
    if any(t.name == name and not t.human and t.score < SURE for t in photo.things):
        return None
    left, right = sorted(boxes, key=lambda b: b[0] + b[2])
    middle = [(b[0] + b[2]) / 2 for b in (left, right)]
    big = all((b[2] - b[0]) * (b[3] - b[1]) >= LEAST for b in boxes)
    if not big or middle[1] - middle[0] < APART or overlap(left, right) > 0.2:
        return None
    return Twins(photo.path, name, left, right)


def with_mirrored(pairs: Sequence[Twins]) -> list[Twins]:
    """Each pair, and the same in the mirrored photo, where the other twin is the left one."""
    turned = [replace(p, left=flipped(p.right), right=flipped(p.left), mirrored=True) for p in pairs]
    return [*pairs, *turned]


def measure(pointer: Pointer, pairs: Sequence[Twins]) -> dict[str, Any]:
    """Shares of pairs with both right, one right, and both answers on one and the same twin (sides not understood)."""
    both = one = same = 0
    for pair in pairs:
        pixels = square(read_picture(pair.image), pointer.size)
        pixels = np.ascontiguousarray(cv2.flip(pixels, 1)) if pair.mirrored else pixels
        a, b = (p.boxes[0] for p in pointer.point(pixels, [f"left {pair.name}", f"right {pair.name}"]))
        right = (iou(a, pair.left) > 0.5) + (iou(b, pair.right) > 0.5)
        both, one = both + (right == 2), one + (right == 1)
        same += iou(a, (float(b[0]), float(b[1]), float(b[2]), float(b[3]))) > 0.5
    n = len(pairs)
    share = {"both": both, "one": one, "same_box": same}
    return {"n": n, **{k: v / n if n else None for k, v in share.items()}}
