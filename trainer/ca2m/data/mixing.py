"""The mixture of training samples: hand-written phrases, rule-written ones and phrases of what is not there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ca2m.config import Mix
from ca2m.data.augment import Pictures
from ca2m.data.refs import Photo, Ref
from ca2m.data.scenes import Said, Sample, absent, from_photos, hold_out, ruled, said_of, told


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
    Photos of the val split, or with a val phrase, are left out in every form.
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
    ) -> None:
        self.side, self.seed, self.augment, self.mix = side, seed, augment, mix or Mix()
        self.pictures = pictures or Pictures()
        photos = [photo for photo in hold_out(photos, refs) if photo.split == "train"]
        kept = {ref.image for ref in refs if ref.split != "train"}
        self.photos = {photo.path: photo for photo in photos}
        self.labelled = [photo for photo in photos if photo.things]
        self.shares = np.cumsum(shares_of(self.labelled)) if self.labelled else np.zeros(0)
        train = [ref for ref in refs if ref.split == "train" and ref.image not in kept]
        self.hand = [ref for ref in train if ref.box is not None]
        self.missing = [ref for ref in train if ref.box is None]
        if not self.hand and not self.labelled:
            raise ValueError("mix samples: no train phrases and no labelled photos (check the split keys)")
        self._of_photo: dict[str, list[Ref]] = defaultdict(list)
        for ref in self.hand:
            self._of_photo[ref.image].append(ref)
        self._last: tuple[int, list[Sample]] = -1, []

    def sample(self, index: int) -> Sample:
        """Sample number index; numbers 2k and 2k + 1 share their pixels."""
        number, place = divmod(index, 2)
        if self._last[0] != number:
            self._last = number, self._two(np.random.default_rng((self.seed, number)))
        return self._last[1][place]

    def _two(self, rng: np.random.Generator) -> list[Sample]:
        u, gone = rng.random(), 2 * self.mix.absent  # each comes with one that is there
        if self.missing and u < gone:
            return self._both(*absent(self.missing, self.hand, self.photos, self.pictures, rng), rng)
        if self.hand and (u < gone + self.mix.hand - self.mix.absent or not self.labelled):
            ref = self.hand[int(rng.integers(len(self.hand)))]
            said = said_of(ref, self.photos.get(ref.image), self.pictures.get(ref.image))
            return self._both(ref.image, said, rng)
        found = from_photos(self.labelled, self.pictures, self.side, rng, self.augment, self.shares, most=2)
        return [found[0], found[-1]]

    def _both(self, path: str, first: Said, rng: np.random.Generator) -> list[Sample]:
        """A phrase and another of the same photo for what is there: hand-written, else by rule, else the same again."""
        picture, photo = self.pictures.get(path), self.photos.get(path)
        others = [ref for ref in self._of_photo.get(path, ()) if ref.phrase.lower() != first.phrase]
        if others:
            second = [said_of(others[int(rng.integers(len(others)))], photo, picture)]
        else:
            second = ruled(photo.things, picture, rng, 1) if photo else []
        return told([first, *(second or [first])], picture, self.side, rng, self.augment)
