"""Training pictures: the box stays on its thing, words stay true, and a number always gives the same sample."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import drawn

from ca2m import config
from ca2m.data import augment, coco, handwritten, mixing, mosaic, refs, splits, writing
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.data.sample import Expression
from ca2m.geometry import Box, Thing, iou
from ca2m.language import names, phrases, saying
from ca2m.language.looks import Pixels


def where(pixels: Pixels) -> Box:
    """Box (0..1) of the red pixels."""
    rows, columns = np.nonzero(pixels[..., 0].astype(int) - pixels[..., 2] > 60)
    height, width = pixels.shape[:2]
    return columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height


def test_square_stretches() -> None:
    pixels = drawn(200, 100, (0.25, 0.5, 0.75, 1.0))
    assert augment.square(pixels, 64).shape == (64, 64, 3)
    assert where(augment.square(pixels, 64)) == (0.25, 0.5, 0.75, 1.0)


def test_a_phrase_without_a_mirror_keeps_its_picture_as_it_is() -> None:
    box = (0.1, 0.2, 0.3, 0.7)
    unsure, sure = (Expression(phrase, box, -1, "position") for phrase in ("bag left on the bench", "leftmost bag"))
    for said, want in (([sure], {"left", "right"}), ([unsure], {"left"}), ([sure, unsure], {"left"})):
        seen = set()
        for seed in range(20):
            found = handwritten.render(said, drawn(64, 64, box), 64, np.random.default_rng(seed), augment=True)
            assert all(s.box is not None for s in found)
            seen |= {"left" if s.box[0] + s.box[2] < 1 else "right" for s in found if s.box}
        assert seen == want, said


def test_from_ref_keeps_the_box_on_its_thing(world: tuple[list[Ref], list[Photo]]) -> None:
    made, photos = world
    pictures, rng = augment.Pictures(), np.random.default_rng(2)
    for ref in made * 6:
        photo = next(p for p in photos if p.path == ref.image)
        sample = handwritten.from_ref(ref, pictures.get(ref.image), photo, 160, rng, augment=True)
        assert sample.pixels.shape == (160, 160, 3) and sample.pixels.flags.c_contiguous
        if ref.box is None:
            assert sample.box is None and sample.kind == "absent"
            continue
        assert sample.box is not None
        assert iou(sample.box, where(sample.pixels)) > 0.9
        assert sample.noun == names.INDEX["car"]


def test_flip_swaps_words_and_box() -> None:
    picture = drawn(200, 100, (0.0, 0.2, 0.3, 0.8))
    said, seen = Expression("car on the left", (0.0, 0.2, 0.3, 0.8), names.INDEX["car"], "position"), set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        (sample,) = handwritten.render([said], picture, 64, rng, augment=True, say=lambda phrase, _: phrase)
        assert sample.box is not None
        side = "left" if (sample.box[0] + sample.box[2]) / 2 < 0.5 else "right"
        assert side in sample.phrase
        seen.add(side)
    assert seen == {"left", "right"}


def test_jitter_keeps_colour_words_true() -> None:
    rng = np.random.default_rng(0)
    thing = Thing("car", (0.0, 0.0, 1.0, 1.0), 1.0, True)
    for name, rgb in {"red": (200, 30, 30), "blue": (40, 60, 190), "green": (30, 140, 60)}.items():
        flat = np.full((32, 32, 3), rgb, np.uint8)
        for _ in range(50):
            assert name in phrases.looks.look(augment.jitter(flat, rng), thing).may


def test_reword_keeps_the_words_that_count() -> None:
    rng = np.random.default_rng(0)
    said = {saying.reword("the dog on the left", rng) for _ in range(1000)}
    assert {"the dog on the left", "dog on left", "a dog at left", "find the dog on the left"} <= said
    assert all(re.search(r"\bdog\b", s) and re.search(r"\bleft\b", s) and "right" not in s for s in said)
    kept = {saying.as_written("the dog on the left", rng) for _ in range(1000)}
    assert {"the dog on the left", "the dog on left", "the dog at left"} <= kept
    assert all(s.startswith("the dog ") for s in kept)


def test_from_photos_points_at_what_it_says(world: tuple[list[Ref], list[Photo]]) -> None:
    _, photos = world
    pictures, rng = augment.Pictures(), np.random.default_rng(3)
    for _ in range(60):
        (sample,) = mosaic.from_photos(photos, pictures, 160, rng, augment=True)
        assert sample.box is not None and sample.kind.startswith("rule ")
        x1, y1, x2, y2 = (round(v * 160) for v in sample.box)
        inside = sample.pixels[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].astype(int)
        assert (inside[..., 0] - inside[..., 2] > 40).mean() > 0.95


def test_cut_things_make_their_noun_ambiguous() -> None:
    photo = Photo("a", 100, 100, (Thing("car", (0.0, 0.0, 0.3, 1.0), 1.0, True),), "", True, "train", None)
    canvas = np.zeros((100, 100, 3), np.uint8)
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(300):
        for thing in mosaic._place(canvas, (0, 0, 100, 100), drawn(100, 100, (0, 0, 0.3, 1)), photo, rng, True):
            assert np.allclose(thing.box, where(canvas), atol=0.02)
            scores.append(thing.score)
    assert 0.0 in scores and 1.0 in scores


def test_fixed_sets(world: tuple[list[Ref], list[Photo]]) -> None:
    made, photos = world
    pictures, held = augment.Pictures(), splits.plan(made, photos).val.photos
    rule = [mosaic.rule_val(held, pictures, 64, n=6) for _ in range(2)]
    assert [s.phrase for s in rule[0]] == [s.phrase for s in rule[1]]
    assert all(s.box is not None for s in rule[0])


def test_write_refs(world: tuple[list[Ref], list[Photo]], tmp_path: Path) -> None:
    _, photos = world
    written = writing.write_refs(photos, each=2, seed=1)
    assert len(written) == len(photos), "one thing a photo"
    assert written == writing.write_refs(photos, each=2, seed=1)
    refs.write(tmp_path / "refs.jsonl", written)
    again = refs.read(tmp_path / "refs.jsonl")
    assert [(r.image, r.phrase, r.kind) for r in again] == [(r.image, r.phrase, r.kind) for r in written]


def test_pictures_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        augment.Pictures().get(str(tmp_path / "none.jpg"))
    for text in ("no picture", ""):
        (tmp_path / "text.jpg").write_text(text)
        with pytest.raises(ValueError, match="text.jpg"):
            augment.Pictures().get(str(tmp_path / "text.jpg"))


@pytest.mark.skipif("DEIXIS_DATA" not in os.environ, reason="DEIXIS_DATA does not name the folder of photos and refs")
def test_real_data() -> None:
    data = Path(os.environ["DEIXIS_DATA"])
    made, photos = refs.read(data / "refs.jsonl"), coco.read(data / "photos" / "annotations.json")
    mixer = mixing.Mixer(made, photos, 320, seed=7, mix=config.load("ca2m-edge").mix)
    for sample in map(mixer.sample, range(400)):
        assert sample.pixels.shape == (320, 320, 3) and sample.phrase
        assert (sample.box is None) == (sample.kind == "absent")
        assert sample.box is None or 0 <= sample.box[0] < sample.box[2] <= 1 and 0 <= sample.box[1] < sample.box[3] <= 1
        assert -1 <= sample.noun <= 80
    held = splits.plan(made, photos).val.photos
    assert {r.image for r in made if r.split == "val"} <= {p.path for p in held}
