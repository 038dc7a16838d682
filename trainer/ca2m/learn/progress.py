"""What a run says of itself while it goes on."""

from __future__ import annotations

import logging
import math
import time

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger("ca2m")


class Progress:
    """A line every half minute: how far, how fast, how well; the same figures go to TensorBoard.

    `d_l1` and `d_giou` are the paper's Fig. 7, `d_hard` and `d_easy` the same of the hardest and easiest quarter.
    """

    def __init__(self, total: int, done: int, every: float = 30.0) -> None:
        self.total, self.first, self.every = total, done, every
        self.began = self.told = time.monotonic()
        self.mean: dict[str, float] = {}

    def add(self, parts: dict[str, Tensor], done: int, board: SummaryWriter) -> None:
        """The parts of one step's loss after `done` samples."""
        for k, v in parts.items():
            x = float(v)
            self.mean[k] = 0.98 * self.mean.get(k, x) + 0.02 * x if math.isfinite(x) else self.mean.get(k, 0.0)
        now = time.monotonic()
        if now - self.told < self.every and done < self.total:
            return
        self.told = now
        speed = (done - self.first) / (now - self.began)
        for k, x in self.mean.items():
            board.add_scalar(f"train/{k}", x, done)
        told = " ".join(f"{k} {x:.3f}" for k, x in self.mean.items())
        left = (self.total - done) / max(speed, 1e-6) / 60
        log.info("%d of %d samples, %.1f a second, %.0f min left: %s", done, self.total, speed, left, told)
