"""The torchvision recipe: the box stays on its thing, words stay true, a seed always gives the same sample."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import drawn
from test_scenes import where

from ca2m import config
from ca2m.config import Augment
from ca2m.data.coco import Photo
from ca2m.data.mixing import Mixer
from ca2m.data.refs import Ref
from ca2m.data.rounds import Rounds, samples_of
from ca2m.data.sample import Sample
from ca2m.data.vary import LOOSE, Varied, Vary
from ca2m.geometry import Box, Thing, iou
from ca2m.language import phrases

STILL = Augment("torchvision", flip=0, turn=0, shear=0, zoom=0, shift=0, brightness=0, contrast=0, saturation=0, blur=0)


def sample(box: Box | None, phrase: str = "red car", kind: str = "attribute", side: int = 128) -> Sample:
    return Sample(drawn(side, side, box or (0.4, 0.4, 0.6, 0.6)), phrase, box, 2, kind)


def far(a: Box, b: Box) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("box", [(0.3, 0.3, 0.6, 0.6), (0.0, 0.1, 0.3, 0.9), (0.05, 0.45, 0.95, 0.55), (0, 0, 1, 1)])
def test_the_box_stays_on_its_thing(box: Box) -> None:
    vary, seen = Vary(Augment("torchvision", blur=0.5)), set()
    for seed in range(40):
        found = vary(sample(box), seed)
        assert found.pixels.shape == (128, 128, 3) and found.pixels.dtype == np.uint8 and found.box is not None
        assert found.pixels.flags.c_contiguous and found.noun == 2 and found.kind == "attribute"
        assert min(found.box) >= 0 and max(found.box) <= 1
        assert far(found.box, where(found.pixels)) < 0.025
        area = (found.box[2] - found.box[0]) * (found.box[3] - found.box[1])
        whole = (box[2] - box[0]) * (box[3] - box[1])
        assert 0.81 * 0.95 * whole - 0.02 < area < 1.21 * LOOSE * whole
        seen.add(round(found.box[0], 3))
    assert len(seen) > 3, "it varies"


def test_left_and_right_go_with_the_picture() -> None:
    vary, seen = Vary(Augment("torchvision")), set()
    for seed in range(30):
        found = vary(sample((0.05, 0.3, 0.3, 0.7), "car left of the right-hand tree", "position"), seed)
        assert found.box is not None
        left = (found.box[0] + found.box[2]) / 2 < 0.5
        assert found.phrase == ("car left of the right-hand tree" if left else "car right of the left-hand tree")
        seen.add(left)
    assert seen == {True, False}
    always = Vary(replace(STILL, flip=1.0))(sample((0.1, 0.2, 0.3, 0.7), "leftmost car"), 0)
    assert always.phrase == "rightmost car" and always.box == pytest.approx((0.7, 0.2, 0.9, 0.7))
    assert far(where(always.pixels), (0.7, 0.2, 0.9, 0.7)) < 0.01


def test_a_phrase_without_a_mirror_is_not_mirrored() -> None:
    always = Vary(replace(STILL, flip=1.0))
    found = always(sample((0.1, 0.2, 0.3, 0.7), "bag left on the bench"), 0)
    assert found.phrase == "bag left on the bench" and found.box == pytest.approx((0.1, 0.2, 0.3, 0.7))


def test_places_move_half_as_much() -> None:
    vary, box = Vary(replace(STILL, shift=0.2)), (0.4, 0.4, 0.6, 0.6)

    def most(phrase: str, kind: str) -> float:
        return max(far(vary(sample(box, phrase, kind), seed).box or box, box) for seed in range(60))

    assert 0.12 < most("red car", "attribute") < 0.205, "in whole pixels"
    assert 0.06 < most("the biggest car", "attribute") < 0.105
    assert 0.06 < most("red car", "rule position") < 0.105


def test_nothing_on_changes_nothing() -> None:
    one = sample((0.1, 0.2, 0.3, 0.7))
    found = Vary(STILL)(one, 5)
    assert np.array_equal(found.pixels, one.pixels) and found.phrase == one.phrase
    assert found.box == pytest.approx(one.box)
    gone = Vary(replace(STILL, shift=0.3))(sample(None, "dog", "absent"), 5)
    assert gone.box is None and not np.array_equal(gone.pixels, sample(None).pixels), "absent ones move, too"


def test_blur_blurs() -> None:
    noise = Sample(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), "x", None, -1, "")
    rough = [Vary(replace(STILL, blur=blur))(noise, 3).pixels.std() for blur in (0.0, 1.0)]
    assert rough[1] < 0.9 * rough[0]


def test_colour_words_stay_true() -> None:
    vary, thing = Vary(Augment("torchvision", hue=0.02)), Thing("car", (0.2, 0.2, 0.8, 0.8), 1.0, True)
    for name, rgb in {"red": (200, 30, 30), "blue": (40, 60, 190), "green": (30, 140, 60)}.items():
        flat = Sample(np.full((64, 64, 3), rgb, np.uint8), name, None, 2, "")
        for seed in range(40):
            assert name in phrases.looks.look(vary(flat, seed).pixels, thing).may


def test_a_number_gives_the_same_sample_and_torch_is_left_alone(tmp_path: Path) -> None:
    made, photos = [], []
    for k in range(4):
        path, box = str(tmp_path / f"{k}.png"), (0.1 * k, 0.2, 0.1 * k + 0.4, 0.8)
        cv2.imwrite(path, cv2.cvtColor(drawn(100, 100, box), cv2.COLOR_RGB2BGR))
        x1, y1, x2, y2 = (100 * v for v in box)
        made.append(Ref(path, f"red car {k}", (x1, y1, x2, y2), "attribute", "train", "", False))
        photos.append(Photo(path, 100, 100, (Thing("car", box, 1.0, True),), "", True, "train", None))
    c = config.load("ca2m-r50", ["network.image_size=96"])
    one, two = samples_of(c, made, []), samples_of(c, made, [])
    state = torch.random.get_rng_state()
    for index in (0, 3, 11):
        two.sample(index + 1)
        a, b = one.sample(index), two.sample(index)
        assert (a.phrase, a.box) == (b.phrase, b.box) and np.array_equal(a.pixels, b.pixels)
    assert torch.equal(torch.random.get_rng_state(), state)
    rounds = [{s.phrase: s for s in map(one.sample, range(first, first + 4))} for first in (0, 4)]
    assert set(rounds[0]) == set(rounds[1]) == {r.phrase for r in made}, "every phrase in each, and no word is changed"
    assert all(rounds[0][name].box != rounds[1][name].box for name in rounds[0]), "varied anew each time"
    assert isinstance(one, Varied) and isinstance(one.samples, Rounds) and not one.samples.augment
    mixed = samples_of(c, made, photos)
    assert isinstance(mixed, Varied) and isinstance(mixed.samples, Mixer) and not mixed.samples.augment
    assert iou(mixed.sample(1).box or (0, 0, 0, 0), where(mixed.sample(1).pixels)) > 0.85
    plain = samples_of(config.load("ca2m-r50", ["augment.recipe=plain"]), made, [])
    assert isinstance(plain, Rounds) and plain.augment


def test_recipes_are_where_they_belong() -> None:
    for name in config.names():
        small = name.startswith(("ca2m-edge", "ablations/", "recipes/edge", "recipes/finetune"))
        assert config.load(name).augment.recipe == ("plain" if small else "torchvision"), name
    assert config.from_dict(json.loads(json.dumps(config.load("ca2m-r50").to_dict()))) == config.load("ca2m-r50")


@pytest.mark.parametrize("change", ["flip=1.5", "hue=0.1", "turn=90", "zoom=-0.1", "recipe=wild"])
def test_a_recipe_out_of_bounds_is_named(change: str) -> None:
    with pytest.raises(ValueError, match=f"augment.{change.partition('=')[0]}"):
        config.load("ca2m-r50", [f"augment.{change}"])
