"""Small configurations and made-up samples that several tests share."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torchvision.models.resnet import Bottleneck, ResNet
from transformers import BertConfig, BertModel

from ca2m import config
from ca2m.config import Config
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.data.sample import Sample
from ca2m.geometry import Box, Thing
from ca2m.language.looks import Pixels
from ca2m.net.network import Net, build


@pytest.fixture(scope="session")
def small() -> Config:
    """ca2m-edge, narrow, on a small picture."""
    c = config.load("ca2m-edge")
    net = replace(
        c.network,
        name="small",
        image_size=96,
        c0=16,
        c1=48,
        heads0=1,
        heads1=3,
        group_layers=1,
        merge_layers=1,
        tokens=0,
    )
    run = replace(c.run, samples=64, batch=4, warmup=0, lr=2e-3, lr_words=0.0, precision="fp32")
    return replace(c, network=net, run=run)


@pytest.fixture()
def net(small: Config) -> Net:
    torch.manual_seed(0)
    return build(small.network).eval()


class Squares:
    """A red and a blue square, one left and one right; the phrase names one of them."""

    def __init__(self, side: int, kinds: int = 1 << 30) -> None:
        self.side, self.kinds = side, kinds

    def sample(self, index: int) -> Sample:
        rng = np.random.default_rng(index % self.kinds)
        pixels = np.full((self.side, self.side, 3), 90, np.uint8)
        boxes = {}
        colours = [("red", (220, 30, 30)), ("blue", (30, 40, 220))]
        for k, place in enumerate(rng.permutation(2)):
            name, colour = colours[place]
            x, y = 0.05 + 0.5 * k + rng.uniform(0, 0.1), rng.uniform(0.1, 0.5)
            box = (x, y, x + 0.33, y + 0.33)
            x1, y1, x2, y2 = (int(v * self.side) for v in box)
            pixels[y1:y2, x1:x2] = colour
            boxes[f"{name} square"], boxes["square on the " + ("left", "right")[k]] = box, box
        phrase = str(rng.choice(sorted(boxes)))
        return Sample(pixels, phrase, boxes[phrase], -1, "attribute")


RED, BLUE = (220, 20, 20), (20, 40, 220)


def drawn(width: int, height: int, box: Box, colour: tuple[int, int, int] = RED) -> Pixels:
    """A grey picture with a filled box (0..1)."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    x1, y1, x2, y2 = (round(v * s) for v, s in zip(box, (width, height) * 2, strict=True))
    pixels[y1:y2, x1:x2] = colour
    return pixels


@pytest.fixture
def world(tmp_path: Path) -> tuple[list[Ref], list[Photo]]:
    """Twelve photos with a red car each, two of them val; three phrases for each."""
    rng, made, photos = np.random.default_rng(1), [], []
    for k in range(12):
        w, h = rng.uniform(0.3, 0.5, 2)
        x, y = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
        box = (x, y, x + w, y + h)
        path = str(tmp_path / f"{k}.png")
        cv2.imwrite(path, cv2.cvtColor(drawn(240, 160, box), cv2.COLOR_RGB2BGR))
        split, pixels = ("val" if k < 2 else "train"), (x * 240, y * 160, (x + w) * 240, (y + h) * 160)
        made += [Ref(path, f"red car {k}", pixels, "attribute", split, "s", False)]
        made += [Ref(path, "car on the left", pixels, "position", split, "s", False)]
        made += [Ref(path, "blue dog", None, "absent", split, "s", False)]
        photos.append(Photo(path, 240, 160, (Thing("car", box, 1.0, True),), "s", True, "train", None))
    return made, photos


def small_bert(folder: Path) -> Path:
    """A BERT of seven layers and 24 channels in a folder, as Hugging Face lays it out."""
    torch.manual_seed(2)
    c = BertConfig(vocab_size=12, hidden_size=24, num_hidden_layers=7, num_attention_heads=2, intermediate_size=24)
    BertModel(c).save_pretrained(folder)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "square", "on", "the", "left", "right"]
    (folder / "vocab.txt").write_text("\n".join(words))
    return folder


def paper(bert: Path, *changes: str) -> Config:
    """The paper's configuration, narrow, on a small picture."""
    narrow = ("image_size=64", "words_width=24", "c0=16", "c1=48", "heads0=2", "heads1=2", f"words={bert}")
    return config.load("ca2m-r50", [*(f"network.{change}" for change in narrow), *changes])


def shallow_resnet(weights: None, **kw: Any) -> ResNet:
    """Of one block a stage: the shapes of ResNet-50, and quick."""
    return ResNet(Bottleneck, [1, 1, 1, 1], **kw)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of photos, phrases and weights to train with, where there is one."""
    folder = os.environ.get("DEIXIS_DATA")
    if not folder:
        pytest.skip("DEIXIS_DATA names no data folder")
    return Path(folder)
