"""Training samples: one picture with one phrase and what is right, by number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ca2m.geometry import Box
from ca2m.language.looks import Pixels


@dataclass(frozen=True)
class Sample:
    """One picture with one phrase and what is right."""

    pixels: Pixels  # (side, side, 3) uint8 RGB
    phrase: str  # lower case
    box: Box | None  # corners, 0..1 of the picture; None: what the phrase says is not there
    noun: int  # index into COCO80 of what the phrase names, names.OUTSIDE or names.UNKNOWN
    kind: str  # class, position, attribute, relation, absent; "rule" before it when a rule wrote the phrase


@dataclass(frozen=True)
class Expression:
    """What one phrase says of a photo."""

    phrase: str  # lower case
    box: Box | None  # corners, 0..1 of the photo
    noun: int
    kind: str


Say = Callable[[str, np.random.Generator], str]
"""A phrase as somebody else would say it."""


def draw(count: int, shares: np.ndarray | None, rng: np.random.Generator) -> int:
    """One of so many, by shares summed up to 1, or all alike."""
    if shares is None:
        return int(rng.integers(count))
    return min(count - 1, int(np.searchsorted(shares, rng.random(), side="right")))


class Samples(Protocol):
    """Training samples by number: the same number is the same sample, in every process and after every resume."""

    def sample(self, index: int) -> Sample: ...
