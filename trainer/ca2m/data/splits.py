"""Which photos are for what. A photo of validation or test is known by its path and by its public ids (coco:9), since
RefCOCO, RefCOCO+, RefCOCOg, Visual Genome, COCO and Flickr30k share photos under several names. Calibration goes by
file name, so that every machine splits alike."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from ca2m.config import Config
from ca2m.data.refs import Photo, Ref
from ca2m.data.table import Table

PART = 24  # one photo in this many is for calibration


def is_calibration(image: str) -> bool:
    """Kept out of training, to turn logits into probabilities and to choose the threshold."""
    return zlib.crc32(PurePath(image).name.encode()) % PART == 0


def marks(item: Ref | Photo) -> tuple[str, ...]:
    """All that its photo is known by."""
    return (item.image if isinstance(item, Ref) else item.path, *item.ids)


def held_out(refs: Iterable[Ref]) -> set[str]:
    """Marks of the photos that a phrase of another split than train speaks of."""
    return {mark for ref in refs if ref.split != "train" for mark in marks(ref)}


def for_training(
    refs: Sequence[Ref],
    photos: Sequence[Photo],
    same_photos: bool = False,
    calibrated: bool = True,
    leave_out: Sequence[str] = (),
    held: Iterable[Ref] = (),
) -> tuple[Table, list[Photo]]:
    """Phrases and photos of train, without photos that a phrase of another split speaks of, and without photos of
    calibration (a network that gives no probabilities, as the paper's, is not calibrated and learns from them, too).
    same_photos keeps the train phrases of photos that other splits speak of: RefCOCOg's google split divides things,
    not photos, and the published figures of its val set are of networks that have seen them. Photos that hold a thing
    of a name in leave_out go as well, and those of phrases of another split than train in held."""
    refs = Table.of(refs)
    is_train, every = refs.in_split("train"), list(refs.photos())
    spoken_of, told = (np.zeros(len(every), bool) for _ in range(2))
    spoken_of[refs.photo[~is_train]] = told[refs.photo] = True
    kept = {m for k in np.flatnonzero(spoken_of).tolist() for m in every[k]} | held_out(held)
    aside = {m for p in photos if any(t.name in leave_out for t in p.things) for m in marks(p)}
    if calibrated:
        aside |= {m for k in np.flatnonzero(told).tolist() if is_calibration(every[k][0]) for m in every[k]}
        aside |= {m for p in photos if is_calibration(p.path) for m in marks(p)}
    without = aside if same_photos else aside | kept
    usable = np.array([without.isdisjoint(own) for own in every], bool)
    kept |= aside
    own = refs.take(is_train & usable[refs.photo])
    return own, [p for p in photos if p.split == "train" and kept.isdisjoint(marks(p))]


def of_run(
    c: Config, refs: Sequence[Ref], photos: Sequence[Photo], same_photos: bool = False, held: Iterable[Ref] = ()
) -> tuple[Table, list[Photo]]:
    """for_training as a configuration wants it: the paper's gives no probabilities."""
    calibrated, leave_out = c.network.pointing, c.run.leave_out
    return for_training(refs, photos, same_photos, calibrated, leave_out, held)


def hold_out(refs: Sequence[Ref], part: int) -> list[Ref]:
    """The refs with one photo in `part`, by the CRC of its file name, marked as val and the others as train."""
    held = {r.image for r in refs if zlib.crc32(PurePath(r.image).name.encode()) % part == 1 % part}
    return [replace(r, split="val" if r.image in held else "train") for r in refs]
