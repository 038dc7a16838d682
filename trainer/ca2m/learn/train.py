"""The training loop: resumes exactly, keeps an averaged copy of the weights, and says every half minute how it does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ca2m.config import Config
from ca2m.data.sample import Samples
from ca2m.device import autocast
from ca2m.learn import begin, loggers
from ca2m.learn.crew import Crew
from ca2m.learn.eyes import Eyes, SwiftEyes
from ca2m.learn.loader import Batch, Feed, Look, batches
from ca2m.learn.loggers import Logger
from ca2m.learn.loss import Criterion
from ca2m.learn.optim import Anchor, Average, clip, groups, rate, restore
from ca2m.learn.progress import Progress
from ca2m.net import checkpoint, migrate
from ca2m.net.network import Net
from ca2m.net.sight import NanoDetEncoder

log = logging.getLogger("ca2m")

CHECK = 50  # steps between looks at whether the loss is finite, on a GPU

Measure = Callable[[Net, Crew], dict[str, float]]
"""A network, and the processes that measure together, to figures, the one to be best in first; the same everywhere."""


Draw = Callable[[Net, int], np.ndarray]
"""A network, and the number of a sample, to a picture of this one and some after it."""


class Task(nn.Module):
    """Network and losses as one module, so that several processes average the gradients of both."""

    def __init__(self, net: Net, criterion: Criterion) -> None:
        super().__init__()
        self.net, self.criterion = net, criterion

    def forward(self, b: Batch, precision: str, counts: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """A piece of a batch and the whole batch's counts (see Criterion) to the piece's loss and its parts."""
        with autocast(precision, b.ids.device):
            grounding = self.net(b.image, b.ids, b.mask, b.of)
        return self.criterion(grounding, b.truth, counts)


class Trainer:
    """One run: its network, optimiser and place. `step` is one batch; `save` and `resume` keep everything."""

    def __init__(self, c: Config, net: Net, device: torch.device, crew: Crew | None = None) -> None:
        self.c, self.device, self.crew = c, device, crew or Crew()
        self.net = net.to(device)
        self.criterion = Criterion(c.loss, c.network.grid).to(device)
        self.opt = torch.optim.AdamW(groups(c, net, self.criterion), fused=True)
        self.net.train()  # after groups, which says what is frozen
        self.net.interact.checkpointing = c.run.checkpointing
        self.net.words.attention_dropout = c.run.words_attention_dropout
        if c.run.compile:
            self.net.compile()  # in place, so that weights keep their names; measuring calls its parts as they are
        self.scaler = torch.amp.GradScaler(device.type, enabled=c.run.precision == "fp16")
        self.average = Average(net, c.run.ema)
        self.anchor = Anchor(net, c.run.anchor)
        self.done = 0  # samples seen
        self.lost = torch.full((), -1.0, device=device)  # samples after which the loss first was not finite, else -1
        self.best: dict[str, float] = {}  # the highest first figure that was measured, and after how many samples
        task = Task(self.net, self.criterion)
        self.task: nn.Module = task
        if self.crew.size > 1:
            self.task = nn.parallel.DistributedDataParallel(
                task, forward_sync_buffers=False, find_unused_parameters=True
            )  # a switched-off path leaves its weights without a gradient

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from this process's share of one batch; the parts of the whole batch's loss, the same in every process.

        Neither the number of processes nor `micro_batch` changes what is learnt: losses are sums over counts of the
        whole batch, and so are their gradients.
        """
        c, batch = self.c, batch.to(self.device)
        for g in self.opt.param_groups:
            g["lr"] = g["full"] * rate(c, self.done / c.run.samples)
        self.opt.zero_grad(set_to_none=True)
        parts = self._backward(batch)
        first = ~parts["loss"].isfinite() & (self.lost < 0)
        self.lost = torch.where(first, float(self.done), self.lost)
        if self.device.type == "cpu":
            self.check()
        self.scaler.unscale_(self.opt)
        parts["norm"] = clip(self.net, c.run.clip)
        parts["sigma_l1"], parts["sigma_giou"] = self.criterion.paced.sigma.detach().clone()
        self.anchor.pull(self.opt)
        self.scaler.step(self.opt)
        self.scaler.update()
        self.criterion.paced.bound()
        self.average.update()
        self.done += c.run.batch
        return parts

    def check(self) -> None:
        """FloatingPointError when a loss was not finite. On a GPU this waits for it, and so is not done every step."""
        if (lost := float(self.lost)) >= 0:
            raise FloatingPointError(f"loss is not finite after {lost:.0f} samples: lower the rate or resume earlier")

    def rates(self) -> dict[str, float]:
        """The learning rate of each group of weights, as it was in the last step."""
        return {g["name"]: g["lr"] for g in self.opt.param_groups}

    def draw(self, draw: Draw) -> np.ndarray:
        """The samples that come next, and what the averaged weights answer."""
        with self.average.swapped(), torch.no_grad():
            drawn = draw(self.net, self.done)
        self.net.train()
        return drawn

    def measure(self, figures: Measure) -> dict[str, float]:
        """What `figures` tells of the averaged weights, and both sigmas."""
        with self.average.swapped():
            measured = figures(self.net, self.crew)
        self.net.train()
        return measured | dict(zip(("sigma_l1", "sigma_giou"), self.criterion.paced.sigma.tolist(), strict=True))

    def _backward(self, batch: Batch) -> dict[str, Tensor]:
        """Gradients of the whole batch's loss, piece by piece; the loss and its parts, added up over all processes."""
        counts = self.crew.total(batch.truth.counts())
        pieces, sums = batch.parts(self.c.run.micro_batch), None
        for k, piece in enumerate(pieces):
            # Dropout depends on the step, the process and the piece only, so a resumed run goes on exactly.
            torch.manual_seed((self.c.run.seed * 1_000_003 + self.done) * 1_009 + self.crew.rank + (k << 40))
            with nullcontext() if k + 1 == len(pieces) else self._alone():
                loss, parts = self._losses(piece, counts)
                # The crew's gradients are averaged, and the sum is meant.
                self.scaler.scale(loss * self.crew.size).backward()
            figures = torch.stack([loss.detach(), *parts.values()])
            sums = figures if sums is None else sums + figures
        assert sums is not None
        return dict(zip(("loss", *parts), self.crew.total(sums), strict=True))

    def _losses(self, piece: Batch, counts: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The task; ValueError where it should be compiled and cannot be."""
        if not self.c.run.compile:
            return self.task(piece, self.c.run.precision, counts)  # type: ignore[no-any-return]
        from torch._dynamo.exc import TorchDynamoException

        try:
            return self.task(piece, self.c.run.precision, counts)  # type: ignore[no-any-return]
        except TorchDynamoException as cause:
            why = " ".join(str(cause).split())[:200]
            raise ValueError(f"run.compile: torch.compile fails here: {why}; set it to false") from cause

    def _alone(self) -> AbstractContextManager[None]:
        """Gradients stay in this process until the batch's last piece."""
        together = self.task
        return together.no_sync() if isinstance(together, nn.parallel.DistributedDataParallel) else nullcontext()

    def save(self, path: Path) -> None:
        """Everything that a resume needs, written beside and then moved, so that a kill never leaves half a file."""
        self.check()
        state = {
            "config": self.c.to_dict(),
            "net": checkpoint.trained(self.net),
            "mean": self.average.mean,
            "steps": self.average.steps,
            "anchor": self.anchor.first,
            "criterion": self.criterion.state_dict(),
            "opt": self.opt.state_dict(),
            "scaler": self.scaler.state_dict(),
            "done": self.done,
            "best": self.best,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on where `save` was called."""
        was, state = checkpoint.read(path, self.device)
        begin.check_resume(was, self.c, state["net"], path)
        self.net.load_state_dict(state["net"], strict=False)
        self.net.own_words = any(k.startswith("words.") for k in state["net"])
        for k, v in state["mean"].items():
            self.average.mean[k].copy_(v)
        for k, v in state.get("anchor", {}).items():
            if k in self.anchor.first:
                self.anchor.first[k].copy_(v)
        self.average.steps, self.done = state["steps"], state["done"]
        self.criterion.load_state_dict(state["criterion"])
        self.criterion.paced.bound()  # checkpoints of runs without bounds go on within them
        try:
            restore(self.opt, migrate.in_order(state["opt"], state["mean"], self.average.mean))
        except ValueError as cause:
            raise ValueError(f"resume {path}: {cause}; give another --out") from cause
        self.scaler.load_state_dict(state["scaler"])
        self.best = state.get("best", {})


def fit(
    c: Config,
    samples: Samples,
    folder: Path,
    sight: Path | None,
    measure: Measure | None = None,
    *,
    feed: Feed | None = None,
    save_every: float = 180.0,
    measure_every: int = 10_000,
    start: Path | None = None,
    keep: bool = False,
    logger: loggers.Make = loggers.TensorBoard,
    draw: Draw | None = None,
) -> Net:
    """Trains to the end of the run, or goes on from `folder`/last.pt; the averaged network.

    Times are in seconds, `measure_every` in samples.
    sight: the visual encoder's weights for the first start, instead of `run.sight_weights`.
    measure: called in every process with the averaged weights; where its first figure is the highest so far, the run
    is kept as `folder`/best.pt.
    start: a checkpoint or bundle whose weights are where the training begins (fine-tuning).
    keep: every measured checkpoint stays, as `folder`/at-SAMPLES.pt.
    logger: what hears of the run; the first process makes one.
    draw: makes a picture for the logger at the beginning and at every measurement.
    """
    folder.mkdir(parents=True, exist_ok=True)
    crew = Crew.join()
    device = crew.device(c.run)
    torch.manual_seed(c.run.seed)
    last = folder / "last.pt"
    trainer = Trainer(c, begin.network(c, sight, start, last.exists()), device, crew)
    if last.exists():
        trainer.resume(last)
        log.info("resumed %s after %d samples", last, trainer.done)
    board = logger(folder, c.to_dict(), trainer.done) if crew.rank == 0 else None
    if board and draw:
        board.picture("train/samples", trainer.draw(draw), trainer.done)
    progress = Progress(c.run.samples, trainer.done)
    saved, measured = time.monotonic(), trainer.done
    feed = feed or Feed()
    for step, batch in enumerate(batches(c, samples, trainer.done, feed, crew, _eyes(c, trainer.net, feed, device)), 1):
        parts = trainer.step(batch)
        if step % CHECK == 0:
            trainer.check()  # the loss is the same in every process, and so all of them end
        if board:
            progress.add(parts, trainer.done, board, trainer.rates())
            if time.monotonic() - saved > save_every:
                trainer.save(last)
                saved = time.monotonic()
        if measure and trainer.done // measure_every > (trainer.done - c.run.batch) // measure_every:
            measured = trainer.done
            _measure(trainer, measure, board, folder, keep, draw)
    if measure and measured != trainer.done:
        if board:
            trainer.save(last)  # to measure may take minutes, in which nothing that was learnt may be lost
        _measure(trainer, measure, board, folder, keep, draw)
    if board:
        trainer.save(last)
        board.close()
    crew.wait()
    return checkpoint.load(last, device)[1]


def _eyes(c: Config, net: Net, feed: Feed, device: torch.device) -> Look | None:
    """A frozen detector works in the loader's processes, where there are some and no GPU does it faster."""
    sight = net.sight
    if not (isinstance(sight, NanoDetEncoder) and c.run.lr_encoders == 0 and feed.workers and device.type == "cpu"):
        return None
    if c.run.precision == "fp32":
        return SwiftEyes(sight, c.network.image_size)
    return Eyes(sight, autocast(c.run.precision, device))


def _measure(
    trainer: Trainer, measure: Measure, board: Logger | None, folder: Path, keep: bool, draw: Draw | None
) -> None:
    """Measures in all processes. The first one writes the curve, a line a time, and keeps the best run."""
    trainer.check()
    measured, done = trainer.measure(measure), trainer.done
    first = next(iter(measured.values()))
    is_best = first > trainer.best.get("value", float("-inf"))
    if is_best:
        trainer.best = {"value": first, "done": done}
    if board is None:
        return
    if is_best:
        trainer.save(folder / "best.pt")
    if keep:
        trainer.save(folder / f"at-{done}.pt")
    board.scalars({f"val/{k}": v for k, v in measured.items()}, done)
    if draw:
        board.picture("train/samples", trainer.draw(draw), done)
    line = " ".join(f"{k} {v:.3f}" for k, v in measured.items())
    log.info("measured after %d samples%s: %s", done, ", the best so far" if is_best else "", line)
    with (folder / "curve.txt").open("a") as f:
        f.write(f"{done} {line}\n")
