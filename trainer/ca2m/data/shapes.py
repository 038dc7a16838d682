"""Photos to try the trainer on, where no data set is at hand: coloured shapes, and phrases that mean one of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ca2m.data import refs
from ca2m.data.refs import Ref
from ca2m.geometry import Box
from ca2m.language.looks import Pixels

COLOURS = {
    "red": (200, 40, 35),
    "green": (45, 150, 60),
    "blue": (40, 70, 190),
    "yellow": (225, 195, 50),
    "purple": (125, 60, 150),
}
SHAPES = ("circle", "square", "triangle")
WIDTH, HEIGHT = 640, 480
VAL = 4  # one photo in so many is val


def write(folder: Path, count: int, seed: int = 7) -> Path:
    """Writes refs.jsonl and so many photos beside it, three phrases each; the same for the same seed. The first photo,
    and every fourth after it, is val. FileExistsError where the folder holds a refs.jsonl already."""
    path = folder / "refs.jsonl"
    if path.exists():
        raise FileExistsError(f"{path} is there already; name another folder")
    if count < 2:
        raise ValueError(f"--count {count}: 2 photos at least, so that one is val")
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    written: list[Ref] = []
    for k in range(count):
        pixels, things = scene(np.random.default_rng((seed, k)))
        image = folder.absolute() / "photos" / f"{k:04}.jpg"
        if not cv2.imwrite(str(image), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)):
            raise OSError(f"write {image}: cannot be written; is the disk full?")
        split = "train" if k % VAL else "val"
        for phrase, kind, box in phrases(things)[:3]:
            written.append(Ref(str(image), phrase, box, kind, split, "shapes", False))
    refs.write(path, written)
    return path


Thing = tuple[str, str, Box]
"""Colour, shape and box in pixels."""


def scene(rng: np.random.Generator) -> tuple[Pixels, list[Thing]]:
    """A photo (HEIGHT, WIDTH, 3) of three to five shapes that stand apart, and what they are."""
    left, right = (float(v) for v in rng.uniform(90, 200, 2))
    shade = np.linspace(left, right, WIDTH)[None, :, None] + rng.normal(0, 6, (HEIGHT, WIDTH, 1))
    pixels = np.ascontiguousarray(np.clip(np.repeat(shade, 3, 2), 0, 255), np.uint8)
    things: list[Thing] = []
    cells = rng.permutation(6)[: int(rng.integers(3, 6))]  # of three columns and two rows, so that none overlap
    for cell in cells:
        size = int(rng.integers(70, 170))
        x = (cell % 3) * (WIDTH // 3) + int(rng.integers(10, WIDTH // 3 - size - 10))
        y = (cell // 3) * (HEIGHT // 2) + int(rng.integers(10, HEIGHT // 2 - size - 10))
        colour, shape = str(rng.choice(list(COLOURS))), str(rng.choice(SHAPES))
        box = (int(x), int(y), int(x) + size, int(y) + size)
        _draw(pixels, shape, box, COLOURS[colour])
        things.append((colour, shape, (float(box[0]), float(box[1]), float(box[2]), float(box[3]))))
    return pixels, things


def _draw(pixels: Pixels, shape: str, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    x1, y1, x2, y2 = box
    if shape == "circle":
        cv2.circle(pixels, ((x1 + x2) // 2, (y1 + y2) // 2), (x2 - x1) // 2, colour, -1, cv2.LINE_AA)
    elif shape == "square":
        pixels[y1:y2, x1:x2] = colour
    else:
        corners = np.array([((x1 + x2) // 2, y1), (x1, y2 - 1), (x2 - 1, y2 - 1)], np.int32)
        cv2.fillPoly(pixels, [corners], colour, cv2.LINE_AA)


def phrases(things: list[Thing]) -> list[tuple[str, str, Box]]:
    """Phrase, kind and box: for each thing its colour and shape where no other has both, else its side where it stands
    left or right of all that are alike."""
    written = []
    for colour, shape, box in things:
        others = [b for c, s, b in things if (c, s) == (colour, shape) and b != box]
        if not others:
            written.append((f"the {colour} {shape}", "attribute", box))
        elif all(box[2] <= b[0] for b in others):
            written.append((f"the {colour} {shape} on the left", "position", box))
        elif all(box[0] >= b[2] for b in others):
            written.append((f"the {colour} {shape} on the right", "position", box))
    return written
