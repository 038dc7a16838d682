"""Which photos are for what. A photo of validation or test is known by its path and by its public ids (coco:9), since
RefCOCO, RefCOCO+, RefCOCOg, Visual Genome, COCO and Flickr30k share photos under several names. Calibration goes by
file name, so that every machine splits alike."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

from ca2m.config import Config
from ca2m.data.refs import Photo, Ref

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
) -> tuple[list[Ref], list[Photo]]:
    """Phrases and photos of train, without photos that a phrase of another split speaks of, and without photos of
    calibration (a network that gives no probabilities, as the paper's, is not calibrated and learns from them, too).
    same_photos keeps the train phrases of photos that other splits speak of: RefCOCOg's google split divides things,
    not photos, and the published figures of its val set are of networks that have seen them. Photos that hold a thing
    of a name in leave_out go as well."""
    kept = held_out(refs)
    aside = {m for p in photos if any(t.name in leave_out for t in p.things) for m in marks(p)}
    if calibrated:
        aside |= {m for r in refs if is_calibration(r.image) for m in marks(r)}
        aside |= {m for p in photos if is_calibration(p.path) for m in marks(p)}
    own = [r for r in refs if r.split == "train" and aside.isdisjoint(marks(r))]
    if not same_photos:
        own = [r for r in own if kept.isdisjoint(marks(r))]
    kept |= aside
    return own, [p for p in photos if p.split == "train" and kept.isdisjoint(marks(p))]


def of_run(
    c: Config, refs: Sequence[Ref], photos: Sequence[Photo], same_photos: bool = False
) -> tuple[list[Ref], list[Photo]]:
    """for_training as a configuration wants it: the paper's gives no probabilities."""
    return for_training(refs, photos, same_photos, calibrated=c.network.pointing, leave_out=c.run.leave_out)


def hold_out(refs: Sequence[Ref], part: int) -> list[Ref]:
    """The refs with one photo in `part`, by the CRC of its file name, marked as val and the others as train."""
    held = {r.image for r in refs if zlib.crc32(PurePath(r.image).name.encode()) % part == 1 % part}
    return [replace(r, split="val" if r.image in held else "train") for r in refs]
