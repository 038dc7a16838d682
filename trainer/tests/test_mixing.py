"""The mixture of training samples: fixed by seed and number, in its proportions, two of every picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import drawn

from ca2m import config
from ca2m.config import Config, Mix
from ca2m.data import mixing
from ca2m.data.coco import Photo
from ca2m.data.handwritten import side_by_side
from ca2m.data.mixing import Mixer, shares_of
from ca2m.data.refs import Ref
from ca2m.data.rounds import samples_of
from ca2m.data.sample import Expression
from ca2m.geometry import Thing
from ca2m.language import names
from ca2m.learn.loader import Collate
from ca2m.net.network import Net

EDGE = config.load("ca2m-edge").mix
RED = Expression("red car", (0.2, 0.3, 0.6, 0.7), names.INDEX["car"], "attribute")


def test_mixer_is_fixed_by_seed_and_number(world: tuple[list[Ref], list[Photo]]) -> None:
    made, photos = world
    one, two = (Mixer(made, photos, 96, seed=5, mix=EDGE) for _ in range(2))
    for index in (0, 7, 31):
        two.sample(index + 1)
        a, b = one.sample(index), two.sample(index)
        assert (a.phrase, a.box, a.noun, a.kind) == (b.phrase, b.box, b.noun, b.kind)
        assert np.array_equal(a.pixels, b.pixels)
    other = Mixer(made, photos, 96, seed=6, mix=EDGE)
    assert any(not np.array_equal(one.sample(k).pixels, other.sample(k).pixels) for k in range(3))


def test_mixer_leaves_val_out(world: tuple[list[Ref], list[Photo]]) -> None:
    made, photos = world
    mixer = Mixer(made, photos, 96, seed=5, mix=EDGE)
    kept = {ref.image for ref in made if ref.split == "val"}
    assert len(kept) == 2
    assert not kept & {
        *mixer.photos,
        *(p.path for p in mixer.labelled),
        *(r.image for r in (*mixer.hand, *mixer.missing)),
    }


def test_mixer_keeps_its_proportions(world: tuple[list[Ref], list[Photo]]) -> None:
    mixer = Mixer(*world, side=32, seed=1, mix=EDGE)
    kinds = Counter("rule" if s.kind.startswith("rule") else s.kind for s in map(mixer.sample, range(600)))
    assert abs(kinds["absent"] / 600 - 0.2) < 0.05
    assert abs(kinds["rule"] / 600 - 0.14) < 0.05


def test_another_photo_beside_moves_the_box_with_its_thing(world: tuple[list[Ref], list[Photo]]) -> None:
    _, photos = world
    dog = replace(photos[2], things=(Thing("dog", (0.1, 0.1, 0.2, 0.2), 1.0, True),))
    assert mixing._lacks(dog, RED) and not mixing._lacks(photos[2], RED)
    assert not mixing._lacks(photos[2], replace(RED, noun=names.INDEX["truck"])), "a truck may be called a car"
    assert not mixing._lacks(replace(dog, complete=False), replace(RED, kind="class")), "cars are often unlabelled"
    rng, blue = np.random.default_rng(0), np.full((80, 300, 3), (0, 0, 255), np.uint8)
    for _ in range(8):
        picture, (said,) = side_by_side(drawn(240, 160, (0.2, 0.3, 0.6, 0.7)), [RED], blue, rng)
        red = np.argwhere(picture[..., 0].astype(int) - picture[..., 2] > 60)
        (top, left), (bottom, right) = red.min(0), red.max(0) + 1
        h, w = picture.shape[:2]
        assert said.box == pytest.approx((left / w, top / h, right / w, bottom / h), abs=0.02)


def test_rows_have_their_share(world: tuple[list[Ref], list[Photo]]) -> None:
    made, photos = world
    cars = tuple(Thing("car", (x, 0.4, x + 0.15, 0.6), 1.0, True) for x in (0.1, 0.4, 0.7))
    photos = [replace(photo, things=cars) for photo in photos]
    mixer = Mixer(made, photos, 32, seed=1, mix=Mix(hand=0.4, absent=0.2, rows=0.4))
    said = [s for s in map(mixer.sample, range(400)) if s.kind == "rule position"]
    assert len(said) > 100 and sum("middle" in s.phrase or "cent" in s.phrase for s in said) > 30
    assert not Mixer(made, photos, 32, seed=1, mix=EDGE).rows


def test_mixer_works_with_phrases_or_photos_only(world: tuple[list[Ref], list[Photo]]) -> None:
    made, photos = world
    assert not Mixer(made, [], 32, seed=1, mix=EDGE).sample(0).kind.startswith("rule")
    assert Mixer([], photos, 32, seed=1, mix=EDGE).sample(0).kind.startswith("rule")
    with pytest.raises(ValueError, match="no train phrases"):
        Mixer([], [], 32, seed=1, mix=EDGE)


def test_without_photos_nothing_is_put_beside(world: tuple[list[Ref], list[Photo]]) -> None:
    made, _ = world
    last = config.load("recipes/edge-last").mix
    assert last.beside and last.rows
    alone = Mixer(made, [], 48, seed=1, mix=last)
    kinds = Counter(alone.sample(k).kind for k in range(80))
    assert set(kinds) == {"attribute", "position", "absent"}, "hand-written ones alone"


def test_flip_counts_for_plain_samples(world: tuple[list[Ref], list[Photo]]) -> None:
    made, photos = world
    left = [ref for ref in made if ref.phrase == "car on the left"]
    for flip, want in ((0.0, {"left"}), (1.0, {"right"})):
        c = config.load("ca2m-edge", [f"augment.flip={flip}", "network.image_size=64", "network.tokens=0"])
        rounds = [samples_of(c, left, []), samples_of(replace(c, run=replace(c.run, epochs=1)), left, [])]
        said = {word for s in rounds for k in range(20) for word in ("left", "right") if word in s.sample(k).phrase}
        assert said == want
    rule = [Mixer([], photos, 48, seed=2, flip=flip, mix=EDGE) for flip in (0.0, 1.0)]
    assert any(not np.array_equal(rule[0].sample(k).pixels, rule[1].sample(k).pixels) for k in range(2))


def test_sequences_and_large_sources_count_less() -> None:
    def photo(k: int, source: str, sequence: str | None) -> Photo:
        return Photo(str(k), 1, 1, (), source, False, "train", sequence)

    photos = [photo(k, "kitchen", "one") for k in range(100)] + [photo(k, "web", None) for k in range(100)]
    shares = shares_of(photos)
    assert shares.sum() == pytest.approx(1)
    assert shares[:100].sum() == pytest.approx(0.1 * shares[100:].sum())


def test_two_samples_share_their_pixels_and_mean_different_things(world: tuple[list[Ref], list[Photo]]) -> None:
    mixer = Mixer(*world, side=32, seed=1, mix=EDGE)
    found = [(mixer.sample(2 * k), mixer.sample(2 * k + 1)) for k in range(200)]
    assert all(a.pixels is b.pixels for a, b in found)
    hand = [(a, b) for a, b in found if not a.kind.startswith("rule")]
    assert all(b.kind != "absent" for _, b in hand)
    absent = [(a, b) for a, b in hand if a.kind == "absent"]
    assert absent and all(a.box is None and b.box is not None for a, b in absent)
    assert all(a.kind != b.kind for a, b in hand), "one of the photo's other phrases"


def test_a_shared_picture_is_seen_once_and_answers_alike(
    world: tuple[list[Ref], list[Photo]], small: Config, net: Net
) -> None:
    mixer = Mixer(*world, side=small.network.image_size, seed=1, mix=EDGE)
    samples = [mixer.sample(k) for k in (1, 2, 3, 5)]
    batch = Collate(small.network.words, 12)(samples)
    assert isinstance(batch.image, torch.Tensor)
    assert len(batch.image) == 3 and batch.of.tolist() == [0, 1, 1, 2]
    for k, s in enumerate(samples):
        assert np.array_equal(batch.image[batch.of[k]], s.pixels)
    pieces = batch.parts(2)
    assert [p.of.tolist() for p in pieces] == [[0, 1], [0, 1]]
    with torch.no_grad():
        whole = net(batch.image, batch.ids, batch.mask, batch.of)
        again = [net(p.image, p.ids, p.mask, p.of) for p in pieces]
    assert whole.scores is not None
    torch.testing.assert_close(torch.cat([a.scores for a in again]), whole.scores, rtol=1e-4, atol=1e-4)
