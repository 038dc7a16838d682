"""The grammar of the phrase writer: how people word a meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ca2m.language import names
from ca2m.language.meaning import Meaning, Test

_WAYS: dict[str, str] = {
    "side left": (
        "left {n}|left {n}|{n} on the left|{n} on the left|{n} on left|{n} to the left|leftmost {n}|"
        "{n} on the left side|{n} on the left hand side|left-hand {n}|left most {n}|{n} at left|{n} left|"
        "{n}, left|{n} furthest to the left|{n} farthest left|{n} that is on the left|"
        "{n} closest to the left side|left side {n}"
    ),
    "side top": (
        "top {n}|upper {n}|{n} at the top|{n} on top|topmost {n}|highest {n}|{n} at top|uppermost {n}|"
        "{n} that is highest"
    ),
    "side bottom": (
        "bottom {n}|lower {n}|{n} at the bottom|lowest {n}|{n} on the bottom|{n} at bottom|bottommost {n}|"
        "{n} that is lowest"
    ),
    "far left": (
        "{n} on the far left|far left {n}|{n} at the far left|{n} at the left edge|"
        "{n} all the way to the left|{n} on far left|{n} on the very left|very left {n}|{n} furthest left|"
        "leftmost {n}|{n} at the left end"
    ),
    "place left": (
        "{n} on the left|left {n}|{n} on left|{n} on the left side|{n} at the left|{n} in the left half|"
        "{n} on the left of the picture|{n} over on the left|left side {n}"
    ),
    "place top": (
        "{n} at the top|top {n}|{n} in the upper part|upper {n}|{n} near the top|{n} up top|"
        "{n} at the top of the picture"
    ),
    "place bottom": (
        "{n} at the bottom|bottom {n}|{n} in the lower part|lower {n}|{n} near the bottom|"
        "{n} at the bottom of the picture"
    ),
    "place middle": (
        "{n} in the middle|middle {n}|{n} in the center|center {n}|{n} in the centre|"
        "{n} in the middle of the picture|{n} right in the middle"
    ),
    "place left top": (
        "top left {n}|{n} in the top left|{n} in the top left corner|upper left {n}|{n} top left|"
        "{n} in the upper left corner|{n} at the top left|{n} in the upper left"
    ),
    "place left bottom": (
        "bottom left {n}|{n} in the bottom left|{n} in the bottom left corner|lower left {n}|{n} bottom left|"
        "{n} in the lower left corner|{n} at the bottom left|{n} in the lower left"
    ),
    "order left": (
        "{k} {n} from the left|{k} {n} from the left|{k} {n} from left|{n} {k} from the left|"
        "{k} {n} from the left side|{k} {n} counting from the left|{k} {n} in from the left|"
        "{n}, {k} from left"
    ),
    "order top": "{k} {n} from the top|{k} {n} from top|{n} {k} from the top|{k} {n} down",
    "order bottom": "{k} {n} from the bottom|{k} {n} from bottom|{n} {k} from the bottom|{k} {n} up",
    "order middle": (
        "middle {n}|{n} in the middle|{n} in the center|center {n}|{n} in the centre|middle one of the {ns}|"
        "{n} in the middle of the row|{n} between the other {ns}|central {n}"
    ),
    "size biggest": "biggest {n}|largest {n}|big {n}|large {n}|{n} that is biggest|{n} that looks biggest",
    "size smallest": "smallest {n}|small {n}|little {n}|tiniest {n}|{n} that is smallest|{n} that looks smallest",
    "size tallest": "tallest {n}|tall {n}",
    "depth closest": (
        "closest {n}|nearest {n}|{n} closest to us|{n} in front|{n} closest to the camera|front {n}|"
        "{n} in the foreground|{n} nearest the camera|{n} nearest to us|{n} closest to you|{n} in the front|"
        "{n} up front"
    ),
    "depth furthest": (
        "furthest {n}|farthest {n}|{n} in the back|{n} furthest away|{n} in the background|{n} at the back|"
        "{n} furthest from the camera|back {n}|most distant {n}|{n} farthest away|{n} farthest from us|"
        "distant {n}"
    ),
    "tone dark": "dark {n}|darker {n}|darkest {n}|dark colored {n}|{n} that is dark",
    "tone light": "light {n}|lighter {n}|lightest {n}|light colored {n}|bright {n}|pale {n}",
    "relation left of": (
        "{n} to the left of the {o}|{n} left of the {o}|{n} left of {o}|{n} on the left of the {o}|"
        "{n} on the left side of the {o}|{n} just left of the {o}|{n} that is left of the {o}|"
        "{n} directly left of the {o}"
    ),
    "relation above": (
        "{n} above the {o}|{n} over the {o}|{n} higher than the {o}|{n} above {o}|{n} just above the {o}"
    ),
    "relation below": (
        "{n} below the {o}|{n} under the {o}|{n} underneath the {o}|{n} beneath the {o}|{n} below {o}|"
        "{n} lower than the {o}"
    ),
    "relation beside": (
        "{n} next to the {o}|{n} next to the {o}|{n} beside the {o}|{n} by the {o}|{n} near the {o}|"
        "{n} next to {o}|{n} right next to the {o}|{n} close to the {o}|{n} that is next to the {o}|"
        "{n} near {o}"
    ),
    "relation on": "{n} on the {o}|{n} on the {o}|{n} on {o}|{n} on top of the {o}",
    "relation ride": "{n} on the {o}|{n} riding the {o}|{n} on a {o}|{n} riding a {o}|{n} on {o}",
    "relation in": "{n} on the {o}|{n} on the {o}|{n} on a {o}|{n} in the {o}|{n} on {o}",
    "relation covered by": (
        "{n} under the {o}|{n} under an {o}|{n} under {o}|{n} underneath the {o}|{n} beneath the {o}"
    ),
    "relation with": "{n} with the {o}|{n} with a {o}|{n} with {o}|{n} that has the {o}|{n} that has a {o}",
    "relation hold": (
        "{n} with the {o}|{n} with a {o}|{n} holding the {o}|{n} holding a {o}|{n} with {o}|"
        "{n} who has the {o}|{n} carrying the {o}"
    ),
    "relation wear": (
        "{n} with the {o}|{n} with a {o}|{n} wearing the {o}|{n} wearing a {o}|{n} with {o}|{n} in the {o}"
    ),
    "nearest to": (
        "{n} closest to the {o}|{n} nearest to the {o}|{n} nearest the {o}|{n} next to the {o}|"
        "{n} closest to {o}|{n} nearer the {o}"
    ),
    "between": "{n} between the {o} and the {p}|{n} in between the {o} and the {p}|{n} between {o} and {p}",
}
"""What a test means -> wordings; {n} what was said so far, {ns} plural noun, {o} and {p} other nouns, {k} ordinal."""

BARE: dict[str, tuple[str, ...]] = {
    "left": ("left", "left one", "one on the left", "thing on the left", "far left", "leftmost", "left side"),
    "right": ("right", "right one", "one on the right", "thing on the right", "far right", "rightmost", "right side"),
    "top": ("top", "top one", "one on top", "upper one"),
    "bottom": ("bottom", "bottom one", "lower one", "one at the bottom"),
    "middle": ("middle", "middle one", "center", "one in the middle", "center one", "the one in the middle"),
}
"""Whole phrases that name nothing, where all there is to point at is of one kind."""

_MIRROR = {"left": "right", "right": "left"}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_SHORT = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")
_PEOPLE = frozenset({"person", "guy", "human", "individual", "someone"})
_HELD = frozenset({"umbrella", "tennis racket", "baseball bat", "cell phone", "book", "surfboard", "snowboard"})
_WORN = frozenset({"backpack", "tie", "handbag", "baseball glove"})
RIDDEN = frozenset({"bicycle", "motorcycle", "horse", "elephant", "skateboard", "surfboard", "snowboard", "skis"})
_WEARS = (
    "{n} in {c}",
    "{n} in {c}",
    "{n} wearing {c}",
    "{n} in the {c} top",
    "{n} dressed in {c}",
    "{n} with the {c} top",
)


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def say(meaning: Meaning, rng: np.random.Generator) -> str:
    """One of many wordings of a meaning, in lower case."""
    if not meaning.noun:
        return _pick(BARE[meaning.tests[-1].value.removeprefix("far ")], rng)
    text, plural = meaning.noun, _plural(meaning.noun)
    for test in meaning.tests:
        way = _pick(_ways(test, meaning.noun, rng), rng)
        other, _, third = test.other.partition("+")
        ordinal = (_SHORT if rng.random() < 0.25 else _ORDINALS)[max(0, test.count - 1)]
        colour = "gray" if test.value == "grey" and rng.random() < 0.5 else test.value
        text = way.format(n=text, ns=plural, o=other, p=third, k=ordinal, c=colour)
    text = text.replace(" a a", " an a").replace(" a e", " an e").replace(" a u", " an u").replace(" a o", " an o")
    return text if rng.random() < 0.5 else f"the {text}"


def _plural(noun: str) -> str:
    if noun == "person":
        return "people"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _ways(test: Test, noun: str, rng: np.random.Generator) -> Sequence[str]:
    """Wordings of one test; what is said of the left is said of the right, too."""
    if test.what == "colour":
        return (
            _WEARS
            if noun in _PEOPLE
            else ("{c} {n}", "{c} {n}", "{c} {n}", "{c} colored {n}", "{n} that is {c}", "{c} {n}")
        )
    other = names.extension(test.other)[0]
    key = f"{test.what} {test.value}".strip()
    if key == "relation on" and noun in _PEOPLE and other & RIDDEN:
        key = "relation ride"
    if key == "relation with" and other & _HELD:
        key = "relation hold"
    if key == "relation with" and other & _WORN:
        key = "relation wear"
    if test.value.startswith("far "):
        key = test.value
    if key in _WAYS:
        return _WAYS[key].split("|")
    mirrored = " ".join(_MIRROR.get(word, word) for word in key.split())
    return [way.replace("left", "right") for way in _WAYS[mirrored].split("|")]
