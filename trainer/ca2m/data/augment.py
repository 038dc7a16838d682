"""How a training picture is varied without making its phrase false: crops, mirroring, light."""

from __future__ import annotations

import re

import cv2
import numpy as np

from ca2m.geometry import Box
from ca2m.language.looks import Pixels

FLIP = 0.5
"""Share of the pictures that is mirrored where nothing else is said."""


class Pictures:
    """Photos by path, read and decoded each time. Their files stay in the system's page cache, which all workers share;
    decoding takes about 1 ms."""

    def get(self, path: str) -> Pixels:
        """(H, W, 3) uint8 RGB, upright. FileNotFoundError or ValueError when there is no such picture."""
        data = np.fromfile(path, np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
        if pixels is None:
            raise ValueError(f"read picture {path}: not a picture that OpenCV can decode")
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def square(pixels: Pixels, side: int) -> Pixels:
    """Stretches a picture (H, W, 3) to (side, side, 3), exactly as the runtime does."""
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def jitter(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Other light: contrast, brightness and saturation, never so far that another colour word would fit."""
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    vivid, gain, lift = rng.uniform(0.75, 1.25), rng.uniform(0.75, 1.25), rng.uniform(-18, 18)
    return np.asarray(cv2.addWeighted(pixels, gain * vivid, grey, gain * (1 - vivid), lift), np.uint8)


PLACED = re.compile(
    r"\b(?:left\w*|right\w*|top|bottom|middle|cent(?:er|re)|front|back|corner|edge|side|upper|lower|\w*most|first|second|"
    r"third|fourth|fifth|\d(?:st|nd|rd|th)|closest|nearest|fur?a?r?thest|lowest|highest|big\w*|small\w*|larg\w*|tall\w*)\b"
)
"""Words whose truth a crop can change."""


def random_window(keep: Box | None, least: float, rng: np.random.Generator) -> Box:
    """A random part of the unit square, at least `least` wide and high, that holds the box to keep, if any."""
    spans = []
    for axis in (0, 1):
        size = float(rng.uniform(least, 1.0))
        first, last = 0.0, 1 - size
        if keep is not None:
            low, high = max(0.0, keep[axis]), min(1.0, keep[axis + 2])
            size = max(size, min(1.0, high - low + 0.01))
            first, last = max(0.0, high - size), max(0.0, min(low, 1 - size))
        start = float(rng.uniform(min(first, last), last))
        spans.append((start, min(1.0, start + size)))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def cut(pixels: Pixels, window: Box) -> tuple[Pixels, Box]:
    """The window (0..1) of a picture in whole pixels, and the window that it became."""
    height, width = pixels.shape[:2]
    x1, y1 = int(window[0] * width), int(window[1] * height)
    x2, y2 = max(x1 + 1, int(np.ceil(window[2] * width))), max(y1 + 1, int(np.ceil(window[3] * height)))
    return pixels[y1:y2, x1:x2], (x1 / width, y1 / height, min(x2, width) / width, min(y2, height) / height)
