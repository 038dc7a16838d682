"""Which photos are for what: `plan`. A photo of validation or test is known by its path and by its public ids (coco:9),
since RefCOCO, RefCOCO+, RefCOCOg, Visual Genome, COCO and Flickr30k share photos under several names. Calibration goes
by file name, so that every machine splits alike."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from ca2m.config import Config
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.data.table import Table

PART = 24  # one photo in this many is for calibration


@dataclass(frozen=True)
class Policy:
    """What is kept out of training beside the photos that a phrase of another split speaks of."""

    calibrates: bool = True
    """Photos of calibration are kept out. A network that gives no probabilities, as the paper's, learns from them."""
    same_photos: bool = False
    """Train phrases of photos that other splits speak of stay: RefCOCOg's google split divides things, not photos, and
    the published figures of its val set are of networks that have seen them."""
    leave_out: tuple[str, ...] = ()
    """Photos that hold a thing of these names are kept out."""
    held: Iterable[Ref] = ()
    """Photos are kept out that a phrase of another split than train in these speaks of."""
    hold_out: int = 0
    """One photo in this many, by the CRC of its file name, is val and the others train, whatever the refs say; 0: as
    they say."""

    @classmethod
    def of(cls, c: Config, same_photos: bool = False, held: Iterable[Ref] = ()) -> Policy:
        """As a configuration wants it."""
        return cls(c.network.pointing, same_photos, c.run.leave_out, held)


class Part(NamedTuple):
    """Phrases, and photos with labelled things."""

    refs: Table
    photos: list[Photo]


class Plan(NamedTuple):
    """What is for what; no photo of val or calibration is in train, but for what a Policy allows."""

    train: Part
    val: Part  # phrases of split val; photos of split val or with a val phrase
    calibration: Part  # to turn logits into probabilities and to choose the threshold


def plan(refs: Sequence[Ref], photos: Sequence[Photo] = (), policy: Policy | None = None) -> Plan:
    """Divides refs and photos; those of other splits than train and val are in none of the parts."""
    policy = policy or Policy()
    refs = Table.of(_marked(refs, policy.hold_out) if policy.hold_out else refs)
    is_train, every = refs.in_split("train"), list(refs.photos())
    spoken_of, other = (np.zeros(len(every), bool) for _ in range(2))  # in refs at all; by another split than train
    spoken_of[refs.photo] = True
    other[refs.photo[~is_train]] = True
    kept = {mark for k in np.flatnonzero(other).tolist() for mark in every[k]} | kept_out(policy.held)
    calibrates = np.array([is_calibration(own[0]) for own in every], bool) & spoken_of

    aside = {m for p in photos if any(t.name in policy.leave_out for t in p.things) for m in marks(p)}
    if policy.calibrates:
        aside |= {m for k in np.flatnonzero(calibrates).tolist() for m in every[k]}
        aside |= {m for p in photos if is_calibration(p.path) for m in marks(p)}
    without = aside if policy.same_photos else aside | kept
    usable = np.array([without.isdisjoint(own) for own in every], bool)
    out = kept | aside
    train = refs.take(is_train & usable[refs.photo])
    train_photos = [p for p in photos if p.split == "train" and out.isdisjoint(marks(p))]

    val = refs.of_split("val")
    spoken = {ref.image for ref in val}
    val_photos = [p if p.split == "val" else replace(p, split="val") for p in photos if _is_val(p, spoken)]

    calibrates &= np.array([kept.isdisjoint(own) for own in every], bool)
    calibration = refs.take(is_train & calibrates[refs.photo])
    calibration_photos = [p for p in photos if is_calibration(p.path) and not _is_val(p, spoken)]
    return Plan(Part(train, train_photos), Part(val, val_photos), Part(calibration, calibration_photos))


def is_calibration(image: str) -> bool:
    """Kept out of training, to turn logits into probabilities and to choose the threshold."""
    return _crc(image) % PART == 0


def marks(item: Ref | Photo) -> tuple[str, ...]:
    """All that its photo is known by."""
    return (item.image if isinstance(item, Ref) else item.path, *item.ids)


def kept_out(refs: Iterable[Ref]) -> set[str]:
    """Marks of the photos that a phrase of another split than train speaks of."""
    return {mark for ref in refs if ref.split != "train" for mark in marks(ref)}


def _is_val(photo: Photo, spoken_of: set[str]) -> bool:
    return photo.split == "val" or photo.path in spoken_of


def _marked(refs: Sequence[Ref], part: int) -> list[Ref]:
    held = {r.image for r in refs if _crc(r.image) % part == 1 % part}
    return [replace(r, split="val" if r.image in held else "train") for r in refs]


def _crc(image: str) -> int:
    return zlib.crc32(PurePath(image).name.encode())
