"""Training samples to batches: by number, so that a run goes on exactly, with any number of workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ca2m.config import Config
from ca2m.data.sample import Sample, Samples
from ca2m.learn.crew import Crew
from ca2m.net import words
from ca2m.net.sight import Perceived


@dataclass
class Truth:
    """What is right for each of B samples."""

    box: Tensor  # (B, 4) corner form; anything where not present
    present: Tensor  # (B,) 1 or 0
    noun: Tensor  # (B,) int64: class 0..79, 80 none of these, -1 unknown

    def to(self, device: torch.device) -> Truth:
        return Truth(*(x.to(device, non_blocking=True) for x in (self.box, self.present, self.noun)))

    def pin_memory(self) -> Truth:
        return Truth(self.box.pin_memory(), self.present.pin_memory(), self.noun.pin_memory())

    def split(self, most: int) -> list[Truth]:
        """In pieces of at most `most` samples, in order."""
        return [
            Truth(*piece) for piece in zip(*(x.split(most) for x in (self.box, self.present, self.noun)), strict=True)
        ]

    def counts(self) -> Tensor:
        """(3,) float: samples whose thing is there, samples whose noun is known, samples.

        Every loss is a sum over samples by one of these. Added up over the pieces of a batch, wherever they are, they
        make the gradients of the pieces add up to the gradient of the whole.
        """
        there, known = (self.present > 0).sum(), (self.noun >= 0).sum()
        return torch.stack([there, known, there.new_tensor(len(self.present))]).float()


@dataclass
class Batch:
    """N pictures, B phrases and what is right for each of these."""

    image: Tensor | Perceived  # uint8 (N, S, S, 3) RGB, or what a Look made of it
    of: Tensor  # int64 (B,): the picture of each phrase
    ids: Tensor  # int64 (B, L)
    mask: Tensor  # int64 (B, L)
    truth: Truth

    def to(self, device: torch.device) -> Batch:
        """On the device; from pinned memory without waiting for it."""
        of, ids, mask = (x.to(device, non_blocking=True) for x in (self.of, self.ids, self.mask))
        image = _all(self.image, lambda x: x.to(device, non_blocking=True))
        return Batch(image, of, ids, mask, self.truth.to(device))

    def pin_memory(self) -> Batch:
        """In memory that a GPU reads by itself; torch's loader calls this."""
        of, ids, mask = (x.pin_memory() for x in (self.of, self.ids, self.mask))
        return Batch(_all(self.image, Tensor.pin_memory), of, ids, mask, self.truth.pin_memory())

    def parts(self, most: int) -> list[Batch]:
        """In pieces of at most `most` phrases, in order; 0: in one piece."""
        if not most or most >= len(self.ids):
            return [self]
        pieces = zip(*(x.split(most) for x in (self.of, self.ids, self.mask)), self.truth.split(most), strict=True)
        parts = []
        for of, ids, mask, truth in pieces:
            needed, of = of.unique(return_inverse=True)
            parts.append(Batch(_all(self.image, lambda x, n=needed: x[n]), of, ids, mask, truth))  # type: ignore[misc]
        return parts


def _all(image: Tensor | Perceived, change: Callable[[Tensor], Tensor]) -> Tensor | Perceived:
    """The same change of every tensor in it."""
    if isinstance(image, Tensor):
        return change(image)
    raw, candidates = image
    return [change(x) for x in raw], candidates.each(change)


Look = Callable[[Tensor], Perceived]
"""A frozen visual encoder: pictures uint8 (B, S, S, 3) to what the network goes on with."""


class Collate:
    """Samples to a batch; phrases are tokenised here, and eyes look at the pictures, where given.
    Neighbours with the same pixels share a picture."""

    def __init__(self, name: str, most: int, eyes: Look | None = None) -> None:
        self.tok, self.eyes = words.tokenizer(name, most), eyes

    def __call__(self, samples: list[Sample]) -> Batch:
        new = [k == 0 or s.pixels is not samples[k - 1].pixels for k, s in enumerate(samples)]
        image = torch.from_numpy(np.stack([s.pixels for s, first in zip(samples, new, strict=True) if first]))
        of = torch.tensor(new).cumsum(0) - 1
        ids, mask = words.encode(self.tok, [s.phrase for s in samples])
        box = torch.tensor([s.box or (0.0, 0.0, 1.0, 1.0) for s in samples], dtype=torch.float32)
        present = torch.tensor([float(s.box is not None) for s in samples])
        perceived = self.eyes(image) if self.eyes else image
        return Batch(perceived, of, ids, mask, Truth(box, present, torch.tensor([s.noun for s in samples])))


class Numbered(Dataset[Sample]):
    """The samples from `first` to `end` that fall to one of the crew, as torch's loader wants them."""

    def __init__(self, samples: Samples, first: int, end: int, batch: int, crew: Crew) -> None:
        self.samples, self.first, self.batch, self.crew = samples, first, batch, crew
        self.share = crew.share(batch)
        self.length = (end - first) // batch * self.share

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, k: int) -> Sample:
        step, place = divmod(k, self.share)
        return self.samples.sample(self.first + step * self.batch + self.crew.rank * self.share + place)


@dataclass(frozen=True)
class Feed:
    """How pictures are made beside the network. Changes how fast a run is, never what it learns."""

    workers: int = 1  # processes that make pictures, for each process that learns; 0: it makes them itself
    prefetch: int = 3  # batches that each of them makes ahead
    pin: bool = True  # pinned memory where there is a GPU


def batches(
    c: Config, samples: Samples, first: int, feed: Feed, crew: Crew, eyes: Look | None = None
) -> Iterator[Batch]:
    """This process's share of the batches from sample `first` to the end of the run; whole batches only."""
    cv2.setNumThreads(1)  # workers inherit it; its threads would not outlive the fork, and waiting for them never ends
    loader = DataLoader(
        Numbered(samples, first, c.run.samples, c.run.batch, crew),
        crew.share(c.run.batch),
        collate_fn=Collate(c.network.words, c.network.phrase_len, eyes),
        num_workers=feed.workers,
        prefetch_factor=feed.prefetch if feed.workers else None,
        persistent_workers=feed.workers > 0,
        pin_memory=feed.pin and torch.cuda.is_available(),
        generator=torch.Generator(),  # the network's random numbers are not for the loader
    )
    yield from loader


def speed(c: Config, samples: Samples, feed: Feed, seconds: float) -> float:
    """Pictures a second that the loader alone delivers, its start-up left out; nothing else runs."""
    loaded = iter(batches(c, samples, 0, feed, Crew()))
    for _ in range(1 + feed.workers * feed.prefetch):  # until what was made ahead is used up
        next(loaded)
    began, done = time.perf_counter(), 0
    for batch in loaded:
        done += len(batch.ids)
        if time.perf_counter() - began >= seconds:
            break
    return done / (time.perf_counter() - began)
