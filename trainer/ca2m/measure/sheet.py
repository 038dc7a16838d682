"""A sheet of captioned pictures as one picture: what `ca2m show` and `ca2m attend` draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ca2m.geometry import Box
from ca2m.language.looks import Pixels

PAPER, INK, SOFT, MARK, DARK = "#fbfaf8", "#23211e", "#6f6a62", "#ff6a13", "#000000"
ANSWER = "#1f77d0"
GAP = 14  # pixels between pictures
TEXT, SMALL, LARGE = 15, 12, 18  # sizes of letters, pixels


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet."""

    pixels: Pixels  # (H, W, 3)
    box: Box | None  # drawn over it; corners, 0..1 of the picture
    text: str  # under it
    note: str = ""  # under that, small
    answer: Box | None = None  # a second one, as a network answered


def draw(title: str, rows: Sequence[tuple[str, Sequence[Tile]]], columns: int, width: int) -> Pixels:
    """The sheet (H, W, 3): groups of tiles under headings ("" for none), `width` pixels each, `columns` in a line."""
    parts: list[Image.Image] = [_words(title, columns * (width + GAP) - GAP, LARGE, INK)]
    for heading, tiles in rows:
        if heading:
            parts.append(_words(heading, columns * (width + GAP) - GAP, LARGE, INK))
        drawn = [_drawn(tile, width) for tile in tiles]
        parts += [_line(drawn[k : k + columns], width) for k in range(0, len(drawn), columns)]
    wide = max(part.width for part in parts) + 2 * GAP
    page = Image.new("RGB", (wide, sum(part.height + GAP for part in parts) + GAP), PAPER)
    y = GAP
    for part in parts:
        page.paste(part, (GAP, y))
        y += part.height + GAP
    return np.asarray(page)


def save(path: Path, pixels: Pixels) -> None:
    """Writes a sheet; the file's name says as what."""
    Image.fromarray(pixels).save(path)


def _line(tiles: Sequence[Image.Image], width: int) -> Image.Image:
    line = Image.new("RGB", (len(tiles) * (width + GAP) - GAP, max(t.height for t in tiles)), PAPER)
    for k, tile in enumerate(tiles):
        line.paste(tile, (k * (width + GAP), 0))
    return line


def _drawn(tile: Tile, width: int) -> Image.Image:
    """A tile with its words under it."""
    picture = Image.fromarray(tile.pixels)
    picture = picture.resize((width, max(1, round(width * picture.height / picture.width))))
    pen, size = ImageDraw.Draw(picture), (picture.width - 1, picture.height - 1) * 2
    for box, colour in ((tile.answer, ANSWER), (tile.box, MARK)):
        if box is None:
            continue
        x1, y1, x2, y2 = (v * s for v, s in zip(box, size, strict=True))
        pen.rectangle((x1 - 1, y1 - 1, max(x1, x2) + 1, max(y1, y2) + 1), outline=DARK, width=5)
        pen.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=3)
    below = [_words(tile.text, width, TEXT, INK)]
    if tile.note:
        below.append(_words(tile.note, width, SMALL, SOFT))
    whole = Image.new("RGB", (width, picture.height + 4 + sum(b.height for b in below)), PAPER)
    whole.paste(picture, (0, 0))
    y = picture.height + 4
    for words in below:
        whole.paste(words, (0, y))
        y += words.height
    return whole


def _words(text: str, width: int, size: int, colour: str) -> Image.Image:
    """Text in as many lines as it needs."""
    font, high = _font(size), round(size * 1.35)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    image = Image.new("RGB", (width, high * len(lines)), PAPER)
    pen = ImageDraw.Draw(image)
    for k, line in enumerate(lines):
        pen.text((0, k * high), line, colour, font)
    return image


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)  # nearly every script, where the machine has it
    except OSError:
        return ImageFont.load_default(size)
