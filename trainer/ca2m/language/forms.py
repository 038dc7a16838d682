"""Carrier forms: the ways to ask for one thing, which say nothing of whether it is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_LEADS = (
    "can you see|can you find|can you show me|could you find|do you see|is there|are there|where is|where are|where's|"
    "show me|tell me where|point at|point to|point out|look at|look for|search for|find|select|locate|spot|highlight|"
    "pick out|give me|i mean|i want|i am looking for|um|uh"
)
_LEAD = re.compile(
    rf"(?:please )?(?:{_LEADS}) (?=(?:the|an?|his|her|its|their) )|(?:point at|point to|show me|look at) "
)
_TAIL = re.compile(r"(?: (?:please|here|in this (?:picture|photo|image)|over there))+$")
_ARTICLE = re.compile(r"(?:the|an?) (?=\S)")
_DETERMINED = re.compile(
    r"(?:the|an?|his|hers?|its|their|my|your|our|this|that|these|those|some|any|all|both|each|every|another|no|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|several|many|few|some(?:one|body|thing)|every(?:one|thing)|"
    r"who|what|whoever|whatever|it|he|she|they|in|on|at|to|from|near|next|behind|under|between|above|below|\d+)\b"
)
_HEAD = re.compile(
    r"(.*?)(?: (?:in|on|at|with|without|of|off|to|from|by|for|near|next|nearest|closest|furthest|behind|beside|under|"
    r"over|above|below|between|around|against|across|among|along|through|inside|outside|left|right|and|or|that|who|which|"
    r"whose|is|are|has|not|\w+ing)\b.*)?$"
)
_PLURAL = re.compile(r"(?:people|men|women|children|guys|feet|teeth|geese|sheep|fish|\w*[^suai]s)$")


def bare(phrase: str) -> str:
    """A phrase in lower case without what carries it: a request around it, its article, its last sign. An article stays
    where the rest would not bear another, as in "the one on the left"."""
    low = phrase.lower().strip().rstrip(".?!").strip()
    low = _TAIL.sub("", low[m.end() :] if (m := _LEAD.match(low)) else low)
    rest = _ARTICLE.sub("", low, count=1) if _ARTICLE.match(low) else low
    return (rest if fits(rest) else low) or phrase.lower().strip()


def fits(noun_phrase: str) -> bool:
    """Whether a bare phrase may stand behind an article: "red cup" may, "his hat", "two dogs" and "left" may not."""
    return not _DETERMINED.match(noun_phrase) and noun_phrase not in ("left", "right", "middle", "center", "centre")


def is_one(noun_phrase: str) -> bool:
    """Whether a bare phrase may stand behind "a": its noun is no plural, as far as its letters tell."""
    return fits(noun_phrase) and not _PLURAL.search(head[1] if (head := _HEAD.match(noun_phrase)) else noun_phrase)


def put(pattern: str, noun_phrase: str) -> str:
    """A bare phrase in the place of {bare}, {the} or {a} of a pattern; without the article where it bears none."""
    the = f"the {noun_phrase}" if fits(noun_phrase) else noun_phrase
    one = f"{'an' if noun_phrase[0] in 'aeiou' else 'a'} {noun_phrase}" if is_one(noun_phrase) else noun_phrase
    return pattern.format(bare=noun_phrase, the=the, a=one)


@dataclass(frozen=True)
class Form:
    """One way to ask."""

    name: str
    pattern: str  # see `put`
    letters: Literal["as they are", "first large", "all large"] = "as they are"

    def of(self, phrase: str) -> str:
        """The phrase, however it was said, in this form."""
        text = put(self.pattern, bare(phrase))
        if self.letters == "all large":
            return text.upper()
        return text[0].upper() + text[1:] if self.letters == "first large" else text


MEASURED = (
    Form("bare", "{bare}"),
    Form("the ...", "{the}"),
    Form("a/an ...", "{a}"),
    Form("find the ...", "find {the}"),
    Form("where is the ...?", "where is {the}?"),
    Form("point at a ...", "point at {a}"),
    Form("show me the ... please", "show me {the} please"),
    Form("The ... .", "{the}.", "first large"),
    Form("ALL CAPITALS", "{the}", "all large"),
    Form("can you see a ... here", "can you see {a} here"),
)
"""What `ca2m eval --forms` asks in."""

UNTRAINED = ("where is the ...?", "can you see a ... here")
"""Those of MEASURED that no training phrase is put in: nothing below begins with "where" or "can you see"."""

PLAIN = ("{bare}", "{the}", "{a}")
ASKED = (
    "find {the}",
    "find {a}",
    "point at {the}",
    "point at {a}",
    "point to {the}",
    "show me {the}",
    "show me {the} please",
    "show me {a} please",
    "look for {a}",
    "look at {the}",
    "please find {the}",
    "select {the}",
    "i am looking for {a}",
    "i want {the}",
    "give me {the}",
    "which one is {the}?",
    "is there {a}?",
    "is there {a} in this picture?",
    "do you see {the}?",
    "could you find {a}?",
    "um {the}",
    "{the} please",
    "{a} please",
    "{the} in this picture",
)
"""What training phrases are put in, plain ones more often: see saying.reword."""
