"""The same phrase as somebody else would say or type it, and phrases made untrue by one word."""

from __future__ import annotations

import re

import numpy as np

_ALIKE = (
    "man|guy|gentleman|fellow|dude",
    "woman|lady",
    "women|ladies",
    "men|guys",
    "child|kid",
    "children|kids",
    "couch|sofa",
    "bike|bicycle",
    "motorbike|motorcycle",
    "plane|airplane",
    "tv|television",
    "fridge|refrigerator",
    "phone|cell phone|cellphone",
    "trash can|garbage can|trash bin",
    "rug|carpet",
    "grey|gray",
    "big|large",
    "small|little",
    "closest|nearest",
    "furthest|farthest",
    "next to|beside|right next to|by",
    "behind|in back of",
    "under|beneath|underneath",
    "on the left|at left|to the left|on the left side|at the left",
    "on the right|at right|to the right|on the right side|at the right",
    "leftmost|furthest left|far left|left most",
    "rightmost|furthest right|far right|right most",
    "in the middle|in the center|in the centre",
    "in the back|at the back|in the background",
    "wearing a|in a|with a",
    "wearing the|in the",
    "holding a|carrying a|with a",
)
_OTHERS = {way: [w for w in ways if w != way] for ways in (row.split("|") for row in _ALIKE) for way in ways[:2]}
_WAYS = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _OTHERS), key=len, reverse=True))})\b(?! of\b)")
_ONE_WAY = {"in a": ["in a"], "in the": ["in the"], "with a": ["with a"]}  # a place or a possession, not clothes
_BEFORE = ("um", "uh", "the uh", "find", "show me", "point at", "point to", "look at", "that", "select")
_AFTER = ("please", "there", "over there", "in this picture")


def reword(phrase: str, rng: np.random.Generator) -> str:
    """Now and then another word for the same, articles dropped or put before it, words around it, or a slip of keys."""
    if rng.random() < 0.3 and (found := list(_WAYS.finditer(phrase))):
        one = found[int(rng.integers(len(found)))]
        ways = _ONE_WAY.get(one[0], _OTHERS[one[0]])
        phrase = phrase[: one.start()] + ways[int(rng.integers(len(ways)))] + phrase[one.end() :]
    u = rng.random()
    if u < 0.15:
        phrase = re.sub(r"\b(?:the|a|an) ", "", phrase)
    elif u < 0.2 and not re.match(r"(?:the|a|an|left$|right$)\b", phrase):
        phrase = f"the {phrase}"
    u = rng.random()
    if u < 0.04:
        phrase = f"{_BEFORE[int(rng.integers(len(_BEFORE)))]} {phrase}"
    elif u < 0.06:
        phrase = f"{phrase} {_AFTER[int(rng.integers(len(_AFTER)))]}"
    return slipped(phrase, rng) if rng.random() < 0.04 else phrase.strip()


def slipped(phrase: str, rng: np.random.Generator) -> str:
    """With one slip of keys inside a word of five letters or more: a letter left out, doubled or swapped."""
    long = [m for m in re.finditer(r"[a-z]{5,}", phrase)]
    if not long:
        return phrase
    word = long[int(rng.integers(len(long)))]
    k = word.start() + int(rng.integers(1, len(word[0]) - 1))
    middle = (phrase[k + 1], phrase[k] * 2 + phrase[k + 1], phrase[k + 1] + phrase[k])[int(rng.integers(3))]
    return phrase[:k] + middle + phrase[k + 2 :]


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
_SEX = {"man": "woman", "woman": "man", "boy": "girl", "girl": "boy", "guy": "lady", "lady": "guy"}
_TWISTS = {**{k: v.split("|") for k, v in _FAR.items()}, **{k: [v] for k, v in _SEX.items()}}
_TWIST = re.compile(rf"\b(?:{'|'.join(_TWISTS)})\b")


def twisted(phrase: str, rng: np.random.Generator) -> str | None:
    """The phrase with its colour changed to one far from it, or with the other sex; None when it names no such word,
    or two colours. Untrue of the thing meant; of the whole picture only where that is the one of its kind."""
    found = list(_TWIST.finditer(phrase))
    if not found or sum(m[0] in _FAR for m in found) > 1:
        return None
    one = found[int(rng.integers(len(found)))]
    ways = _TWISTS[one[0]]
    return phrase[: one.start()] + ways[int(rng.integers(len(ways)))] + phrase[one.end() :]
