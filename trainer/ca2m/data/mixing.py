"""The mixture of training samples: hand-written phrases, rule-written ones and phrases of what is not there."""

from __future__ import annotations

import logging
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ca2m.config import Mix
from ca2m.data import balance, splits
from ca2m.data.absent import Absences, Missing
from ca2m.data.augment import FLIP, PLACED, Pictures
from ca2m.data.coco import Photo
from ca2m.data.handwritten import expression_of, render, side_by_side
from ca2m.data.mosaic import from_photos, gone, rowed, ruled
from ca2m.data.refs import Ref
from ca2m.data.sample import Expression, Sample, draw
from ca2m.data.table import Table
from ca2m.language import forms, names, phrases
from ca2m.language.looks import Pixels
from ca2m.language.meaning import Scene
from ca2m.language.saying import as_written, reword

log = logging.getLogger("ca2m")

GONE = 0.3
"""Share of the pictures with rule-written phrases where one of the two is for what is not there."""


def shares_of(photos: Sequence[Photo]) -> np.ndarray:
    """How often each photo is taken, (len(photos),) with sum 1: a sequence of n frames counts as sqrt(n) photos, and so
    does what a source has beyond its first hundred; otherwise a few kitchens and streets would be most of it."""
    frames = Counter(photo.sequence for photo in photos)
    alone = np.array([1.0 if photo.sequence is None else frames[photo.sequence] ** -0.5 for photo in photos])
    per_source: dict[str, float] = defaultdict(float)
    for photo, weight in zip(photos, alone, strict=True):
        per_source[photo.source] += float(weight)
    weights = alone * np.array([max(100.0, per_source[photo.source]) ** -0.5 for photo in photos])
    return np.asarray(weights / weights.sum())


class Mixer:
    """The training samples by number, two of every picture that it makes: phrases that mean different things of the
    same pixels, or one of them nothing, tell best that the phrase counts, and the encoder sees the picture once.

    A sample depends on the seed and its number only, so that a run goes on where it stopped and workers need not talk.
    Photos of another split than train, or with a phrase of one, are left out in every form.
    """

    def __init__(
        self,
        refs: Sequence[Ref],
        photos: Sequence[Photo],
        side: int,
        seed: int,
        mix: Mix | None = None,
        pictures: Pictures | None = None,
        augment: bool = True,
        flip: float = FLIP,
    ) -> None:
        """flip: share of the pictures that is mirrored with augment."""
        self.side, self.seed, self.augment, self.flip, self.mix = side, seed, augment, flip, mix or Mix()
        self.pictures = pictures or Pictures()
        train, photos = splits.plan(refs, photos, splits.Policy(calibrates=False)).train
        self.photos = {photo.path: photo for photo in photos}
        self.labelled = [photo for photo in photos if photo.things]
        rowing = np.random.default_rng(0)  # which words it takes matters little
        self.rows = [p for p in self.labelled if self.mix.rows and phrases.row(Scene(p.things), rowing)]
        self.shares = np.cumsum(shares_of(self.labelled)) if self.labelled else np.zeros(0)
        self.hand = Table.of(ref for ref in train if ref.box is not None)
        self.missing = Table.of(ref for ref in train if ref.box is None)
        if not self.hand and not self.labelled:
            raise ValueError("mix samples: no train phrases and no labelled photos (check the split keys)")
        if not self.labelled and (self.mix.rows or self.mix.beside):
            log.info("no labelled photos: mix.rows and mix.beside do nothing")
        self.say = reword if self.mix.alike else as_written
        self.hand_shares, self.missing_shares = self._balanced()
        self._of_photo: dict[str, array[int]] = defaultdict(lambda: array("i"))  # places in hand
        for k, ref in enumerate(self.hand):
            self._of_photo[ref.image].append(k)
        of_photo = {path: self.hand.take(np.array(places)) for path, places in self._of_photo.items()}
        args = self.missing, of_photo, self.photos, self.pictures, self.missing_shares, self.mix.alike
        self.absences = Absences(*args)
        self._last: tuple[int, list[Sample]] = -1, []

    def _balanced(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """How often each phrase of hand and of missing is drawn, summed up to 1; None for all alike."""
        if not (self.mix.alike and self.hand and self.missing):
            return None, None
        there, absent = balance.weights([r.phrase for r in self.hand], [r.phrase for r in self.missing])
        return np.cumsum(there / there.sum()), np.cumsum(absent / absent.sum())

    def sample(self, index: int) -> Sample:
        """Sample number index; numbers 2k and 2k + 1 share their pixels."""
        number, place = divmod(index, 2)
        if self._last[0] != number:
            self._last = number, self._two(np.random.default_rng((self.seed, number)))
        return self._last[1][place]

    def _two(self, rng: np.random.Generator) -> list[Sample]:
        u, pairs = rng.random(), 2 * self.mix.absent  # each comes with one that is there
        if self.missing and u < pairs:
            missing = self._missing(rng)
            return self._both(missing.image, missing.expression, rng, missing.true)
        if self.hand and (u < pairs + self.mix.hand - self.mix.absent or not self.labelled):
            ref = self.hand[draw(len(self.hand), self.hand_shares, rng)]
            expression = expression_of(ref, self.photos.get(ref.image), self.pictures.get(ref.image))
            return self._both(ref.image, expression, rng)
        if self.rows and u > 1 - self.mix.rows:
            photos, shares, write = self.rows, None, rowed
        else:
            write = gone if self.mix.alike and rng.random() < GONE else ruled
            photos, shares = self.labelled, self.shares
        samples = from_photos(
            photos, self.pictures, self.side, rng, self.augment, shares, 2, write, self.flip, self.say
        )
        return [samples[0], samples[-1]]

    def _missing(self, rng: np.random.Generator) -> Missing:
        """A phrase for what is not in a photo."""
        beside = self.hand[draw(len(self.hand), self.hand_shares, rng)].phrase if self.hand and self.mix.alike else ""
        fits = len(beside.split()) <= 4 and not PLACED.search(beside.lower())
        return self.absences.draw(rng, forms.bare(beside) if beside and fits else "")

    def _both(self, path: str, first: Expression, rng: np.random.Generator, true: str = "") -> list[Sample]:
        """A phrase and another of the same photo for what is there: hand-written, else by rule, else the same again.
        Where both sides are said alike, every other absent phrase comes with the one that it was made from, `true`, or
        with the one that shares most words with it, so that little but the thing tells them apart."""
        picture, photo = self.pictures.get(path), self.photos.get(path)
        others = [ref for k in self._of_photo.get(path, ()) if (ref := self.hand[k]).phrase.lower() != first.phrase]
        may = bool(self.mix.beside and self.labelled) and _placeless(first)
        apart = may and bool(rng.random() < self.mix.beside)
        if apart:
            others = [ref for ref in others if _placeless(expression_of(ref, photo, picture))]
        if others and first.box is None and self.mix.alike and rng.random() < 0.5:
            others = [max(others, key=lambda ref: (ref.phrase.lower() == true, shared(ref.phrase, first.phrase)))]
        if others:
            second = [expression_of(others[int(rng.integers(len(others)))], photo, picture)]
        else:
            second = ruled(photo.things, picture, rng, 1) if photo and not apart else []
        expressions = [first, *(second or [first])]
        if apart:
            picture, expressions = self._beside(path, picture, expressions, rng)
        return render(expressions, picture, self.side, rng, self.augment, self.flip, self.say)

    def _beside(
        self, path: str, picture: Pixels, expressions: list[Expression], rng: np.random.Generator
    ) -> tuple[Pixels, list[Expression]]:
        """Another photo beside it that lacks what the phrases name, where one is found."""
        for _ in range(20):
            other = self.labelled[int(rng.integers(len(self.labelled)))]
            if other.path != path and all(_lacks(other, s) for s in expressions):
                return side_by_side(picture, expressions, self.pictures.get(other.path), rng)
        return picture, expressions


def shared(one: str, other: str) -> float:
    """Words that two phrases share, as a share of all their words."""
    a, b = ({*forms.bare(phrase).split()} for phrase in (one, other))
    return len(a & b) / len(a | b)


def _placeless(expression: Expression) -> bool:
    """Whether a phrase names a class and no place, so that it stays true when other things come into the picture."""
    return 0 <= expression.noun < names.OUTSIDE and not PLACED.search(expression.phrase)


def _lacks(photo: Photo, expression: Expression) -> bool:
    """Whether the photo surely holds nothing that the phrase may mean. Who names a colour or a relation means more than
    a class, so that a thing without a label hardly matters."""
    name = names.COCO80[expression.noun]
    if not photo.complete and name in names.OFTEN_UNLABELLED and expression.kind not in ("attribute", "relation"):
        return False
    return not {thing.name for thing in photo.things} & names.confusable(name)
