"""Hand-written phrases over their photos: cropped, mirrored, lit, put beside another photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ca2m.data.augment import FLIP, PLACED, cut, jitter, random_window, square
from ca2m.data.coco import Photo, things_of
from ca2m.data.refs import Ref
from ca2m.data.sample import Expression, Sample, Say
from ca2m.geometry import Box, clip, flipped, inside
from ca2m.language import names
from ca2m.language.looks import Pixels
from ca2m.language.saying import as_written
from ca2m.language.sides import mirrored


def noun_of(ref: Ref, photo: Photo | None) -> int:
    """Which class a hand-written phrase names: by its words and by the thing that its box coincides with."""
    named = names.noun_of(ref.phrase)
    if ref.drawn and names.names_other(ref.phrase):
        return names.OUTSIDE
    labelled = things_of(ref, photo) if photo is not None else None
    if labelled is None:
        return named
    if named != names.UNKNOWN and labelled not in names.confusable(names.COCO80[named]):
        return names.UNKNOWN
    return names.index_of(labelled)


def expression_of(ref: Ref, photo: Photo | None, picture: Pixels) -> Expression:
    """A hand-written phrase, the pixels of its photo at hand."""
    height, width = picture.shape[:2]
    box = None
    if ref.box is not None:
        box = clip((ref.box[0] / width, ref.box[1] / height, ref.box[2] / width, ref.box[3] / height))
    return Expression(ref.phrase.lower(), box, noun_of(ref, photo), ref.kind)


def from_ref(
    ref: Ref,
    picture: Pixels,
    photo: Photo | None,
    side: int,
    rng: np.random.Generator,
    augment: bool,
    flip: float = FLIP,
) -> Sample:
    """A hand-written phrase over its photo. augment, flip: see `render`."""
    return render([expression_of(ref, photo, picture)], picture, side, rng, augment, flip)[0]


def render(
    expressions: Sequence[Expression],
    picture: Pixels,
    side: int,
    rng: np.random.Generator,
    augment: bool,
    flip: float = FLIP,
    say: Say = as_written,
) -> list[Sample]:
    """Phrases over one photo, a sample each, all with the same pixels. augment crops the photo (named boxes stay whole,
    and places stay true), mirrors the share `flip` of those where every phrase has a mirror, changes the light, and
    says the phrases anew; without it the photo is only stretched."""
    window: Box = (0.0, 0.0, 1.0, 1.0)
    turn, words = False, [s.phrase for s in expressions]
    if augment:
        firm = any(
            s.box is None or s.kind not in ("class", "attribute") or PLACED.search(s.phrase) for s in expressions
        )
        picture, window = cut(picture, random_window(_around(expressions), 0.92 if firm else 0.75, rng))
        turned = [mirrored(phrase) for phrase in words]
        turn = bool(rng.random() < flip) and None not in turned
        words = [phrase for phrase in turned if phrase is not None] if turn else words
    pixels = square(picture, side)
    if turn:
        pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
    if augment:
        pixels = jitter(pixels, rng)
    pixels, samples = np.ascontiguousarray(pixels), []
    for s, phrase in zip(expressions, words, strict=True):
        box = None if s.box is None else clip(inside(s.box, window))
        box = flipped(box) if turn and box is not None else box
        samples.append(Sample(pixels, say(phrase, rng) if augment else phrase, box, s.noun, s.kind))
    return samples


def side_by_side(
    picture: Pixels, expressions: Sequence[Expression], other: Pixels, rng: np.random.Generator
) -> tuple[Pixels, list[Expression]]:
    """Two photos as one, beside or above each other, whichever is nearer to a square, and what is said of the first."""
    across = picture.shape[1] / picture.shape[0] + other.shape[1] / other.shape[0] < 2.8
    if across:
        size = max(1, round(other.shape[1] * picture.shape[0] / other.shape[0])), picture.shape[0]
    else:
        size = picture.shape[1], max(1, round(other.shape[0] * picture.shape[1] / other.shape[1]))
    other = np.asarray(cv2.resize(other, size, interpolation=cv2.INTER_AREA), np.uint8)
    first = bool(rng.random() < 0.5)
    both = np.concatenate([picture, other] if first else [other, picture], axis=1 if across else 0)
    share = picture.shape[1] / both.shape[1], picture.shape[0] / both.shape[0]
    left, top = (0.0, 0.0) if first else (1 - share[0], 1 - share[1])

    def moved(box: Box | None) -> Box | None:
        if box is None:
            return None
        x, y = (left + v * share[0] for v in box[::2]), (top + v * share[1] for v in box[1::2])
        (x1, x2), (y1, y2) = x, y
        return x1, y1, x2, y2

    return both, [replace(s, box=moved(s.box)) for s in expressions]


def _around(expressions: Sequence[Expression]) -> Box | None:
    """The box around all boxes."""
    boxes = [s.box for s in expressions if s.box is not None]
    if not boxes:
        return None
    low, high = np.min(boxes, 0), np.max(boxes, 0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])
