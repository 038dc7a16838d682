"""Where a network is right and where not: stricter boxes, long phrases, words that relate, and honest probabilities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ca2m.language.looks import COLOURS
from ca2m.language.sides import sides
from ca2m.measure.evaluate import Judged

BINS = 10  # of a reliability diagram, of equal width

_COLOURS = "|".join((*COLOURS, "gray", "golden", "silver", "beige", "tan", "navy", "maroon", "teal", "colou?red"))
_NO_SUPERLATIVE = "west|forest|chest|vest|nest|guest|rest|test|crest|priest|interest|request|harvest|quest"
WORDS = {
    "colour": re.compile(rf"\b(?:{_COLOURS})\b"),
    "ordinal": re.compile(r"\b(?:first|second|third|fourth|fifth|sixth|last|\d+(?:st|nd|rd|th))\b"),
    "relation": re.compile(
        r"\b(?:next to|beside|behind|in front of|in back of|under(?:neath)?|below|beneath|above|over|near(?:by)?|"
        r"between|on top of|inside|closest to|nearest to|facing|holding|wearing|riding|sitting on|leaning on|against|"
        r"with)\b"
    ),
    "superlative": re.compile(rf"\b(?!(?:{_NO_SUPERLATIVE})\b)(?:\w{{2,}}est|\w*most)\b"),
}
"""Kinds of words that say which thing is meant, beside left and right, for which see `sides`."""


def words_of(phrase: str) -> list[str]:
    """Which kinds of telling words a phrase holds: left, right and the keys of WORDS."""
    low = phrase.lower()
    return [*sorted(sides(low)), *(kind for kind, pattern in WORDS.items() if pattern.search(low))]


def breakdown(judged: Sequence[Judged], threshold: float, limits: Sequence[int] = ()) -> dict[str, Any]:
    """What `ca2m eval` tells beside `evaluate.report`. limits: most words of each length but the longest; without, the
    phrases themselves are cut into four parts of about the same number (the paper's Fig. 5 has four, by set)."""
    there = [j for j in judged if j.iou is not None]
    ious = np.array([j.iou for j in there])
    return {
        "acc70": _above(ious, 0.7),
        "acc90": _above(ious, 0.9),
        "lengths": by_length(there, limits),
        "words": by_word(there),
        "presence": presence(judged, threshold),
        "score": reliability([(float(j.pointed.scores[0]), (j.iou or 0) > 0.5) for j in there]),
    }


def _above(ious: np.ndarray, least: float) -> float | None:
    return float((ious > least).mean()) if len(ious) else None


def by_length(there: Sequence[Judged], limits: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Acc@0.5 of phrases of so many words, short to long."""
    counts = np.array([len(j.ref.phrase.split()) for j in there])
    right = np.array([(j.iou or 0) > 0.5 for j in there])
    if not len(counts):
        return []
    cuts = sorted(set(limits) or {int(c) for c in np.quantile(counts, (0.25, 0.5, 0.75), method="inverted_cdf")})
    rows, low = [], 1
    for high in (*cuts, int(counts.max())):
        own = right[(counts >= low) & (counts <= high)]
        if len(own):
            rows.append({"words": [low, high], "n": len(own), "acc50": float(own.mean())})
        low = high + 1
    return rows


def by_word(there: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Acc@0.5 of the phrases that hold each kind of telling word, and of those that hold none."""
    right: dict[str, list[bool]] = {kind: [] for kind in ("left", "right", *WORDS, "none")}
    for j in there:
        for kind in words_of(j.ref.phrase) or ["none"]:
            right[kind].append((j.iou or 0) > 0.5)
    return {k: {"n": len(v), "acc50": float(np.mean(v)) if v else None} for k, v in right.items()}


def presence(judged: Sequence[Judged], threshold: float) -> dict[str, Any]:
    """N-acc and T-acc as gRefCOCO counts them: of phrases without a target, the share that is refused; of those with
    one, the share that is not. And how honest the probability is, with both kinds weighing alike, as it is fitted."""
    pairs = [(j.pointed.present, j.iou is not None) for j in judged]
    absent = [p < threshold for p, is_there in pairs if not is_there]
    there = [p >= threshold for p, is_there in pairs if is_there]
    weights = [1 / max(len(there), 1) if is_there else 1 / max(len(absent), 1) for _, is_there in pairs]
    known = bool(absent) and bool(there)
    return {
        "n_acc": float(np.mean(absent)) if absent else None,
        "t_acc": float(np.mean(there)) if there else None,
        **(reliability(pairs, weights) if known else {"ece": None, "bins": []}),
    }


def reliability(pairs: Sequence[tuple[float, bool]], weights: Sequence[float] | None = None) -> dict[str, Any]:
    """Expected calibration error of (probability, was it so?), and its bins: what was said, what came true, share."""
    if not pairs:
        return {"ece": None, "bins": []}
    predicted, true = np.array([p for p, _ in pairs]), np.array([y for _, y in pairs], float)
    weight = np.ones(len(predicted)) if weights is None else np.array(weights)
    weight = weight / weight.sum()
    at = np.minimum((predicted * BINS).astype(int), BINS - 1)
    rows, error = [], 0.0
    for k in range(BINS):
        own = at == k
        share = float(weight[own].sum())
        if share > 0:
            mean, came = (float(np.average(x[own], weights=weight[own])) for x in (predicted, true))
            rows.append({"from": k / BINS, "n": int(own.sum()), "share": share, "said": mean, "true": came})
            error += share * abs(mean - came)
    return {"ece": error, "bins": rows}
