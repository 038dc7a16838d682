"""The training loop: resumes exactly, keeps an averaged copy of the weights, and says every half minute how it does."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from ca2m.config import Config, from_dict
from ca2m.data.crew import Crew
from ca2m.data.eyes import Eyes, SwiftEyes
from ca2m.data.loader import Batch, Feed, Look, Samples, batches
from ca2m.learn import begin
from ca2m.learn.loss import Criterion
from ca2m.learn.optim import Anchor, Average, clip, groups, rate, restore
from ca2m.learn.progress import Progress
from ca2m.net import checkpoint
from ca2m.net.network import Net
from ca2m.net.sight import NanoDetSight

log = logging.getLogger("ca2m")


class Task(nn.Module):
    """Network and losses as one module, so that several processes average the gradients of both."""

    def __init__(self, net: Net, criterion: Criterion) -> None:
        super().__init__()
        self.net, self.criterion = net, criterion

    def forward(self, b: Batch, precision: str, counts: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """A piece of a batch and the whole batch's counts (see Criterion) to the piece's loss and its parts."""
        with autocast(precision, b.ids.device):
            said = self.net(b.image, b.ids, b.mask, b.of)
        return self.criterion(said, b.truth, counts)


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
        self.scaler = torch.amp.GradScaler(device.type, enabled=c.run.precision == "fp16")
        self.average = Average(net, c.run.ema)
        self.anchor = Anchor(net, c.run.anchor)
        self.done = 0  # samples seen
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
        if not torch.isfinite(parts["loss"]):
            raise FloatingPointError(
                f"loss is {parts['loss'].item()} after {self.done} samples: lower the rate or resume earlier"
            )
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

    def _backward(self, batch: Batch) -> dict[str, Tensor]:
        """Gradients of the whole batch's loss, piece by piece; the loss and its parts, added up over all processes."""
        counts = self.crew.total(batch.truth.counts())
        pieces, sums = batch.parts(self.c.run.micro_batch), None
        for k, piece in enumerate(pieces):
            # Dropout depends on the step, the process and the piece only, so a resumed run goes on exactly.
            torch.manual_seed((self.c.run.seed * 1_000_003 + self.done) * 1_009 + self.crew.rank + (k << 40))
            with nullcontext() if k + 1 == len(pieces) else self._alone():
                loss, parts = self.task(piece, self.c.run.precision, counts)
                # The crew's gradients are averaged, and the sum is meant.
                self.scaler.scale(loss * self.crew.size).backward()
            told = torch.stack([loss.detach(), *parts.values()])
            sums = told if sums is None else sums + told
        assert sums is not None
        return dict(zip(("loss", *parts), self.crew.total(sums), strict=True))

    def _alone(self) -> AbstractContextManager[None]:
        """Gradients stay in this process until the batch's last piece."""
        together = self.task
        return together.no_sync() if isinstance(together, nn.parallel.DistributedDataParallel) else nullcontext()

    def save(self, path: Path) -> None:
        """Everything that a resume needs, written beside and then moved, so that a kill never leaves half a file."""
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
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on where `save` was called."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        was = from_dict(state["config"], where=str(path))
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
            restore(self.opt, state["opt"])
        except ValueError as cause:
            raise ValueError(f"resume {path}: {cause}; give another --out") from cause
        self.scaler.load_state_dict(state["scaler"])


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Mixed precision where it is asked for."""
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return torch.autocast(device.type, kinds[precision]) if precision in kinds else nullcontext()  # type: ignore[return-value]


def fit(
    c: Config,
    samples: Samples,
    folder: Path,
    sight: Path | None,
    measure: Callable[[Net], dict[str, float]] | None = None,
    *,
    feed: Feed | None = None,
    save_every: float = 180.0,
    measure_every: int = 10_000,
    start: Path | None = None,
    keep: bool = False,
) -> Net:
    """Trains to the end of the run, or goes on from `folder`/last.pt; the averaged network.

    Times are in seconds, `measure_every` in samples.
    sight: the visual encoder's weights for the first start, instead of `run.sight_weights`.
    start: a checkpoint or bundle whose weights are where the training begins (fine-tuning).
    keep: every measured checkpoint stays, as `folder`/at-SAMPLES.pt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    crew = Crew.join()
    device = crew.device()
    torch.manual_seed(c.run.seed)
    last = folder / "last.pt"
    trainer = Trainer(c, begin.network(c, sight, start, last.exists()), device, crew)
    if last.exists():
        trainer.resume(last)
        log.info("resumed %s after %d samples", last, trainer.done)
    board = SummaryWriter(folder / "board") if crew.rank == 0 else None
    progress = Progress(c.run.samples, trainer.done)
    saved, measured = time.monotonic(), trainer.done
    feed = feed or Feed()
    for batch in batches(c, samples, trainer.done, feed, crew, _eyes(c, trainer.net, feed, device)):
        parts = trainer.step(batch)
        due = measure is not None and trainer.done - measured >= measure_every
        if board:
            progress.add(parts, trainer.done, board)
            if time.monotonic() - saved > save_every:
                trainer.save(last)
                saved = time.monotonic()
            if due and measure:
                _measure(trainer, measure, board, folder, keep)
        if due:
            measured = trainer.done
            crew.wait()
    if board:
        trainer.save(last)
        if measure and measured != trainer.done:
            _measure(trainer, measure, board, folder, keep)
        board.close()
    crew.wait()
    return checkpoint.load(last, device)[1]


def _eyes(c: Config, net: Net, feed: Feed, device: torch.device) -> Look | None:
    """A frozen detector works in the loader's processes, where there are some and no GPU does it faster."""
    sight = net.sight
    if not (isinstance(sight, NanoDetSight) and c.run.lr_encoders == 0 and feed.workers and device.type == "cpu"):
        return None
    if c.run.precision == "fp32":
        return SwiftEyes(sight, c.network.image_size)
    return Eyes(sight, autocast(c.run.precision, device))


def _measure(
    trainer: Trainer, measure: Callable[[Net], dict[str, float]], board: SummaryWriter, folder: Path, keep: bool
) -> None:
    """Measures the averaged weights and keeps them under the number of samples, with the curve as a line a time."""
    trainer.save(folder / "last.pt")
    if keep:
        shutil.copyfile(folder / "last.pt", folder / f"at-{trainer.done}.pt")
    _, net = checkpoint.load(folder / "last.pt", trainer.device)
    found = measure(net)
    found |= dict(zip(("sigma_l1", "sigma_giou"), trainer.criterion.paced.sigma.tolist(), strict=True))
    for k, v in found.items():
        board.add_scalar(f"val/{k}", v, trainer.done)
    line = " ".join(f"{k} {v:.3f}" for k, v in found.items())
    log.info("measured after %d samples: %s", trainer.done, line)
    with (folder / "curve.txt").open("a") as f:
        f.write(f"{trainer.done} {line}\n")
