"""Left and right in a phrase: which words name a side of the picture, and what the phrase is of the mirrored picture.

"left" and "right" are sides ("left dog", "man left in front"), but "left" may be the verb ("left behind by his
friends") and "right" may mean exactly ("right next to the dog") or correct. Where one cannot tell, the phrase has no
mirror.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

_SIDE = re.compile(
    r"\b(?:(?P<left>left)|right)(?P<rest>(?:(?![- ]side[- ]up)[- ]?(?:most|hand(?:ed|er)?|side|wards?|er|y|ie))?(?!\w))"
    r"|\b(?:(?P<short_left>lft|lef|leff|lfet|letf|lhs)|(?:rt|rgt|rght|rigth|rihgt|righ|rhs))\b"
    r"|(?P<letter>\b(?:on|at|to|far|top|bottom|upper|lower|front|back) (?:the )?(?:(?P<l>l)|r)(?=$|[,.;]))"
)
"""Words that may name a side, misspelt and shortened ones among them."""

_SHORT = {"lft": "rt", "rt": "lft", "lhs": "rhs", "rhs": "lhs"}
"""Short ways that have a partner; misspelt words become the right word for the other side."""

_TURNS = {
    "clockwise": "counterclockwise",
    "counterclockwise": "clockwise",
    "counter-clockwise": "clockwise",
    "anticlockwise": "clockwise",
    "anti-clockwise": "clockwise",
}
_HOURS = ("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_TURN = re.compile(r"\b(?:(?:counter|anti)-?)?clockwise\b")
_HOUR = re.compile(rf"\b(?:(?P<word>{'|'.join(_HOURS)})|(?P<digits>1[0-2]|[1-9])) ?(?=o ?['’`]? ?clock\b)")

_UNSURE = re.compile(
    r"\b(?:[lr]|lt|east|west|(?:north|south)[- ]?(?:east|west)|starboard|port side|near ?side|off ?side|"
    r"(?:driver|passenger)'?s?'? side)\b"
)
"""Sides that do not go over to the other by one word, or that may be none."""

_ORDINAL = re.compile(
    r"\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|\d+(?:st|nd|rd|th))\b"
)
_ORDER = re.compile(
    r"\bfrom (?:the )?(?:top|bottom|front|back|camera|ground)|\b(?:rows?|shelf|floor|closest|nearest|furthest|lowest|"
    r"highest|largest|biggest|smallest|tallest)\b"
)
"""What an ordinal may count by, other than from left to right."""


class _Says(Enum):
    SIDE, OTHER, UNSURE = range(3)


_THE = r"(?:the|an?|his|her|their|its|my|your|this|that|these|those)\b"
_PART = r"(?:hand|arm|foot|leg|knee|eye|ear|shoulder|wing|paw|shoe|boot|glove|sleeve|finger|thumb|cheek|side)s?\b"
_PLACE = (
    r"(?:\b(?:the|far|on|at|to|from|top|bottom|upper|lower|middle|cent(?:er|re)|front|back|furthest|farthest|further|"
    r"extreme|very|his|her|its|their|my|your)|'s|s')$"
)
_NEAR = r"(?:in (?:the )?(?:foreground|background|front|back)|behind|above|below|beneath|front|back)\b"
_EXACT = (
    r"(?:next\b|beside|by|near|against|between|among|alongside|through|across|up|out|outside|inside|into|onto|off|past|"
    r"around|after|on top|in the (?:middle|cent)|in between)\b|in the (?:middle|cent)"
)

_RULES: tuple[tuple[str, str, str, _Says], ...] = (
    # side or either; what stands before it; what stands after it; what it says. The first that fits decides.
    ("right", "", r"(?:way|side)[- ]up\b|angle|of[- ]way\b|now\b|away\b|here\b|there\b", _Says.OTHER),
    ("right", r"\ball$", "", _Says.UNSURE),
    ("left", "", rf"-?overs?\b(?! {_THE})|behind by\b", _Says.OTHER),
    ("left", "", r"(?:luggage|alone|out|open|unattended|untouched)\b", _Says.UNSURE),
    ("left", r"\b(?:what|all that)(?:'?s| is| was)$", "", _Says.OTHER),
    ("either", _PLACE, "", _Says.SIDE),
    ("either", "", rf"of\b|{_PART}|(?:to|and|or|&|/) ?(?:the )?(?:left|right)\b", _Says.SIDE),
    ("left", r"\b(?:has|have|had|having|who|already)(?: (?:just|already|all))?$", "", _Says.OTHER),
    ("left", r"\b(?:is|are|was|were|be|been|being|gets?|got|getting|it|he|she|they|that|which)$", "", _Says.UNSURE),
    ("left", r"\b(?:only|last|remaining|still|no|any|some|more|much|few|little|nothing)\b.*$", r"$", _Says.UNSURE),
    ("left", r"^$", "", _Says.SIDE),
    ("left", "", rf"(?:behind|beneath|below|in front of) {_THE}", _Says.UNSURE),
    ("left", "", _NEAR, _Says.SIDE),
    ("left", "", r"(?:to|for|in|on|at|by|with|under|over|near|beside|next|inside|outside|off)\b", _Says.UNSURE),
    ("left", "", r"(?:there|here|standing|hanging|lying|sitting|running|closed|empty)\b", _Says.UNSURE),
    ("right", r"(?:ing|ed)$", r"(?:across|through|up|out|into|onto|off|past|around|down|along)\b", _Says.UNSURE),
    ("right", "", _EXACT, _Says.OTHER),
    ("right", "", r"in front of\b", _Says.OTHER),
    ("right", "", rf"(?:behind|above|below|under|underneath|beneath|over) {_THE}", _Says.OTHER),
    ("right", r"^$", r"(?:in|with)\b(?! front| back)", _Says.SIDE),
    ("right", "", r"(?:behind|above|below|under|underneath|beneath|over|in|on|at|along|down|before)\b", _Says.UNSURE),
)


def _says(phrase: str, word: re.Match[str]) -> _Says:
    """What a match of _SIDE says where it stands."""
    if word["rest"] or not (word["left"] or word[0].startswith("right")) or word["letter"]:
        return _Says.SIDE  # "leftmost", "lhs"
    side = "left" if word["left"] else "right"
    before, after = phrase[: word.start()].rstrip(" ,"), phrase[word.end() :].lstrip()
    for of, earlier, later, says in _RULES:
        if of in (side, "either") and re.search(earlier, before) and re.match(later, after):
            return says
    return _Says.SIDE


def _is_left(word: re.Match[str]) -> bool:
    return bool(word["left"] or word["short_left"] or word["l"])


def _sided(phrase: str) -> Iterator[re.Match[str]]:
    return (word for word in _SIDE.finditer(phrase) if _says(phrase, word) is _Says.SIDE)


def sides(phrase: str) -> set[str]:
    """Which of left and right a lower-case phrase names as sides ("right next to" and "has left" name none)."""
    return {"left" if _is_left(word) else "right" for word in _sided(phrase)}


def mirrored(phrase: str) -> str | None:
    """The lower-case phrase that says of the mirrored picture what phrase says of the picture; None where that is not
    sure, so that the picture had better stay as it is."""
    words = list(_SIDE.finditer(phrase))
    says = [_says(phrase, word) for word in words]
    if _Says.UNSURE in says:
        return None
    sided = [word for word, kind in zip(words, says, strict=True) if kind is _Says.SIDE]
    letters = {word.end() for word in sided if word["letter"]}
    if any(match.end() not in letters for match in _UNSURE.finditer(phrase)):
        return None
    if _ORDINAL.search(phrase) and not sided and not _ORDER.search(phrase):
        return None
    changes = [(word.start(), word.end(), _other(word)) for word in sided]
    changes += [(m.start(), m.end(), _TURNS[m[0]]) for m in _TURN.finditer(phrase)]
    changes += [(m.start(), m.end(), _other_hour(m)) for m in _HOUR.finditer(phrase)]
    for start, end, other in sorted(changes, reverse=True):
        phrase = phrase[:start] + other + phrase[end:]
    return phrase


def _other(word: re.Match[str]) -> str:
    """The same word for the other side."""
    if word["letter"]:
        return word[0][:-1] + ("r" if word["l"] else "l")
    if word[0] in _SHORT:
        return _SHORT[word[0]]
    return ("right" if _is_left(word) else "left") + (word["rest"] or "")


def _other_hour(hour: re.Match[str]) -> str:
    """Nine for three, six for six; the spaces after it stay."""
    number = int(hour["digits"]) if hour["digits"] else _HOURS.index(hour["word"])
    other = -number % 12
    text = hour["word"] or hour["digits"]
    return hour[0].replace(text, _HOURS[other] if hour["word"] else str(other or 12), 1)
