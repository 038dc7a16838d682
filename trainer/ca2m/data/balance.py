"""Weights under which words say less of whether a thing is there: what is mostly said of absent things is drawn less
among these and more among the others, and the other way round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ca2m.language import forms

LEAST = 12
"""Phrases on each side that hold a word which is balanced."""

MOST = 5.0
"""How much more, or less, than the average a phrase would be drawn at most if words were to say nothing."""

PART = 0.5
"""How far weights go on the way there, in logarithms. All the way, nothing is left of what words rightly tell: that
people ask in vain for what is nearly there, a coat of another colour, and hardly ever for "the left one"."""


def traits(phrase: str) -> set[str]:
    """What may tell by style: the words of the bare phrase, and how many there are."""
    words = forms.bare(phrase).split()
    return {*words, f"#{min(len(words), 9)}"}


def weights(there: Sequence[str], absent: Sequence[str], rounds: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Of phrases for what is there and what is absent, how often each is drawn; the mean is 1.

    Iterative proportional fitting, of which PART is taken: in each round every phrase is weighed by how far the share
    of each of its traits is from a mean of both sides' shares, one that is nearer to what is there: that is what boxes
    are learnt from."""
    own = [[traits(p) for p in side] for side in (there, absent)]
    counted = [Counter(t for own_traits in side for t in own_traits) for side in own]
    both = sorted(t for t in counted[0] if min(counted[0][t], counted[1][t]) >= LEAST)
    number = {t: k for k, t in enumerate(both)}
    rows = [_rows(side, number) for side in own]
    logs = [np.zeros(len(side)) for side in own]
    for _ in range(rounds if both else 0):
        shares = [_shares(log, row, len(both)) for log, row in zip(logs, rows, strict=True)]
        wanted = shares[0] ** 0.7 * shares[1] ** 0.3
        for k, (of, which) in enumerate(rows):
            step = np.bincount(of, 0.3 * np.log(wanted / shares[k])[which], len(logs[k]))
            logs[k] = np.clip(logs[k] + step, -np.log(MOST), np.log(MOST))
            logs[k] -= np.log(np.exp(logs[k]).mean()) if len(logs[k]) else 0.0
    first, second = (np.exp(PART * log) for log in logs)
    return _even(first), _even(second)


def _even(weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights / weights.mean()) if len(weights) else weights


def _rows(side: Sequence[set[str]], number: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Each occurrence of a balanced trait: in which phrase, and which trait."""
    pairs = [(k, number[t]) for k, held in enumerate(side) for t in sorted(held) if t in number]
    of, which = np.array(pairs, np.int64).reshape(-1, 2).T
    return of, which


def _shares(log: np.ndarray, row: tuple[np.ndarray, np.ndarray], count: int) -> np.ndarray:
    """Share of the weight that phrases with each trait have."""
    of, which = row
    weight = np.exp(log)
    return np.asarray(np.bincount(which, weight[of], count) / weight.sum())
