"""The words of things: the 80 names of the detector, what people call them, and which words span several of them."""

from __future__ import annotations

import re

from ca2m.language.lexicon import AMBIGUOUS, CLOTHES, HYPONYMS, RIDERS, SUPER, SYNONYMS

_COCO = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,"
    "suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
)
COCO80: tuple[str, ...] = tuple(_COCO.split(","))
"""Class names in the order of NanoDet's outputs."""

INDEX: dict[str, int] = {name: i for i, name in enumerate(COCO80)}
OUTSIDE = len(COCO80)
"""Noun index of a thing whose name is known not to be one of the 80."""
UNKNOWN = -1
"""Noun index when nothing is known about the name."""

PARTS = frozenset((*CLOTHES, "head"))
"""Classes that every person has, though few are labelled."""

_ALIAS = {**dict.fromkeys(RIDERS, "person"), "stove": "oven", "coffee table": "dining table", "oil bottle": "bottle"}
_SPLIT = frozenset({"van", "trash can", "nightstand", "tin can", "cabinet", "salad dressing", "vinaigrette"})
OFTEN_UNLABELLED = frozenset(
    {"person", "chair", "book", "bottle", "cup", "car", "bowl", "potted plant", "handbag", "dining table"}
)
"""Classes that are often in a photo without a label."""

_LOOSE_WORDS = (
    "glass table computer bag stool stove cub model figure board cook speaker plant ball crane ram beetle van"
)
_LOOSE = frozenset(_LOOSE_WORDS.split())
"""Words that often mean something else, too: not enough alone to say the class."""


def _extensions() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Word -> (classes it surely names, classes it may name)."""
    sure: dict[str, set[str]] = {name: {name} for name in COCO80}
    for name, words in SYNONYMS.items():
        for word in (*words, name):
            sure.setdefault(word, set()).add(name)
    for name, members in SUPER.items():
        sure[name] = set(members)
    return {word: (frozenset(own), frozenset(own).union(AMBIGUOUS.get(word, ()))) for word, own in sure.items()}


EXTENSIONS = _extensions()
"""Word -> (classes it surely names, classes it may name); the second holds the first."""


def extension(word: str) -> tuple[frozenset[str], frozenset[str]]:
    """Classes that word surely names, and those it may name; a word never heard names the class of its own name."""
    own = frozenset((word,))
    return EXTENSIONS.get(word, (own, own.union(AMBIGUOUS.get(word, ()))))


def confusable(name: str) -> frozenset[str]:
    """Classes that any word for a class may name, the class itself with them."""
    return frozenset((name,)).union(*(extension(word)[1] for word in (*words_for(name), name)))


def index_of_word(word: str) -> int:
    """As index_of, for the one class that a word surely names; UNKNOWN when it names several."""
    sure = extension(word)[0]
    return index_of(next(iter(sure))) if len(sure) == 1 else UNKNOWN


def index_of(name: str) -> int:
    """Index into COCO80 of a class, of the class that detectors take it for, OUTSIDE, or UNKNOWN when they disagree."""
    if name in _SPLIT:
        return UNKNOWN
    return INDEX.get(_ALIAS.get(name, name), OUTSIDE)


def words_for(name: str) -> tuple[str, ...]:
    """What people say for a class, its own name if nothing else."""
    return SYNONYMS.get(name, (name,))


def _of_word() -> dict[str, str]:
    """Word of a hand-written phrase -> class."""
    by_word = {word: name for name, words in HYPONYMS.items() for word in words.split()}
    by_word |= {word: name for name in COCO80 for word in words_for(name) if " " in word}
    return by_word | {name: name for name in COCO80}


_OF_WORD = _of_word()
_NOT_DOING = (
    "dining|parking|racing|frying|baking|washing|cutting|skating|rolling|rocking|folding|sewing|vending|thing|wing"
)
_CUT = re.compile(
    r"\b(on|in|with|at|of|to|by|near|next|behind|under|above|below|over|between|beside|from|and|that|which|who|whose|"
    r"is|wearing|holding|closest|nearest|furthest|farthest|off|inside|against|along|for|around|across|out|up|down|"
    r"being|just|he|she|they|it|the [a-z]+ is|left of|right of|without|through|into|towards?)\b|,|'s\b|\d|"
    rf"(?<=[a-z] )(?!(?:{_NOT_DOING})\b)[a-z]+ing (?=the|a|an|his|her|its|some)\b"
)
_HUE = "red|blue|green|white|black|yellow|grey|gray|brown|orange|pink|purple|silver|tan|beige|cream"
_TWO_COLOURS = re.compile(rf"\b(?:{_HUE}) and ({_HUE})\b")
_TAIL = re.compile(
    r"\s+(left|right|middle|far|here|there|itself|alone|away|[a-z]+ing|[a-z]{4,}ed|seen|cut|closer|further)$"
)
_NOUN_ING_WORDS = "building ceiling railing awning painting clothing wing ring string king earring swing thing lighting"
_NOUN_ING = frozenset(_NOUN_ING_WORDS.split())
_VAGUE_WORDS = (
    "one thing things object stuff red blue green white black yellow grey gray brown orange pink purple lower upper "
    "top bottom straight part piece other bigger smaller leftmost rightmost left right middle held painted dark light "
    "bunch group pair row pile stack animal vehicle fruit food toy furniture shirt"
)
_VAGUE = frozenset(_VAGUE_WORDS.split())


def head_of(phrase: str) -> str:
    """The last word of what a phrase names before it says more of it: "red car on the left" -> "car"."""
    text = _TWO_COLOURS.sub(r"\1", re.sub(r"^(the|a|an|that|this|his|her)\s+", "", phrase.lower().strip()))
    while (cut := _CUT.search(text)) and cut.group() == "'s":
        text = text[cut.end() :].strip()
    if cut:
        text = text[: cut.start()]
    text = text.strip()
    while (tail := _TAIL.search(text)) and tail.group(1) not in _NOUN_ING:
        text = text[: tail.start()]
    return text


def noun_of(phrase: str) -> int:
    """Index into COCO80 of the class that a hand-written phrase names, or UNKNOWN."""
    last = head_of(phrase).split()
    for size in (2, 1):
        word = " ".join(last[-size:])
        if len(last) >= size and word in _OF_WORD and word not in _LOOSE:
            return INDEX[_OF_WORD[word]]
    return UNKNOWN


def names_other(phrase: str) -> bool:
    """Whether a hand-written phrase plainly names something, and not one of the 80 classes."""
    last = head_of(phrase).split()[-1:]
    return bool(last) and last[0] not in _VAGUE | _LOOSE and last[0] not in _OF_WORD and noun_of(phrase) == UNKNOWN
