"""Which photos are for what. The rule goes by file name, so that every machine splits alike."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import PurePath

from ca2m.refs import Photo, Ref

PART = 24  # one photo in this many is for calibration


def is_calibration(image: str) -> bool:
    """Kept out of training, to turn logits into probabilities and to choose the threshold."""
    return zlib.crc32(PurePath(image).name.encode()) % PART == 0


def for_training(refs: Sequence[Ref], photos: Sequence[Photo]) -> tuple[list[Ref], list[Photo]]:
    """Without photos of calibration; those with a phrase of another split than `train` go, too, in every form."""
    kept = {r.image for r in refs if r.split != "train"}

    def good(image: str) -> bool:
        return image not in kept and not is_calibration(image)

    return [r for r in refs if good(r.image)], [p for p in photos if good(p.path) and p.split == "train"]
