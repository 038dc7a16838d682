"""`ca2m attend`: where [CLS] looks in the picture, in every layer of every branch and after merging (Fig. 9)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from ca2m.data.augment import square
from ca2m.geometry import Box
from ca2m.language.looks import Pixels
from ca2m.measure import sheet
from ca2m.measure.evaluate import read_picture
from ca2m.net import ca2m, checkpoint, words
from ca2m.net.answers import Calibration, answer
from ca2m.net.layers import Layer
from ca2m.net.network import Net

Maps = dict[str, np.ndarray]
"""(G, G) each by the layer's name, in the order of the network. A map sums to 1; NaN where CA²M had no token."""


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("attend", help="where [CLS] looks in a picture, layer by layer, drawn over it")
    p.add_argument("model", type=Path, help="checkpoint (.pt) or bundle folder with weights")
    p.add_argument("picture", type=Path)
    p.add_argument("phrases", nargs="+", metavar="phrase")
    p.add_argument("--out", type=Path, required=True, help="picture to write: .png or .jpg")
    p.add_argument("--words", default="", metavar="FOLDER", help="the linguistic encoder's, if it lies elsewhere now")
    p.add_argument("--columns", type=int, default=5)
    p.add_argument("--width", type=int, default=260, help="of one map, pixels")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if args.out.suffix not in (".png", ".jpg"):
        raise ValueError(f"--out {args.out}: its name must end with .png or .jpg")
    if not all(phrase.strip() for phrase in args.phrases):
        raise ValueError("a phrase is empty: say what to look for")
    if args.columns < 1 or args.width < 40:
        raise ValueError("--columns must be 1 or more, --width 40 or more")
    picture, net = read_picture(str(args.picture)), checkpoint.began(args.model, args.words)
    rows = []
    for phrase, (box, maps) in zip(args.phrases, maps_of(net, picture, args.phrases), strict=True):
        tiles = [sheet.Tile(picture, box, "answer")]
        for name, own in maps.items():
            tiles.append(sheet.Tile(heat(picture, own), box, name, f"{100 * within(own, box):.0f} % in the box"))
        rows.append((phrase, tiles))
    title = f"{net.c.name}: where [CLS] looks in {args.picture.name}"
    sheet.save(args.out, sheet.draw(title, rows, args.columns, args.width))


@torch.no_grad()
def maps_of(net: Net, picture: Pixels, phrases: list[str]) -> list[tuple[Box, Maps]]:
    """Of each phrase about a picture (H, W, 3) RGB the answer's box, corners 0..1, and where [CLS] looked for it."""
    net, grid = net.eval(), net.c.grid
    ids, mask = words.encode(words.tokenizer(net.c.words, net.c.phrase_len), phrases)
    visual = net.see(torch.from_numpy(square(picture, net.c.image_size))[None])
    attention: ca2m.Maps = dict.fromkeys(layer for _, layer in layers(net.interact))
    grounding = net.ground(visual, net.read(ids, mask), mask, attention)
    boxes = answer(grounding, net.c.answers, Calibration())[0][:, 0].tolist()
    answers: list[tuple[Box, Maps]] = []
    for k, (x1, y1, x2, y2) in enumerate(boxes):
        index = slice(None) if grounding.index is None else grounding.index[k]
        maps = {}
        for name, layer in layers(net.interact):
            whole, own = torch.full((grid * grid,), torch.nan), attention[layer]
            assert own is not None
            whole[index] = own[k].float()
            maps[name] = whole.view(grid, grid).numpy()
        answers.append(((x1, y1, x2, y2), maps))
    return answers


def layers(interact: ca2m.Interaction) -> Iterator[tuple[str, Layer]]:
    """All layers with their names, in the order of the network."""
    for i, branch in enumerate(interact.group, 1):
        for k, layer in enumerate(branch, 1):
            yield f"branch {i}, layer {k}", layer
    for k, layer in enumerate(interact.merge, 1):
        yield f"merged, layer {k}", layer


def within(attention: np.ndarray, box: Box) -> float:
    """Share of a map (G, G) that lies in a box (corners, 0..1)."""
    edges = np.arange(attention.shape[0] + 1) / attention.shape[0]
    x, y = (
        (np.minimum(edges[1:], box[k + 2]) - np.maximum(edges[:-1], box[k])).clip(0) * attention.shape[0]
        for k in (0, 1)
    )
    return float((np.nan_to_num(attention) * np.outer(y, x)).sum())


def heat(picture: Pixels, attention: np.ndarray) -> Pixels:
    """The picture with a map (G, G) over it: the redder, the more [CLS] looks there. A place without a token is as its
    neighbours are."""
    known = np.isfinite(attention).astype(np.float32)
    around = cv2.blur(known, (3, 3), borderType=cv2.BORDER_CONSTANT)
    mean = cv2.blur(np.nan_to_num(attention).astype(np.float32), (3, 3), borderType=cv2.BORDER_CONSTANT)
    whole = np.where(known > 0, np.nan_to_num(attention), mean / np.maximum(around, 1e-6)).astype(np.float32)
    height, width = picture.shape[:2]
    level = cv2.resize(whole / max(float(whole.max()), 1e-12), (width, height), interpolation=cv2.INTER_CUBIC).clip(
        0, 1
    )
    colours = cv2.cvtColor(cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    share = (0.2 + 0.45 * level)[..., None]
    return np.asarray(picture * (1 - share) + colours * share, np.uint8)
