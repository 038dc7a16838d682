"""Several refs files in one run, mixed by weight or by temperature instead of merged: which file the next sample comes
from depends on its number only, so that a run that was killed goes on exactly."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from pathlib import Path

import numpy as np

from ca2m.config import Config, DataSet
from ca2m.data import checks, rounds
from ca2m.data.coco import Photo
from ca2m.data.sample import Sample, Samples
from ca2m.data.table import Table

log = logging.getLogger("ca2m")

TWO = 2  # samples in a row from one file: a Mixer's numbers 2k and 2k + 1 share their pixels
FINE = 1 << 40  # parts that shares are counted in, as whole numbers: sums of floats would skip or repeat a sample


def add_refs(p: argparse.ArgumentParser) -> None:
    """The option that names the files."""
    p.add_argument(
        "--refs",
        action="append",
        default=[],
        metavar="FILE[=WEIGHT]",
        help="refs.jsonl, instead of the configuration's data; several are mixed by weight, or by mix.temperature",
    )


@dataclass(frozen=True)
class Files:
    """What several refs files hold."""

    refs: Table  # of all of them, one file after the other
    ends: tuple[int, ...]  # number of the lines up to the end of each file
    data: tuple[DataSet, ...]

    def parts(self, own: Table) -> list[Table]:
        """Some of `refs`, by file."""
        file = np.searchsorted(np.array(self.ends), own.rows, side="right")
        return [own.take(file == k) for k in range(len(self.ends))]

    def samples(self, c: Config, own: Table, photos: Sequence[Photo]) -> Samples:
        """The training samples of a run over own, the train phrases among `refs`. ValueError where a file with a weight
        has none."""
        if len(self.data) == 1:
            return rounds.samples_of(c, own, photos)
        parts = self.parts(own)
        for d, part in zip(self.data, parts, strict=True):
            if d.weight and not part:
                raise ValueError(f"data {d.refs}: has a weight and no train phrases (check the split keys)")
        used = [k for k, part in enumerate(parts) if part]
        shares = shares_of([self.data[k].weight or len(parts[k]) for k in used], c.mix.temperature)
        for k, share in zip(used, shares, strict=True):
            log.info("%s: %.1f %% of the samples, over %d phrases", self.data[k].refs, 100 * share, len(parts[k]))
        seeded = [replace(c, run=replace(c.run, seed=c.run.seed + k)) for k in range(len(parts))]
        return Weighted([rounds.samples_of(seeded[k], parts[k], photos) for k in used], shares)


def chosen(options: Sequence[str], data: Sequence[DataSet]) -> tuple[DataSet, ...]:
    """The files of `--refs`, else those of the configuration. ValueError where there are none, or only some of several
    have a weight."""
    chosen = tuple(map(_data_set, options)) or tuple(data)
    if not chosen:
        raise ValueError("no phrases to train on: give --refs FILE, or `data: [{refs: FILE}]` in the configuration")
    if len(chosen) > 1 and 0 < sum(d.weight > 0 for d in chosen) < len(chosen):
        without = ", ".join(d.refs for d in chosen if not d.weight)
        raise ValueError(f"data: either all files have a weight or none; without one are {without}")
    return chosen


def _data_set(option: str) -> DataSet:
    """FILE or FILE=WEIGHT."""
    path, equals, weight = option.rpartition("=")
    if not equals or Path(option).exists():
        return DataSet(option)
    try:
        return DataSet(path, float(weight))
    except ValueError as cause:
        raise ValueError(f"--refs {option}: {weight!r} is no weight above 0, and there is no such file") from cause


def load(data: Sequence[DataSet], skip_bad: bool = False) -> Files:
    """Reads and checks them all (see checks.load)."""
    tables = [checks.load(d.refs, skip_bad) for d in data]
    refs = tables[0] if len(tables) == 1 else Table.of(chain.from_iterable(tables))
    return Files(refs, tuple(accumulate(map(len, tables))), tuple(data))


def shares_of(weights: Sequence[float], temperature: float) -> list[float]:
    """Shares with sum 1, as the weights to the power of 1 / temperature: above 1 small sets come more often than their
    size says, as in the pre-training of multilingual BERT and T5."""
    raised = np.power(np.array(weights, float), 1 / temperature)
    return [float(share) for share in raised / raised.sum()]


class Weighted:
    """Samples of several sets by number. Each set's are spread evenly, and are its own in their order; so every phrase
    of a set comes once in each of its rounds, however often those come."""

    def __init__(self, sets: Sequence[Samples], shares: Sequence[float]) -> None:
        """shares: above 0, one for each set."""
        self.sets = sets
        self.parts = [max(1, round(share * FINE)) for share in shares]
        self.left = [sum(self.parts[k:]) for k in range(len(self.parts))]

    def place(self, index: int) -> tuple[int, int]:
        """Which set sample number index comes from, and its number there."""
        number, within = divmod(index, TWO)
        for k, (part, left) in enumerate(zip(self.parts, self.left, strict=True)):
            mine = number * part // left  # of this set that came before
            if (number + 1) * part // left > mine:
                return k, mine * TWO + within
            number -= mine
        raise AssertionError("the last set takes what the others leave")

    def sample(self, index: int) -> Sample:
        """Sample number index."""
        k, own = self.place(index)
        return self.sets[k].sample(own)
