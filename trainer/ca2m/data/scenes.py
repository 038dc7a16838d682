"""Training pictures: photos with hand-written or rule-written phrases, cropped, mirrored, put together and jittered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ca2m.data.augment import FLIP, PLACED, clip, cut, flipped, inside, random_window
from ca2m.data.augment import Pictures as Pictures
from ca2m.data.augment import jitter as jitter
from ca2m.data.augment import square as square
from ca2m.data.refs import Box, Photo, Ref, Thing, things_of
from ca2m.language import names, phrases
from ca2m.language.looks import Pixels
from ca2m.language.meaning import Scene
from ca2m.language.saying import as_written as as_written
from ca2m.language.saying import reword as reword
from ca2m.language.sides import mirrored


@dataclass(frozen=True)
class Sample:
    """One picture with one phrase and what is right."""

    pixels: Pixels  # (side, side, 3) uint8 RGB
    phrase: str  # lower case
    box: Box | None  # corners, 0..1 of the picture; None: what the phrase says is not there
    noun: int  # index into COCO80 of what the phrase names, names.OUTSIDE or names.UNKNOWN
    kind: str  # class, position, attribute, relation, absent; "rule" before it when a rule wrote the phrase


Writer = Callable[[Sequence[Thing], Pixels, np.random.Generator, int], "list[Said]"]
"""Things of a picture, its pixels and the most phrases that are wanted, to phrases."""


Say = Callable[[str, np.random.Generator], str]
"""A phrase as somebody else would say it."""


@dataclass(frozen=True)
class Said:
    """What one phrase says of a photo."""

    phrase: str  # lower case
    box: Box | None  # corners, 0..1 of the photo
    noun: int
    kind: str


def noun_of(ref: Ref, photo: Photo | None) -> int:
    """Which class a hand-written phrase names: by its words and by the thing that its box coincides with."""
    said = names.noun_of(ref.phrase)
    if ref.drawn and names.names_other(ref.phrase):
        return names.OUTSIDE
    seen = things_of(ref, photo) if photo is not None else None
    if seen is None:
        return said
    if said != names.UNKNOWN and seen not in names.confusable(names.COCO80[said]):
        return names.UNKNOWN
    return names.index_of(seen)


def said_of(ref: Ref, photo: Photo | None, picture: Pixels) -> Said:
    """A hand-written phrase, the pixels of its photo at hand."""
    height, width = picture.shape[:2]
    box = None
    if ref.box is not None:
        box = clip((ref.box[0] / width, ref.box[1] / height, ref.box[2] / width, ref.box[3] / height))
    return Said(ref.phrase.lower(), box, noun_of(ref, photo), ref.kind)


def from_ref(
    ref: Ref,
    picture: Pixels,
    photo: Photo | None,
    side: int,
    rng: np.random.Generator,
    augment: bool,
    flip: float = FLIP,
) -> Sample:
    """A hand-written phrase over its photo. augment, flip: see `told`."""
    return told([said_of(ref, photo, picture)], picture, side, rng, augment, flip)[0]


def told(
    said: Sequence[Said],
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
    turn, words = False, [s.phrase for s in said]
    if augment:
        firm = any(s.box is None or s.kind not in ("class", "attribute") or PLACED.search(s.phrase) for s in said)
        picture, window = cut(picture, random_window(_around(said), 0.92 if firm else 0.75, rng))
        turned = [mirrored(phrase) for phrase in words]
        turn = bool(rng.random() < flip) and None not in turned
        words = [phrase for phrase in turned if phrase is not None] if turn else words
    pixels = square(picture, side)
    if turn:
        pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
    if augment:
        pixels = jitter(pixels, rng)
    pixels, found = np.ascontiguousarray(pixels), []
    for s, phrase in zip(said, words, strict=True):
        box = None if s.box is None else clip(inside(s.box, window))
        box = flipped(box) if turn and box is not None else box
        found.append(Sample(pixels, say(phrase, rng) if augment else phrase, box, s.noun, s.kind))
    return found


def side_by_side(
    picture: Pixels, said: Sequence[Said], other: Pixels, rng: np.random.Generator
) -> tuple[Pixels, list[Said]]:
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

    return both, [replace(s, box=moved(s.box)) for s in said]


def _around(said: Sequence[Said]) -> Box | None:
    """The box around all boxes."""
    boxes = [s.box for s in said if s.box is not None]
    if not boxes:
        return None
    low, high = np.min(boxes, 0), np.max(boxes, 0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


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
        if said := (write or ruled)(things, canvas, rng, most):
            pixels = jitter(canvas, rng) if augment else canvas
            return [Sample(pixels, say(s.phrase, rng) if augment else s.phrase, s.box, s.noun, s.kind) for s in said]
    raise ValueError(f"write phrases: none of {len(photos)} photos has a thing that a phrase can point at")


def ruled(things: Sequence[Thing], pixels: Pixels, rng: np.random.Generator, most: int) -> list[Said]:
    """Up to `most` rule-written phrases for different things of a picture."""
    scene, said = Scene(things, pixels), list[Said]()
    large = [i for i in range(len(things)) if scene.area[i] > SMALLEST and scene.is_sure(i)]
    for i in rng.permutation(large)[:4]:
        phrase = phrases.write_in(scene, int(i), rng)
        if phrase is not None:
            noun = names.index_of(things[i].name)
            said.append(Said(phrase.text, things[i].box, noun, f"rule {phrase.kind}"))
        if len(said) == most:
            break
    return said


def gone(things: Sequence[Thing], pixels: Pixels, rng: np.random.Generator, most: int) -> list[Said]:
    """A rule-written phrase for a thing of a picture and, where more than one is wanted, one for what is surely not in
    it."""
    said = ruled(things, pixels, rng, 1)
    phrase = phrases.absent(things, rng, complete=False) if said and most > 1 else None
    if phrase is not None:
        said.append(Said(phrase.text, None, names.index_of_word(phrase.meaning.noun), "absent"))
    return said


def rowed(things: Sequence[Thing], pixels: Pixels, rng: np.random.Generator, most: int) -> list[Said]:
    """Up to `most` rule-written phrases for different things of one row of three and more alike."""
    scene, said = Scene(things, pixels), list[Said]()
    for i, phrase in phrases.row(scene, rng):
        if scene.area[i] > SMALLEST and len(said) < most:
            said.append(Said(phrase.text, things[i].box, names.index_of(things[i].name), f"rule {phrase.kind}"))
    return said


def draw(count: int, shares: np.ndarray | None, rng: np.random.Generator) -> int:
    """One of so many, by shares summed up to 1, or all alike."""
    if shares is None:
        return int(rng.integers(count))
    return min(count - 1, int(np.searchsorted(shares, rng.random(), side="right")))


def hold_out(photos: Iterable[Photo], refs: Iterable[Ref]) -> list[Photo]:
    """The photos, those with a val phrase marked as val."""
    kept = {ref.image for ref in refs if ref.split == "val"}
    return [replace(photo, split="val") if photo.path in kept else photo for photo in photos]


def hand_val(refs: Sequence[Ref], photos: Sequence[Photo], pictures: Pictures, side: int) -> list[Sample]:
    """Every val phrase over its whole photo, absent ones too, in the order of refs."""
    known, rng = {photo.path: photo for photo in photos}, np.random.default_rng(0)
    return [
        from_ref(ref, pictures.get(ref.image), known.get(ref.image), side, rng, augment=False)
        for ref in refs
        if ref.split == "val"
    ]


def rule_val(photos: Sequence[Photo], pictures: Pictures, side: int, n: int = 320, seed: int = 7) -> list[Sample]:
    """n rule-written phrases over whole photos of the val split (see hold_out); the same for the same seed."""
    kept = [photo for photo in photos if photo.split == "val" and photo.things]
    rng = np.random.default_rng(seed)
    return [from_photos(kept, pictures, side, rng, augment=False)[0] for _ in range(n)]


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
            found = {p.text: p for p in tries if p is not None}
            count += bool(found)
            for phrase in found.values():
                x1, y1, x2, y2 = photo.things[i].box
                box = (x1 * photo.width, y1 * photo.height, x2 * photo.width, y2 * photo.height)
                said = phrase.text, box, phrase.kind, photo.split, photo.source
                written.append(Ref(photo.path, *said, drawn=False, ids=photo.ids))
    return written
