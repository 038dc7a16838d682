"""What a visual encoder that finds things by itself says of each visual token: the pointing head builds on it.

N pictures, T tokens, 3 candidates a token, one for each of the encoder's strides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol

from torch import Tensor

LEVELS = 3  # candidates of a token: strides 8, 16, 32
COLOURS = 27  # 3x3 places inside a box, three channels each
LOOK = 96  # width of what a candidate looks like to the namer, and of the look path's dot product


@dataclass(frozen=True)
class Candidates:
    """The candidates of pictures."""

    features: Tensor  # (N, T, 3, C_0)
    scores: Tensor  # (N, T, 3, classes) 0..1, of the classes that the encoder knows
    boxes: Tensor  # (N, T, 3, 4) corner form, 0..1 of the picture
    colours: Tensor  # (N, T, 3, 27) -1..1, inside the box
    index: Tensor  # (N, T) int64, the token's place in the grid
    named: Tensor | None = None  # (N, T, 3, LOOK) what a second encoder says of it

    def each(self, change: Callable[[Tensor], Tensor]) -> Candidates:
        """The same change of every tensor."""
        return Candidates(**{f.name: change(x) for f in fields(self) if (x := getattr(self, f.name)) is not None})


class NamesCandidates(Protocol):
    """A visual encoder whose tokens hold candidates."""

    class_words: Tensor
    """(classes, W): the names of its classes in the linguistic encoder's space."""

    def candidates(self, visual: Tensor) -> Candidates:
        """Its visual tokens (N, T, D) to what they hold."""
        ...
