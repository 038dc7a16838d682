"""The recipe of `augment.recipe: torchvision`: picture and box vary together, by torchvision's v2 transforms, and the
phrase stays true of them. The paper names the transforms (Section IV-B) and none of their numbers: those are ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as v2f
from torchvision.tv_tensors import BoundingBoxes

from ca2m.config import Augment
from ca2m.data.augment import PLACED
from ca2m.data.sample import Sample, Samples
from ca2m.language.sides import mirrored

GREY = (124, 116, 104)  # what comes into the picture from outside it: the mean of ImageNet, as encoders expect
TRIES = 10  # draws of an affine map before the picture stays as it is
LOOSE = 1.2  # most that a turned thing's upright box may grow beside the thing: a long thing's box says little soon


class Vary:
    """Mirrors, moves, lights and blurs a sample. Where the phrase says a place, the picture moves half as much."""

    def __init__(self, c: Augment) -> None:
        self.c = c
        self.moves = {firm: _affine(c, 0.5 if firm else 1.0) for firm in (False, True)}
        self.light = v2.ColorJitter(c.brightness, c.contrast, c.saturation, c.hue)
        self.blur = v2.RandomApply([v2.GaussianBlur(5, (0.1, max(0.1, c.sigma)))], c.blur)

    def __call__(self, sample: Sample, seed: int) -> Sample:
        """The sample, varied; the same for the same seed. torch's own random numbers stay as they were."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._varied(sample)

    def _varied(self, sample: Sample) -> Sample:
        side, phrase = sample.pixels.shape[0], sample.phrase
        picture = Image.fromarray(sample.pixels)  # v2 works on these twice as fast as on tensors
        box = None
        if sample.box is not None:
            pixels = torch.tensor([sample.box]) * side
            # Not clamped, or one could not see how much of a box leaves the picture.
            box = BoundingBoxes(pixels, format="XYXY", canvas_size=(side, side), clamping_mode=None)
        turned = mirrored(phrase)
        if torch.rand(()) < self.c.flip and turned is not None:
            picture, phrase = v2f.horizontal_flip(picture), turned
            box = None if box is None else v2f.horizontal_flip(box)
        firm = sample.kind.endswith("position") or PLACED.search(phrase) is not None
        picture, box = self._moved(picture, box, self.moves[firm])
        picture = self.blur(self.light(picture))
        corners = None
        if box is not None:
            x1, y1, x2, y2 = (v2f.clamp_bounding_boxes(box, clamping_mode="hard")[0] / side).tolist()
            corners = (x1, y1, x2, y2)
        return replace(sample, pixels=np.array(picture), phrase=phrase, box=corners)

    def _moved(
        self, picture: Image.Image, box: BoundingBoxes | None, move: v2.RandomAffine
    ) -> tuple[Image.Image, BoundingBoxes | None]:
        """By the first affine map drawn that keeps the named box, if any, in the picture and tight."""
        for _ in range(TRIES):
            how = move.make_params([picture])
            moved = None if box is None else move.transform(box, how)
            if box is None or (moved is not None and self._keeps(box, moved, how["scale"])):
                return move.transform(picture, how), moved
        return picture, box

    def _keeps(self, box: BoundingBoxes, moved: BoundingBoxes, scale: float) -> bool:
        tight = _area(moved) <= LOOSE * scale**2 * _area(box)
        return tight and _area(v2f.clamp_bounding_boxes(moved, clamping_mode="hard")) >= self.c.keep * _area(moved)


def _affine(c: Augment, part: float) -> v2.RandomAffine:
    return v2.RandomAffine(
        degrees=part * c.turn,
        translate=(part * c.shift, part * c.shift),
        scale=(1 - part * c.zoom, 1 + part * c.zoom),
        shear=part * c.shear,
        interpolation=v2.InterpolationMode.BILINEAR,
        fill=GREY,
    )


def _area(box: BoundingBoxes) -> float:
    x1, y1, x2, y2 = box[0].tolist()
    return float(max(0.0, x2 - x1) * max(0.0, y2 - y1))


class Varied:
    """Other samples, each varied; what a number gives depends on the seed and on the number only."""

    def __init__(self, samples: Samples, vary: Vary, seed: int) -> None:
        """samples: not varied themselves."""
        self.samples, self.vary, self.seed = samples, vary, seed

    def sample(self, index: int) -> Sample:
        """Sample number index."""
        seed = int(np.random.default_rng((self.seed, index, 2)).integers(1 << 62))
        return self.vary(self.samples.sample(index), seed)
