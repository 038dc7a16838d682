"""The same phrase as somebody else would say or type it."""

from __future__ import annotations

import re

import numpy as np

from ca2m.language import forms

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
_PLAIN_UP_TO = (0.32, 0.52, 0.72)  # shares of forms.PLAIN, added up; the rest is asked for
_OWNED = re.compile(r"(?:his|her|its|their|another|one|some) (?=(?!of\b|with\b|in\b|on\b|that\b)\w)")


def reword(phrase: str, rng: np.random.Generator) -> str:
    """As `varied`, and always in a form drawn anew (see `dressed`), so that how somebody wrote it down says nothing of
    whether the thing is there."""
    phrase = varied(forms.bare(phrase), rng)
    if rng.random() < 0.5 and (owned := _OWNED.match(phrase)):
        phrase = phrase[owned.end() :]
    return slipped(dressed(phrase, rng), rng) if rng.random() < 0.04 else dressed(phrase, rng)


def varied(phrase: str, rng: np.random.Generator) -> str:
    """Now and then another word for the same, or without the articles inside."""
    if rng.random() < 0.3 and (matches := list(_WAYS.finditer(phrase))):
        one = matches[int(rng.integers(len(matches)))]
        ways = _ONE_WAY.get(one[0], _OTHERS[one[0]])
        phrase = phrase[: one.start()] + ways[int(rng.integers(len(ways)))] + phrase[one.end() :]
    return re.sub(r"(?<=\w )(?:the|a|an) ", "", phrase) if rng.random() < 0.15 else phrase


def as_written(phrase: str, rng: np.random.Generator) -> str:
    """As `varied`, in the form that it has; now and then with a slip of keys."""
    phrase = varied(phrase, rng)
    return slipped(phrase, rng) if rng.random() < 0.04 else phrase


def dressed(noun_phrase: str, rng: np.random.Generator) -> str:
    """A bare phrase in one of the forms that are trained in: without article, with either, or asked for; one in eight
    ends with a full stop."""
    u = rng.random()
    plain = int(np.searchsorted(_PLAIN_UP_TO, u, side="right"))
    pattern = forms.PLAIN[plain] if plain < len(forms.PLAIN) else forms.ASKED[int(rng.integers(len(forms.ASKED)))]
    text = forms.put(pattern, noun_phrase)
    return f"{text}." if rng.random() < 0.125 and not text.endswith("?") else text


def slipped(phrase: str, rng: np.random.Generator) -> str:
    """With one slip of keys inside a word of five letters or more: a letter left out, doubled or swapped."""
    long = [m for m in re.finditer(r"[a-z]{5,}", phrase)]
    if not long:
        return phrase
    word = long[int(rng.integers(len(long)))]
    k = word.start() + int(rng.integers(1, len(word[0]) - 1))
    middle = (phrase[k + 1], phrase[k] * 2 + phrase[k + 1], phrase[k + 1] + phrase[k])[int(rng.integers(3))]
    return phrase[:k] + middle + phrase[k + 2 :]
