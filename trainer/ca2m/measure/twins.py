"""Twins and threes: of two or three things of a name in a photo, is "left X" the left one, "right X" the right one and
"X in the middle" the one between?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from ca2m.data.augment import square
from ca2m.data.coco import Photo
from ca2m.geometry import Box, flipped, iou
from ca2m.geometry import iou as overlap
from ca2m.infer.pointer import Pointer
from ca2m.language import names
from ca2m.measure.evaluate import answers, read_picture

LEAST = 0.004  # share of the photo that a twin covers at least
APART = 0.08  # of the photo's width that lies between the twins' middles at least
SURE = 0.5  # score that a detector's box has at least


@dataclass(frozen=True)
class Twins:
    """One photo with exactly two or three things of a name. Boxes are corner form, 0..1 of the photo."""

    image: str
    name: str
    boxes: tuple[Box, ...]  # from the left
    mirrored: bool = False  # the photo is; the boxes are in it as it is shown


def find(photos: Sequence[Photo], n: int = 100, seed: int = 6, of: int = 2) -> list[Twins]:
    """At most n pairs, or threes, over different photos, the same for the same seed. A photo with one more thing that
    may bear the name is left out, and so are twins that are small, cover each other, or stand above each other."""
    usable = []
    for photo in sorted(photos, key=lambda p: p.path):
        own: dict[str, list[Box]] = defaultdict(list)
        for thing in photo.things:
            own[thing.name].append(thing.box)
        pairs = [t for name in sorted(own) if (t := _pair(photo, name, own[name], of)) is not None]
        if pairs:
            usable.append(pairs)
    rng = np.random.default_rng(seed)
    chosen = sorted(rng.permutation(len(usable))[:n].tolist())
    return [usable[i][int(rng.integers(len(usable[i])))] for i in chosen]


def _pair(photo: Photo, name: str, boxes: list[Box], of: int) -> Twins | None:
    if len(boxes) != of or name not in names.COCO80:
        return None
    if any(t.name != name and t.name in names.confusable(name) for t in photo.things):
        return None
    if any(t.name == name and not t.human and t.score < SURE for t in photo.things):
        return None
    row = sorted(boxes, key=lambda b: b[0] + b[2])
    if any((b[2] - b[0]) * (b[3] - b[1]) < LEAST for b in row):
        return None
    for a, b in pairwise(row):
        if (b[0] + b[2] - a[0] - a[2]) / 2 < APART or overlap(a, b) > 0.2:
            return None
    return Twins(photo.path, name, tuple(row))


def with_mirrored(pairs: Sequence[Twins]) -> list[Twins]:
    """Each pair, and the same in the mirrored photo, where the other twin is the left one."""
    turned = [replace(p, boxes=tuple(flipped(b) for b in reversed(p.boxes)), mirrored=True) for p in pairs]
    return [*pairs, *turned]


def measure(pointer: Pointer, pairs: Sequence[Twins], batch: int = 0) -> dict[str, Any]:
    """Shares of pairs with both right, one right, and both answers on one and the same twin (sides not understood).
    batch: as in `evaluate.answers`."""
    both = one = same = 0
    work = ((_shown(pair, pointer), [f"left {pair.name}", f"right {pair.name}"]) for pair in pairs)
    for pair, pointed in zip(pairs, answers(pointer, work, batch), strict=True):
        a, b = (p.boxes[0] for p in pointed)
        right = (iou(a, pair.boxes[0]) > 0.5) + (iou(b, pair.boxes[1]) > 0.5)
        both, one = both + (right == 2), one + (right == 1)
        same += iou(a, (float(b[0]), float(b[1]), float(b[2]), float(b[3]))) > 0.5
    n = len(pairs)
    share = {"both": both, "one": one, "same_box": same}
    return {"n": n, **{k: v / n if n else None for k, v in share.items()}}


def measure_threes(pointer: Pointer, threes: Sequence[Twins], batch: int = 0) -> dict[str, Any]:
    """Shares of threes whose left, middle and right one is found by "left X", "X in the middle" and "right X"."""
    forms, right = ("left {}", "{} in the middle", "right {}"), np.zeros(3)
    work = ((_shown(three, pointer), [way.format(three.name) for way in forms]) for three in threes)
    for three, pointed in zip(threes, answers(pointer, work, batch), strict=True):
        right += [iou(a.boxes[0], box) > 0.5 for a, box in zip(pointed, three.boxes, strict=True)]
    shares = (right / max(len(threes), 1)).tolist()
    return {"n": len(threes), **dict(zip(("left", "middle", "right"), shares, strict=True))}


def _shown(twins: Twins, pointer: Pointer) -> np.ndarray:
    """The photo as the pointer wants it, mirrored where they are."""
    pixels = square(read_picture(twins.image), pointer.size)
    return np.ascontiguousarray(cv2.flip(pixels, 1)) if twins.mirrored else pixels
