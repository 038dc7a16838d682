"""Rule-written phrases over mosaics of labelled photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ca2m.data.augment import FLIP, Pictures, cut, jitter, random_window
from ca2m.data.coco import Photo
from ca2m.data.sample import Expression, Sample, Say, draw
from ca2m.geometry import Box, Thing, clip, flipped, inside
from ca2m.language import names, phrases
from ca2m.language.looks import Pixels
from ca2m.language.meaning import Scene
from ca2m.language.saying import as_written

Writer = Callable[[Sequence[Thing], Pixels, np.random.Generator, int], "list[Expression]"]
"""Things of a picture, its pixels and the most phrases that are wanted, to phrases."""


SMALLEST = 0.004
"""Share of the picture below which no rule-written phrase points at a thing."""


def from_photos(
    photos: Sequence[Photo],
    pictures: Pictures,
    side: int,
    rng: np.random.Generator,
    augment: bool,
    shares: np.ndarray | None = None,
    most: int = 1,
    write: Writer | None = None,
    flip: float = FLIP,
    say: Say = as_written,
) -> list[Sample]:
    """Up to `most` rule-written phrases, at least one, over a mosaic of 1, 2 or 4 of the photos (shares: how often
    each, summed up to 1), or over one whole photo without augment; all with the same pixels. write: `ruled` or `rowed`.
    flip: share of the photos that is mirrored with augment.
    ValueError when the photos give nothing to write about."""
    if not photos:
        raise ValueError("write phrases: no photos with labelled things")
    for _ in range(500):
        canvas = np.empty((side, side, 3), np.uint8)
        things: list[Thing] = []
        for cell in _cells(side, rng, augment):
            photo = photos[draw(len(photos), shares, rng)]
            things += _place(canvas, cell, pictures.get(photo.path), photo, rng, augment, flip)
        if expressions := (write or ruled)(things, canvas, rng, most):
            pixels = jitter(canvas, rng) if augment else canvas
            return [
                Sample(pixels, say(s.phrase, rng) if augment else s.phrase, s.box, s.noun, s.kind) for s in expressions
            ]
    raise ValueError(f"write phrases: none of {len(photos)} photos has a thing that a phrase can point at")


def ruled(things: Sequence[Thing], pixels: Pixels, rng: np.random.Generator, most: int) -> list[Expression]:
    """Up to `most` rule-written phrases for different things of a picture."""
    scene, expressions = Scene(things, pixels), list[Expression]()
    large = [i for i in range(len(things)) if scene.area[i] > SMALLEST and scene.is_sure(i)]
    for i in rng.permutation(large)[:4]:
        phrase = phrases.write_in(scene, int(i), rng)
        if phrase is not None:
            noun = names.index_of(things[i].name)
            expressions.append(Expression(phrase.text, things[i].box, noun, f"rule {phrase.kind}"))
        if len(expressions) == most:
            break
    return expressions


def gone(things: Sequence[Thing], pixels: Pixels, rng: np.random.Generator, most: int) -> list[Expression]:
    """A rule-written phrase for a thing of a picture and, where more than one is wanted, one for what is surely not in
    it."""
    expressions = ruled(things, pixels, rng, 1)
    phrase = phrases.absent(things, rng, complete=False) if expressions and most > 1 else None
    if phrase is not None:
        expressions.append(Expression(phrase.text, None, names.index_of_word(phrase.meaning.noun), "absent"))
    return expressions


def rowed(things: Sequence[Thing], pixels: Pixels, rng: np.random.Generator, most: int) -> list[Expression]:
    """Up to `most` rule-written phrases for different things of one row of three and more alike."""
    scene, expressions = Scene(things, pixels), list[Expression]()
    for i, phrase in phrases.row(scene, rng):
        if scene.area[i] > SMALLEST and len(expressions) < most:
            expressions.append(
                Expression(phrase.text, things[i].box, names.index_of(things[i].name), f"rule {phrase.kind}")
            )
    return expressions


def rule_val(photos: Sequence[Photo], pictures: Pictures, side: int, n: int = 320, seed: int = 7) -> list[Sample]:
    """n rule-written phrases over whole photos of the val split (see splits.plan); the same for the same seed."""
    kept = [photo for photo in photos if photo.split == "val" and photo.things]
    rng = np.random.default_rng(seed)
    return [from_photos(kept, pictures, side, rng, augment=False)[0] for _ in range(n)]


def _cells(side: int, rng: np.random.Generator, augment: bool) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height in pixels of the 1, 2 or 4 parts of a picture."""
    count = int(rng.choice((1, 2, 4), p=(0.6, 0.27, 0.13))) if augment else 1
    if count == 1:
        return [(0, 0, side, side)]
    if count == 2:
        m = int(side * rng.uniform(0.35, 0.65))
        if rng.random() < 0.6:
            return [(0, 0, m, side), (m, 0, side - m, side)]
        return [(0, 0, side, m), (0, m, side, side - m)]
    m, n = int(side * rng.uniform(0.4, 0.6)), int(side * rng.uniform(0.4, 0.6))
    return [(0, 0, m, n), (m, 0, side - m, n), (0, n, m, side - n), (m, n, side - m, side - n)]


def _place(
    canvas: Pixels,
    cell: tuple[int, int, int, int],
    picture: Pixels,
    photo: Photo,
    rng: np.random.Generator,
    augment: bool,
    flip: float = FLIP,
) -> list[Thing]:
    """Puts a photo into a cell of the canvas; its things in 0..1 of the canvas. Those cut by more than 60 % stay with
    score 0: they may be meant, but surely nobody means them."""
    left, top, width, height = cell
    side = canvas.shape[0]
    window: Box = (0.0, 0.0, 1.0, 1.0)
    if augment and rng.random() < 0.6:
        picture, window = cut(picture, random_window(None, 0.6, rng))
    part = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    turn = augment and rng.random() < flip
    canvas[top : top + height, left : left + width] = cv2.flip(part, 1) if turn else part
    things = []
    for thing in photo.things:
        box = inside(thing.box, window)
        whole = (box[2] - box[0]) * (box[3] - box[1])
        box = clip(flipped(box) if turn else box)
        left_over = max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
        if left_over <= 0:
            continue
        x1, x2 = ((left + v * width) / side for v in (box[0], box[2]))
        y1, y2 = ((top + v * height) / side for v in (box[1], box[3]))
        score = thing.score if left_over > 0.4 * whole else 0.0
        things.append(Thing(thing.name, (x1, y1, x2, y2), score, thing.human))
    return things
