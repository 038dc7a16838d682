"""Colours of things, told only where the pixels plainly say so."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ca2m.geometry import Thing

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
_NEAR = (
    ("black", "grey"),
    ("black", "brown"),
    ("black", "blue"),
    ("white", "grey"),
    ("grey", "blue"),
    ("grey", "brown"),
    ("grey", "green"),
    ("red", "orange"),
    ("red", "pink"),
    ("red", "brown"),
    ("orange", "yellow"),
    ("orange", "brown"),
    ("yellow", "green"),
    ("yellow", "brown"),
    ("green", "blue"),
    ("blue", "purple"),
    ("purple", "pink"),
)
_NEIGHBOURS = {c: frozenset({c, *(a if b == c else b for a, b in _NEAR if c in (a, b))}) for c in COLOURS}


@dataclass(frozen=True)
class Look:
    """The colour that a thing plainly has, "" if none, and all that a person might say it has."""

    sure: str
    may: frozenset[str]
    light: float | None = None  # median brightness 0..255; None when it was not measured or is mixed


NOTHING = Look("", frozenset(COLOURS))


def look(pixels: Pixels, thing: Thing) -> Look:
    """Colour of a thing in its picture: of its middle half, or of a person's upper body."""
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = thing.box
    across, down = (0.3, (0.22, 0.48)) if thing.name == "person" else (0.25, (0.25, 0.75))
    left, right = int((x1 + across * (x2 - x1)) * width), int((x2 - across * (x2 - x1)) * width)
    top, bottom = int((y1 + down[0] * (y2 - y1)) * height), int((y1 + down[1] * (y2 - y1)) * height)
    if right - left < 5 or bottom - top < 5:
        return NOTHING
    patch = np.asarray(cv2.resize(pixels[top:bottom, left:right], (16, 16), interpolation=cv2.INTER_AREA), np.uint8)
    shares = _shares(patch)
    best = int(shares.argmax())
    plain = frozenset(c for c, share in zip(COLOURS, shares, strict=True) if share > 0.12)
    may = frozenset(near for c in plain for near in _NEIGHBOURS[c])
    grey = np.asarray(patch, np.float32).max(2)
    low, median, high = (float(v) for v in np.percentile(grey, (25, 50, 75)))
    return Look(COLOURS[best] if shares[best] > 0.62 else "", may, median if high - low < 70 else None)


def _shares(patch: Pixels) -> npt.NDArray[np.float64]:
    """(16, 16, 3) RGB to the share of pixels of each of COLOURS; what is between two colours counts for none."""
    hsv = cv2.cvtColor(patch, cv2.COLOR_RGB2HSV)  # hue 0..180
    hue, sat, val = (hsv[..., k].astype(np.int32).ravel() for k in range(3))
    vivid = (sat > 90) & (val > 70)
    dull = (sat < 45) & (val >= 50)
    warm = (hue >= 5) & (hue < 22)
    masks = (
        (val < 50) | ((val < 65) & (sat < 70)),
        dull & (val > 190) & (sat < 36),
        dull & (val > 75) & (val < 165),
        vivid & ((hue < 5) | (hue > 173)) & (sat > 130),
        vivid & (hue >= 6) & (hue < 18) & (val > 190) & (sat > 150),
        vivid & (hue >= 22) & (hue < 33) & (val > 140) & (sat > 120),
        vivid & (hue >= 38) & (hue < 85),
        vivid & (hue >= 98) & (hue < 126),
        vivid & (hue >= 130) & (hue < 152),
        (sat > 60) & (val > 170) & (hue >= 152) & (hue < 173),
        warm & (sat > 80) & (val > 45) & (val < 150),
    )
    return np.array([mask.mean() for mask in masks])
