"""The phrase writer: says in many ways which of the named boxes of a picture is meant, and never one that fits two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ca2m.geometry import Thing
from ca2m.language import lexicon, looks, names
from ca2m.language.looks import Pixels
from ca2m.language.meaning import Meaning, Scene, Test, fits, points_at
from ca2m.language.wording import RIDDEN, say

_T = TypeVar("_T")

_SHARES = {"class": 0.05, "position": 0.45, "attribute": 0.27, "relation": 0.23}
"""How often each kind is tried first where there are several of a class."""
_ALONE = {"class": 0.4, "position": 0.15, "attribute": 0.22, "relation": 0.23}
"""The same for the only one of its class."""

_SEATS = frozenset({"couch", "chair", "bed", "bench"})
_SUPPORTS = RIDDEN | {"dining table", "coffee table", "boat", "bench", "countertop", "microwave", "refrigerator"}
_WORN = frozenset({"tie", "head", *lexicon.CLOTHES})
_SITTERS = frozenset({"person", "cat", "dog", "teddy bear"})
_CARRIED = {
    "backpack",
    "handbag",
    "umbrella",
    "suitcase",
    "tennis racket",
    "baseball bat",
    "cell phone",
    "tie",
    "frisbee",
}
_CARRIED |= {
    "surfboard",
    "skateboard",
    "snowboard",
    "baseball glove",
    "sports ball",
    "kite",
    "laptop",
    "teddy bear",
    "book",
}
_PLAIN = (
    {"car", "bus", "truck", "van", "train", "boat", "chair", "couch", "cup", "bowl", "vase", "umbrella", "suitcase"}
    | {"backpack", "handbag", "bottle", "frisbee", "kite", "surfboard", "tie", "sports ball", "refrigerator", "book"}
    | {
        "motorcycle",
        "fire hydrant",
        "airplane",
        "teddy bear",
        "bench",
        "toaster",
        "plate",
        "pot",
        "pillow",
        *lexicon.CLOTHES,
    }
)
_COATS = frozenset({"black", "white", "brown", "grey"})
_HUES: dict[str, frozenset[str]] = {
    **dict.fromkeys(_PLAIN, frozenset(looks.COLOURS)),
    **dict.fromkeys(("dog", "cat", "horse", "cow", "bird", "sheep", "bear"), _COATS),
    "apple": frozenset({"red", "green", "yellow"}),
    "person": frozenset(looks.COLOURS) - {"brown", "orange", "pink"},
}
"""Class -> colours that are said of it; those of skin are never said of people."""


@dataclass(frozen=True)
class Phrase:
    """What was written and what it means."""

    text: str
    kind: str  # class, position, attribute, relation or absent
    meaning: Meaning


def write(things: Sequence[Thing], i: int, rng: np.random.Generator, pixels: Pixels | None = None) -> Phrase | None:
    """A phrase that fits thing i and no other, or None when there is none. Boxes are 0..1 of the picture whose pixels
    (H, W, 3) uint8 RGB may be given, for colours."""
    scene = Scene(things, pixels)
    return write_in(scene, i, rng)


def write_in(scene: Scene, i: int, rng: np.random.Generator) -> Phrase | None:
    """As write, over a scene that several phrases share."""
    if not scene.is_sure(i):
        return None
    ideas: dict[str, list[tuple[float, Meaning]]] = {kind: [] for kind in _SHARES}
    for idea in _ideas(scene, i, rng):
        ideas[kind_of(idea[1])].append(idea)
    shares = _ALONE if scene.only(scene.things[i].name) == i else _SHARES
    for kind in _shuffled(list(shares), list(shares.values()), rng):
        for meaning in _shuffled([m for _, m in ideas[kind]], [weight for weight, _ in ideas[kind]], rng):
            if points_at(meaning, scene, i):
                return Phrase(say(meaning, rng), kind, meaning)
    return None


_ROW: tuple[tuple[float, Test], ...] = (
    (12.0, Test("order", "middle")),
    *((1.5, Test("side", side)) for side in ("left", "right")),
    *((2.0 / count, Test("order", side, count)) for side in ("left", "right") for count in (2, 3)),
)


def row(scene: Scene, rng: np.random.Generator) -> list[tuple[int, Phrase]]:
    """Phrases for things of one row of three to eight alike, at most one each: the middle, the ends, those counted from
    an end. Empty where no row is plain."""
    nouns = [_pick(names.words_for(name), rng) for name in sorted({thing.name for thing in scene.things})]
    rows = [noun for noun in nouns for sure, may in [scene.named(noun)] if sure == may and 3 <= len(may) <= 8]
    if not rows:
        return []
    noun, by_thing = _pick(rows, rng), dict[int, Phrase]()
    for test in _shuffled([test for _, test in _ROW], [weight for weight, _ in _ROW], rng):
        meaning = Meaning(noun, (test,))
        sure, may = fits(meaning, scene)
        if sure == may and len(sure) == 1:
            by_thing.setdefault(next(iter(sure)), Phrase(say(meaning, rng), kind_of(meaning), meaning))
    return list(by_thing.items())


def _shuffled(items: list[_T], weights: list[float], rng: np.random.Generator) -> list[_T]:
    """The items in random order, those of greater weight rather first."""
    keys = -(rng.random(len(items)) ** (1 / np.array(weights)))
    return [items[k] for k in np.argsort(keys)]


def write_all(things: Sequence[Thing], i: int, pixels: Pixels | None = None, seed: int = 0) -> list[Phrase]:
    """Every meaning that fits thing i alone, each in one wording."""
    scene, rng = Scene(things, pixels), np.random.default_rng(seed)
    if not scene.is_sure(i):
        return []
    ideas = {idea for word in set(names.words_for(things[i].name)) for _, idea in _ideas(scene, i, rng, word)}
    held = sorted((m for m in ideas if points_at(m, scene, i)), key=repr)
    return [Phrase(say(m, rng), kind_of(m), m) for m in held]


def absent(
    things: Sequence[Thing], rng: np.random.Generator, complete: bool, pixels: Pixels | None = None
) -> Phrase | None:
    """A phrase for what is not in the picture: a class that is not there or, when every thing is labelled (complete), a
    near miss: a noun that is there with a wrong colour or place in a row. None when nothing is certain enough."""
    scene = Scene(things, pixels)
    if complete and things and rng.random() < 0.6:
        for _ in range(6):
            near = _near_miss(scene, rng)
            if near:
                return near
    return _missing(scene, rng, complete)


def _missing(scene: Scene, rng: np.random.Generator, complete: bool) -> Phrase | None:
    """A class of the 80 that is neither there nor to be mistaken for what is there."""
    there = {thing.name for thing in scene.things}
    for _ in range(12):
        name = names.COCO80[int(rng.integers(len(names.COCO80)))]
        noun = _pick(names.words_for(name), rng)
        may = names.extension(noun)[1]
        if there & may or (not complete and (name in names.OFTEN_UNLABELLED or not there)):
            continue
        tests: tuple[Test, ...] = ()
        if rng.random() < 0.25:
            tests = (Test("side", _pick(("left", "right"), rng)),)
        meaning = Meaning(noun, tests)
        return Phrase(say(meaning, rng), "absent", meaning)
    return None


def _near_miss(scene: Scene, rng: np.random.Generator) -> Phrase | None:
    """The noun of a thing that is there, with a colour none of its kind has or counted past the last of them."""
    thing = scene.things[int(rng.integers(len(scene.things)))]
    noun = _pick(names.words_for(thing.name), rng)
    sure, may = scene.named(noun)
    if sure != may or not sure:
        return None
    if rng.random() < 0.3 and 2 <= len(may) <= 4:
        test = Test("order", _pick(("left", "right"), rng), len(may) + 1 + int(rng.integers(2)))
    else:
        colours = frozenset().union(*(scene.look(i).may for i in may))
        free = sorted(_HUES.get(thing.name, frozenset()) - colours)
        if not free or any(not scene.look(i).sure for i in may):
            return None
        test = Test("colour", _pick(tuple(free), rng))
    meaning = Meaning(noun, (test,))
    return Phrase(say(meaning, rng), "absent", meaning)


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _ideas(scene: Scene, i: int, rng: np.random.Generator, noun: str | None = None) -> Iterator[tuple[float, Meaning]]:
    """Meanings worth trying for thing i with how often each is wanted; most of them fit nothing or too much."""
    name = scene.things[i].name
    noun = noun or _pick(names.words_for(name), rng)
    yield 4.0, Meaning(noun)
    for value in ("left", "right", "top", "bottom"):
        yield 1.0, Meaning("", (Test("side", value),))
    yield 1.0, Meaning("", (Test("order", "middle"),))
    chains: list[tuple[float, str, tuple[Test, ...]]] = [(1.0, noun, ())]
    for group, members in lexicon.SUPER.items():
        if name in members:
            yield 0.5, Meaning(group)
            chains.append((0.1, group, ()))
    look = scene.look(i)
    if look.sure in _HUES.get(name, ()):
        colour = Test("colour", look.sure)
        yield 6.0, Meaning(noun, (colour,))
        chains.append((0.5, noun, (colour,)))
    if name in _HUES and name != "person":
        yield 1.0, Meaning(noun, (Test("tone", "dark"),))
        yield 1.0, Meaning(noun, (Test("tone", "light"),))
    positions, relations = list(_positions(scene, i)), list(_relations(scene, i, rng))
    for weight, word, tests in chains:
        for share, test in (*positions, *relations):
            yield weight * share, Meaning(word, (*tests, test))
    for side in ("left", "right", "top", "bottom"):
        for share, test in relations:
            if test.what == "relation":
                yield 0.1 * share, Meaning(noun, (test, Test("side", side)))


def _positions(scene: Scene, i: int) -> Iterator[tuple[float, Test]]:
    """Places, orders, sizes and depths that thing i may have."""
    across, down = "left" if scene.x[i] < 0.5 else "right", "top" if scene.y[i] < 0.5 else "bottom"
    for side, share in (("left", 3.0), ("right", 3.0), ("top", 1.0), ("bottom", 1.0)):
        yield share, Test("side", side)
    yield 1.2, Test("side", f"far {across}")
    yield 0.8, Test("place", f"{across} {down}")
    yield 1.2, Test("place", across)
    yield 0.3, Test("place", down)
    yield 0.25, Test("place", "middle")
    yield 3.0, Test("order", "middle")
    for side, share in (("left", 4.0), ("right", 4.0), ("top", 1.0), ("bottom", 1.0)):
        for count in range(2, 6):
            yield share / count, Test("order", side, count)
    for value, share in (("biggest", 1.2), ("smallest", 1.0), ("tallest", 0.3)):
        yield share, Test("size", value)
    yield 1.5, Test("depth", "closest")
    yield 0.8, Test("depth", "furthest")


def _relations(scene: Scene, i: int, rng: np.random.Generator) -> Iterator[tuple[float, Test]]:
    """Relations of thing i to things that a noun names alone."""
    name = scene.things[i].name
    others = {thing.name for j, thing in enumerate(scene.things) if j != i and thing.name != name}
    words = {other: _pick(names.words_for(other), rng) for other in sorted(others)}
    alone = {other: word for other, word in words.items() if scene.only(word) is not None}
    for other, word in alone.items():
        if name == "person" and other in _CARRIED:
            yield 4.0, Test("relation", "with", other=word)
        if other in _WORN:
            continue
        for value in ("left of", "right of"):
            yield 1.5, Test("relation", value, other=word)
        yield 1.0, Test("relation", "above", other=word)
        yield 1.0, Test("relation", "below", other=word)
        yield 2.0, Test("relation", "beside", other=word)
        yield 1.0, Test("nearest to", other=word)
        if other in _SUPPORTS:
            yield 4.0, Test("relation", "on", other=word)
        if other in _SEATS and name in _SITTERS:
            yield 4.0, Test("relation", "in", other=word)
        if name == "person" and other == "umbrella":
            yield 4.0, Test("relation", "covered by", other=word)
    if len(alone) >= 2:
        pair = [str(word) for word in rng.choice(sorted(alone.values()), 2, replace=False)]
        yield 2.0, Test("between", other="+".join(pair))


def kind_of(meaning: Meaning) -> str:
    """class, position, attribute or relation, by the last thing said."""
    if not meaning.tests:
        return "class"
    what = meaning.tests[-1].what
    return _KIND.get(what, "position")


_KIND = {"colour": "attribute", "size": "attribute", "tone": "attribute"}
_KIND |= {"relation": "relation", "nearest to": "relation", "between": "relation"}
