"""Where the figures and pictures of a run go: TensorBoard, or a class of one's own (`--logger module:Class`)."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

log = logging.getLogger("ca2m")


class Logger(Protocol):
    """What hears of a run. It is made as Class(folder, config, done): the run's folder, its configuration in nested
    mappings, and the samples that it has seen, above 0 where it goes on. Only the first process has one."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Figures by name, such as `train/loss`, after so many samples. Steps never go back."""

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """uint8 RGB (H, W, 3)."""

    def close(self) -> None:
        """The run is at its end."""


Make = Callable[[Path, dict[str, Any], int], Logger]


class TensorBoard:
    """Writes to the folder `board` of a run."""

    def __init__(self, folder: Path, config: dict[str, Any], done: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # here, since it takes seconds

        # What was written after the last checkpoint of a killed run is hidden: it comes again.
        self.board = SummaryWriter(folder / "board", purge_step=done + 1 if done else None)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """See Logger."""
        for name, x in values.items():
            self.board.add_scalar(name, x, step)

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """See Logger."""
        self.board.add_image(name, pixels, step, dataformats="HWC")

    def close(self) -> None:
        """See Logger."""
        self.board.close()


class Guarded:
    """Another logger, of which no error ends the run: the first is said, and then nothing more is told to it."""

    def __init__(self, inner: Logger, name: str) -> None:
        self.inner: Logger | None = inner
        self.name = name

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """See Logger."""
        self._do(lambda inner: inner.scalars(values, step))

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """See Logger."""
        self._do(lambda inner: inner.picture(name, pixels, step))

    def close(self) -> None:
        """See Logger."""
        self._do(lambda inner: inner.close())

    def _do(self, what: Callable[[Logger], None]) -> None:
        if self.inner is None:
            return
        try:
            what(self.inner)
        except Exception as cause:  # a full disk or a lost network must not cost the run
            self.inner = None
            log.warning("--logger %s: %s: %s; the run goes on without it", self.name, type(cause).__name__, cause)


def named(name: str) -> Make:
    """`tensorboard`, or the class of `module:Class`; the module may lie in the current folder. ValueError where there
    is none such."""
    if name == "tensorboard":
        kind: Any = TensorBoard
    else:
        module, colon, own = name.partition(":")
        if not (module and colon and own):
            raise ValueError(f"--logger {name}: tensorboard or module:Class is meant, e.g. my_loggers:Wandb")
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
        try:
            kind = getattr(importlib.import_module(module), own)
        except (ImportError, AttributeError) as cause:
            raise ValueError(f"--logger {name}: {cause}") from cause
        if lacking := [m for m in ("scalars", "picture", "close") if not callable(getattr(kind, m, None))]:
            raise ValueError(f"--logger {name}: has no {', '.join(lacking)} (see ca2m.learn.loggers.Logger)")

    def make(folder: Path, config: dict[str, Any], done: int) -> Logger:
        try:
            return Guarded(kind(folder, config, done), name)
        except Exception as cause:  # said before the first step, where it costs nothing
            raise ValueError(f"--logger {name}: cannot begin: {type(cause).__name__}: {cause}") from cause

    return make
