"""What a run says of itself while it goes on."""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from ca2m.learn.loggers import Logger

log = logging.getLogger("ca2m")


class Progress:
    """A line every half minute: how far, how fast, how well. The logger hears the same, and rates and memory.

    `d_l1` and `d_giou` are the paper's Fig. 7, `d_hard` and `d_easy` the same of the hardest and easiest quarter.
    """

    def __init__(self, total: int, done: int, every: float = 30.0) -> None:
        self.total, self.first, self.every = total, done, every
        self.began = self.logged = time.monotonic()
        self.logged_at = done
        self.mean: Tensor | None = None  # on the device: reading it is waiting for it

    def add(self, parts: dict[str, Tensor], done: int, logger: Logger, rates: Mapping[str, float]) -> None:
        """The parts of one step's loss after `done` samples, and the learning rate of each group of weights."""
        new = torch.stack([v.detach().float() for v in parts.values()])
        old = new if self.mean is None else self.mean
        self.mean = torch.where(new.isfinite(), 0.98 * old + 0.02 * new, old)
        now = time.monotonic()
        if now - self.logged < self.every and done < self.total:
            return
        speed = (done - self.first) / (now - self.began)
        mean = dict(zip(parts, self.mean.tolist(), strict=True))
        figures = {f"train/{k}": x for k, x in mean.items()} | {f"rate/{k}": x for k, x in rates.items()}
        figures["speed/samples_per_second"] = (done - self.logged_at) / max(now - self.logged, 1e-6)
        logger.scalars(figures | {f"memory/{k}": x for k, x in memory().items()}, done)
        self.logged, self.logged_at = now, done
        losses = " ".join(f"{k} {x:.3f}" for k, x in mean.items())
        left = (self.total - done) / max(speed, 1e-6) / 60
        log.info("%d of %d samples, %.1f a second, %.0f min left: %s", done, self.total, speed, left, losses)


def memory() -> dict[str, float]:
    """The most that this process has used so far, GiB: `process` of the machine's memory, `gpu` of its GPU's."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    used = {"process_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30}
    if torch.cuda.is_available():
        used["gpu_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return used
