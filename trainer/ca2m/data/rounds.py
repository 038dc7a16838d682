"""Training samples in rounds: every phrase once in each, as epochs are counted; other samples may come between."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ca2m.config import Config
from ca2m.data.augment import FLIP, Pictures
from ca2m.data.coco import Photo
from ca2m.data.handwritten import from_ref
from ca2m.data.mixing import Mixer
from ca2m.data.refs import Ref
from ca2m.data.sample import Sample, Samples
from ca2m.data.table import Table


class Rounds:
    """Samples by number over hand-written phrases; a round's order depends on the seed and on its number only."""

    def __init__(
        self,
        refs: Sequence[Ref],
        photos: Sequence[Photo],
        side: int,
        seed: int,
        augment: bool = True,
        flip: float = FLIP,
    ) -> None:
        """photos: what is labelled in the pictures, where it is known. flip: share of the pictures that is mirrored
        with augment. ValueError when there are no refs."""
        if not refs:
            raise ValueError("no train phrases (check the split keys)")
        self.refs, self.side, self.seed, self.augment, self.flip = Table.of(refs), side, seed, augment, flip
        self.photos = {photo.path: photo for photo in photos}
        self.pictures = Pictures()
        self.order = lru_cache(maxsize=2)(self._order)

    def _order(self, number: int) -> np.ndarray:
        return np.random.default_rng((self.seed, number)).permutation(len(self.refs)).astype(np.int32)

    def sample(self, index: int) -> Sample:
        """Sample number index."""
        number, place = divmod(index, len(self.refs))
        ref = self.refs[int(self.order(number)[place])]
        rng = np.random.default_rng((self.seed, number, place))
        picture = self.pictures.get(ref.image)
        return from_ref(ref, picture, self.photos.get(ref.image), self.side, rng, self.augment, self.flip)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "order"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.order = lru_cache(maxsize=2)(self._order)


class Between:
    """New samples with a share of old ones evenly between them, so that what was known is not forgotten."""

    def __init__(self, new: Samples, old: Samples, share: float) -> None:
        """share: of old samples, 0 to below 1."""
        if not 0 <= share < 1:
            raise ValueError(f"replay {share}: the share of old samples must be at least 0 and below 1")
        self.new, self.old, self.share = new, old, share

    def sample(self, index: int) -> Sample:
        """Sample number index."""
        olds = int(index * self.share)  # that came before
        if int((index + 1) * self.share) > olds:
            return self.old.sample(olds)
        return self.new.sample(index - olds)


def samples_of(c: Config, refs: Sequence[Ref], photos: Sequence[Photo]) -> Samples:
    """A run's training samples: rounds over the phrases where `run.epochs` counts them and there are no photos to
    write about, else the mixture of mixing.Mixer; varied by the recipe of `augment`."""
    side, seed, plain = c.network.image_size, c.run.seed, c.augment.recipe == "plain"
    if c.run.epochs and not photos:
        return varied(c, Rounds(refs, photos, side, seed, augment=plain, flip=c.augment.flip))
    return varied(c, Mixer(refs, photos, side, seed, c.mix, augment=plain, flip=c.augment.flip))


def varied(c: Config, samples: Samples) -> Samples:
    """The samples as the recipe of `augment` wants them; `plain` is of their own making."""
    if c.augment.recipe == "plain":
        return samples
    from ca2m.data.vary import Varied, Vary

    return Varied(samples, Vary(c.augment), c.run.seed)
