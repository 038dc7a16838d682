"""Phrases made untrue by one word, and untrue ones that stay so whatever is said beside: by rules that are sure."""

from __future__ import annotations

import re
from collections.abc import Set

import numpy as np

from ca2m.language import forms, names

_FAR = {
    "red": "blue|green|white|black|yellow",
    "blue": "red|yellow|orange|pink|brown",
    "green": "red|blue|white|pink|purple",
    "yellow": "blue|black|purple|red|green",
    "white": "black|red|blue|green|brown",
    "black": "white|red|yellow|pink|green",
    "brown": "blue|green|white|purple|red",
    "orange": "blue|green|black|white|purple",
    "pink": "green|black|blue|yellow|brown",
    "purple": "yellow|green|white|orange|red",
    "grey": "red|yellow|green|orange|blue",
    "gray": "red|yellow|green|orange|blue",
}
_OTHER = {
    "man": "woman",
    "woman": "man",
    "boy": "girl",
    "girl": "boy",
    "guy": "lady",
    "lady": "guy",
    "shirt": "dress|coat",
    "t-shirt": "coat|suit",
    "jacket": "dress|swimsuit",
    "coat": "swimsuit|t-shirt",
    "sweater": "swimsuit|suit",
    "dress": "suit|jeans",
    "suit": "dress|t-shirt",
    "jeans": "shorts|skirt",
    "pants": "shorts|skirt",
    "trousers": "shorts|skirt",
    "shorts": "jeans|dress",
    "skirt": "jeans|shorts",
    "hat": "helmet",
    "cap": "helmet",
    "helmet": "hat",
    "beanie": "helmet",
    "standing": "lying down|sitting",
    "sitting": "standing|running",
    "sleeping": "running|jumping",
    "lying": "standing|running",
    "running": "lying|sleeping",
    "jumping": "lying|sleeping",
    "walking": "lying|sleeping",
}
_TWISTS = {k: v.split("|") for k, v in (_FAR | _OTHER).items()}
_TWIST = re.compile(rf"\b(?:{'|'.join(map(re.escape, _TWISTS))})\b(?! of\b)")


def twisted(phrase: str, rng: np.random.Generator) -> str | None:
    """The phrase with a colour far from its own, the other sex, a garment that is not worn with its own, or a posture
    that excludes its own; None when it names none of these, or two colours. Untrue of the thing meant; of the whole
    picture only where that is the one of its kind."""
    matches = list(_TWIST.finditer(phrase))
    if not matches or sum(m[0] in _FAR for m in matches) > 1:
        return None
    one = matches[int(rng.integers(len(matches)))]
    ways = _TWISTS[one[0]]
    return phrase[: one.start()] + ways[int(rng.integers(len(ways)))] + phrase[one.end() :]


_SIBLINGS = (
    "dog cat horse cow sheep goat bird elephant bear zebra giraffe monkey rabbit pig",
    "car bus truck train motorcycle bicycle boat airplane van tractor taxi scooter",
    "ball frisbee kite bat racket umbrella guitar camera balloon stick flag phone book hose drum",
    "skateboard surfboard snowboard sled scooter bicycle bike",
    "cup bottle bowl glass plate mug vase jar can kettle",
    "chair couch bench bed sofa",
    "apple banana pizza sandwich cake donut carrot pear lemon",
    "backpack handbag suitcase purse basket bucket",
    "hat helmet crown scarf necklace sunglasses tie goggles beard apron",
    "laptop tv keyboard phone clock lamp camera printer",
    "pool lake snow street beach couch stairs stage roof bridge fence",
)
_SIBLING: dict[str, list[str]] = {}
for _row in _SIBLINGS:
    for _word in _row.split():
        _SIBLING.setdefault(_word, []).extend(w for w in _row.split() if w != _word)
_NAMED = re.compile(rf"\b(?:{'|'.join(sorted(_SIBLING, key=len, reverse=True))})\b(?!')")


def swapped(phrase: str, spoken_of: Set[str], rng: np.random.Generator) -> str | None:
    """The phrase with one of its things changed to another of its sort that nobody speaks of in the photo; None when it
    names none. spoken_of: words. Untrue where the thing meant is the one of its kind: it is not the other one, or not
    with it."""
    matches = list(_NAMED.finditer(phrase))
    if not matches:
        return None
    one = matches[int(rng.integers(len(matches)))]
    ways = tuple(w for w in _SIBLING[one[0]] if not {w, f"{w}s"} & spoken_of and not _confused(w, spoken_of))
    return phrase[: one.start()] + _pick(ways, rng) + phrase[one.end() :] if ways else None


def _confused(word: str, spoken_of: Set[str]) -> bool:
    """Whether what a word names may be what another word says."""
    may = names.extension(word)[1]
    return any(may & names.extension(other)[1] for other in spoken_of)


_BEHIND = (
    *("on the left", "on the right") * 6,
    *("on the far left", "on the far right", "in the middle", "in the background", "in the back") * 2,
    *("at the top", "at the bottom", "in the front", "in the foreground", "closest to the camera", "furthest away"),
    *("at the left edge", "at the right edge", "in the upper left", "in the upper right", "in the bottom left corner"),
    *("at the bottom right", "to the left", "to the right", "in the centre", "near the left edge", "at the very top"),
)
_BEFORE = (
    *("left", "right") * 4,
    *("leftmost", "rightmost", "far left", "far right", "top", "bottom", "closest", "nearest", "furthest", "middle"),
    *("big", "small", "little", "large", "dark", "tall", "other", "bigger", "smaller", "young", "smiling", "light"),
)
_PARTS = {
    "animal": ("head", "ear", "tail", "left ear", "right eye", "nose", "front paw", "back leg"),
    "person": ("head", "hand", "hair", "face", "left arm", "right leg", "shoe", "sleeve"),
    "vehicle": ("front wheel", "back wheel", "wheel", "window", "door", "left headlight", "roof"),
    "": ("top", "left edge", "right side", "corner", "bottom", "front"),
}
_ANIMALS = frozenset(["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"])
_VEHICLES = frozenset(["bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck"])
_NEXT_TO = ("next to", "behind", "in front of", "near", "just left of", "to the right of")


def narrowed(phrase: str, rng: np.random.Generator, beside: str = "") -> str:
    """What is not there, said more closely, and so not there either: with a place, with another word before it, a part
    of it, or beside it what another phrase names. People write most of these of what is there only. A long phrase stays
    as it is, a longish one gets no more than a place or a word."""
    low, way = forms.bare(phrase), rng.random()
    length = len(low.split())
    if length > 5 or not forms.is_one(low):
        return phrase
    if length > 3:
        way *= 0.65
    if way < 0.45:
        return f"{low} {_pick(_BEHIND, rng)}"
    if way < 0.65:
        return f"{_pick(_BEFORE, rng)} {low}"
    if way < 0.85 or not beside:
        part = _pick(_PARTS[_sort_of(low)], rng)
        return f"{part} of the {low}"
    return f"{beside} {_pick(_NEXT_TO, rng)} the {low}"


def elsewhere(phrase: str, centre: float, rng: np.random.Generator) -> str:
    """A phrase for a thing whose middle is at `centre`, 0..1 from the left, with the side where it is not. Untrue where
    it is the only one that the phrase may mean, and plainly on one side."""
    side = "right" if centre < 0.5 else "left"
    low = forms.bare(phrase)
    ways = (f"{low} on the {side}", f"{low} on the far {side}", f"{side} {low}", f"{low} at the {side} edge")
    return _pick(ways if forms.is_one(low) else ways[:2], rng)


def _sort_of(phrase: str) -> str:
    noun = names.noun_of(phrase)
    name = names.COCO80[noun] if 0 <= noun < names.OUTSIDE else ""
    return "animal" if name in _ANIMALS else "vehicle" if name in _VEHICLES else "person" if name == "person" else ""


def _pick(ways: tuple[str, ...], rng: np.random.Generator) -> str:
    return ways[int(rng.integers(len(ways)))]
