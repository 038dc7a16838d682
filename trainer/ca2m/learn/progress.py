"""What a run says of itself while it goes on."""

from __future__ import annotations

import logging
import time

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger("ca2m")


class Progress:
    """A line every half minute: how far, how fast, how well; the same figures go to TensorBoard.

    `d_l1` and `d_giou` are the paper's Fig. 7, `d_hard` and `d_easy` the same of the hardest and easiest quarter.
    """

    def __init__(self, total: int, done: int, every: float = 30.0) -> None:
        self.total, self.first, self.every = total, done, every
        self.began = self.logged = time.monotonic()
        self.mean: Tensor | None = None  # on the device: reading it is waiting for it

    def add(self, parts: dict[str, Tensor], done: int, board: SummaryWriter) -> None:
        """The parts of one step's loss after `done` samples."""
        new = torch.stack([v.detach().float() for v in parts.values()])
        old = new if self.mean is None else self.mean
        self.mean = torch.where(new.isfinite(), 0.98 * old + 0.02 * new, old)
        now = time.monotonic()
        if now - self.logged < self.every and done < self.total:
            return
        self.logged = now
        speed = (done - self.first) / (now - self.began)
        mean = dict(zip(parts, self.mean.tolist(), strict=True))
        for k, x in mean.items():
            board.add_scalar(f"train/{k}", x, done)
        figures = " ".join(f"{k} {x:.3f}" for k, x in mean.items())
        left = (self.total - done) / max(speed, 1e-6) / 60
        log.info("%d of %d samples, %.1f a second, %.0f min left: %s", done, self.total, speed, left, figures)
