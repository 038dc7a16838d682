"""The training loop: resumes exactly, keeps an averaged copy of the weights, and says every half minute how it does."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter

from ca2m import words
from ca2m.config import Config, from_dict
from ca2m.loss import Criterion, Truth
from ca2m.network import Net, build
from ca2m.scenes import Sample

log = logging.getLogger("ca2m")


class Samples(Protocol):
    """Training samples by number: the same number is the same sample, in every process and after every resume."""

    def sample(self, index: int) -> Sample: ...


@dataclass
class Batch:
    image: Tensor  # uint8 (B, S, S, 3) RGB
    ids: Tensor  # int64 (B, L)
    mask: Tensor  # int64 (B, L)
    truth: Truth

    def to(self, device: torch.device) -> Batch:
        return Batch(self.image.to(device), self.ids.to(device), self.mask.to(device), self.truth.to(device))


class Collate:
    """Samples to a batch; phrases are tokenised here."""

    def __init__(self, name: str, most: int) -> None:
        self.tok = words.tokenizer(name, most)

    def __call__(self, samples: list[Sample]) -> Batch:
        image = torch.from_numpy(np.stack([s.pixels for s in samples]))
        ids, mask = words.encode(self.tok, [s.phrase for s in samples])
        box = torch.tensor([s.box or (0.0, 0.0, 1.0, 1.0) for s in samples], dtype=torch.float32)
        present = torch.tensor([float(s.box is not None) for s in samples])
        return Batch(image, ids, mask, Truth(box, present, torch.tensor([s.noun for s in samples])))


@dataclass(frozen=True)
class Crew:
    """The processes of one run (torchrun's); each takes its share of every batch."""

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> Crew:
        """Meets the others where torchrun started several."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size > 1 and not dist.is_initialized():
            gpus, here = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
            if 0 < gpus < here:
                raise ValueError(f"{here} processes and {gpus} GPUs: start torchrun with --nproc-per-node {gpus}")
            dist.init_process_group("nccl" if gpus else "gloo", timeout=timedelta(minutes=30))
        return cls(int(os.environ.get("RANK", "0")), size)

    def device(self) -> torch.device:
        """This process's own GPU, or the processor."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        return torch.device("cuda", torch.cuda.current_device())

    def wait(self) -> None:
        if self.size > 1:
            dist.barrier()


class Numbered(Dataset[Sample]):
    """The samples from `first` to `end` that fall to one of the crew, as torch's loader wants them."""

    def __init__(self, samples: Samples, first: int, end: int, batch: int, crew: Crew) -> None:
        self.samples, self.first, self.batch, self.crew = samples, first, batch, crew
        self.share = batch // crew.size
        self.length = (end - first) // batch * self.share

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, k: int) -> Sample:
        step, place = divmod(k, self.share)
        return self.samples.sample(self.first + step * self.batch + self.crew.rank * self.share + place)


def batches(c: Config, samples: Samples, first: int, workers: int, crew: Crew) -> Iterator[Batch]:
    """This process's share of the batches from sample `first` to the end of the run; whole batches only."""
    if c.run.batch % crew.size:
        raise ValueError(f"batch {c.run.batch} does not divide among {crew.size} processes")
    loader = DataLoader(
        Numbered(samples, first, c.run.samples, c.run.batch, crew),
        c.run.batch // crew.size,
        collate_fn=Collate(c.network.words, c.network.phrase_len),
        num_workers=workers,
        prefetch_factor=3 if workers else None,
        worker_init_fn=_alone,
        generator=torch.Generator(),  # the network's random numbers are not for the loader
    )
    yield from loader


def _alone(_: int) -> None:
    """A worker keeps to one thread; the others are the network's."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def rate(c: Config, done: float) -> float:
    """The learning rate as a share of the full one, at `done` 0..1 of the run."""
    r = c.run
    warm = min(1.0, (done * r.samples / r.batch + 1) / max(r.warmup, 1))
    if done < r.drop_at:
        return warm
    if r.drop == "step":
        return 0.1
    return warm * (0.05 + 0.95 * (1 - done) / (1 - r.drop_at))


def groups(c: Config, net: Net, criterion: nn.Module) -> list[dict[str, Any]]:
    """AdamW groups: both encoders, the sigmas, and the rest, each with its own rate."""
    r = c.run
    encoders = [*net.words.parameters(), *(p for n, p in net.sight.named_parameters() if n.startswith("body."))]
    for p in encoders:
        p.requires_grad_(r.lr_encoders > 0)
    known = {id(p) for p in encoders}
    rest = [p for p in net.parameters() if id(p) not in known]
    found = [
        {"params": rest, "lr": r.lr, "weight_decay": r.weight_decay},
        {"params": list(criterion.parameters()), "lr": r.lr_sigma, "weight_decay": 0.0},
    ]
    if r.lr_encoders > 0:
        found.append({"params": encoders, "lr": r.lr_encoders, "weight_decay": r.weight_decay})
    for g in found:
        g["full"] = g["lr"]
    return found


class Average:
    """An exponential moving average of the trained weights; `weights()` swaps it in for a while."""

    def __init__(self, net: nn.Module, keep: float) -> None:
        self.keep, self.steps = keep, 0
        self.live = {k: p for k, p in net.named_parameters() if p.requires_grad}
        self.mean = {k: p.detach().clone() for k, p in self.live.items()}

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        keep = min(self.keep, 1 - 1 / (self.steps + 1)) if self.keep else 0.0
        for k, p in self.live.items():
            self.mean[k].lerp_(p, 1 - keep)


class Task(nn.Module):
    """Network and losses as one module, so that several processes average the gradients of both."""

    def __init__(self, net: Net, criterion: Criterion) -> None:
        super().__init__()
        self.net, self.criterion = net, criterion

    def forward(self, b: Batch, kept: Tensor | None, precision: str) -> tuple[Tensor, dict[str, Tensor]]:
        with autocast(precision, b.image.device):
            said = self.net(b.image, b.ids, b.mask, kept)
        return self.criterion(said, b.truth, kept)


class Trainer:
    """One run: its network, optimiser and place. `step` is one batch; `save` and `resume` keep everything."""

    def __init__(self, c: Config, net: Net, device: torch.device, crew: Crew | None = None) -> None:
        self.c, self.device, self.crew = c, device, crew or Crew()
        self.net = net.to(device)
        self.criterion = Criterion(c.loss, c.network.grid).to(device)
        self.opt = torch.optim.AdamW(groups(c, net, self.criterion))
        self.net.train()  # after groups, which says what is frozen
        self.scaler = torch.amp.GradScaler(device.type, enabled=c.run.precision == "fp16")
        self.average = Average(net, c.run.ema)
        self.done = 0  # samples seen
        task = Task(self.net, self.criterion)
        self.task: nn.Module = task
        if self.crew.size > 1:
            self.task = nn.parallel.DistributedDataParallel(
                task, forward_sync_buffers=False, find_unused_parameters=True
            )  # a switched-off path leaves its weights without a gradient

    def kept(self, step: int) -> Tensor | None:
        """The visual tokens that a step looks at: all, or a random share early in the run."""
        r, tokens = self.c.run, self.c.network.grid**2
        if r.tokens >= 1 or self.done >= r.tokens_until * r.samples:
            return None
        chosen = torch.randperm(tokens, generator=torch.Generator().manual_seed(r.seed * 1_000_003 + step))
        return chosen[: int(tokens * r.tokens)].sort().values.to(self.device)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from one batch; the parts of its loss."""
        c, batch = self.c, batch.to(self.device)
        # A step's dropout depends on its number and process only, so a resumed run goes on exactly.
        torch.manual_seed((c.run.seed * 1_000_003 + self.done) * 1_009 + self.crew.rank)
        for g in self.opt.param_groups:
            g["lr"] = g["full"] * rate(c, self.done / c.run.samples)
        kept = self.kept(self.done // c.run.batch)
        loss, parts = self.task(batch, kept, c.run.precision)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"loss is {loss.item()} after {self.done} samples: lower the rate or resume earlier"
            )
        self.opt.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.opt)
        parts["norm"] = nn.utils.clip_grad_norm_(self.net.parameters(), c.run.clip)
        self.scaler.step(self.opt)
        self.scaler.update()
        self.average.update()
        self.done += c.run.batch
        return {"loss": loss.detach(), **parts}

    def save(self, path: Path) -> None:
        """Everything that a resume needs, written beside and then moved, so that a kill never leaves half a file."""
        state = {
            "config": self.c.to_dict(),
            "net": trained(self.net),
            "mean": self.average.mean,
            "steps": self.average.steps,
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
        if from_dict(state["config"], where=str(path)).network != self.c.network:
            raise ValueError(f"resume {path}: it is of another network; give another --out or its own --config")
        self.net.load_state_dict(state["net"], strict=False)
        for k, v in state["mean"].items():
            self.average.mean[k].copy_(v)
        self.average.steps, self.done = state["steps"], state["done"]
        self.criterion.load_state_dict(state["criterion"])
        self.opt.load_state_dict(state["opt"])
        self.scaler.load_state_dict(state["scaler"])


def trained(net: Net) -> dict[str, Tensor]:
    """The network's state without the linguistic encoder where that is frozen: it is a package of its own."""
    frozen = not any(p.requires_grad for p in net.words.parameters())
    return {k: v for k, v in net.state_dict().items() if not (frozen and k.startswith("words."))}


def load(path: Path, device: torch.device | None = None) -> tuple[Config, Net]:
    """A checkpoint's configuration and network, averaged weights, ready to evaluate or export."""
    state = torch.load(path, map_location=device or "cpu", weights_only=True)
    c = from_dict(state["config"], where=str(path))
    net = build(c.network)
    missing = net.load_state_dict({**state["net"], **state["mean"]}, strict=False)
    lost = [k for k in missing.missing_keys if not k.startswith("words.")] + list(missing.unexpected_keys)
    if lost:
        raise ValueError(f"load {path}: keys do not fit: {', '.join(lost[:8])}")
    return c, net.to(device or "cpu").eval()


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Mixed precision where it is asked for."""
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return torch.autocast(device.type, kinds[precision]) if precision in kinds else nullcontext()  # type: ignore[return-value]


def fit(
    c: Config,
    samples: Samples,
    folder: Path,
    detector: Path | None,
    measure: Callable[[Net], dict[str, float]] | None = None,
    *,
    workers: int = 1,
    save_every: float = 180.0,
    measure_every: int = 10_000,
    start: Path | None = None,
) -> Net:
    """Trains to the end of the run, or goes on from `folder`/last.pt. Times in seconds, `measure_every` in samples.

    start: a checkpoint whose averaged weights are where the training begins (fine-tuning).
    """
    folder.mkdir(parents=True, exist_ok=True)
    crew = Crew.join()
    device = crew.device()
    torch.manual_seed(c.run.seed)
    last = folder / "last.pt"
    trainer = Trainer(c, _started(start, c) if start else build(c.network, detector), device, crew)
    if last.exists():
        trainer.resume(last)
        log.info("resumed %s after %d samples", last, trainer.done)
    board = SummaryWriter(folder / "board") if crew.rank == 0 else None
    progress = Progress(c.run.samples, trainer.done)
    saved, measured = time.monotonic(), trainer.done
    for batch in batches(c, samples, trainer.done, workers, crew):
        parts = trainer.step(batch)
        due = measure is not None and trainer.done - measured >= measure_every
        if board:
            progress.add(parts, trainer.done, board)
            if time.monotonic() - saved > save_every:
                trainer.save(last)
                saved = time.monotonic()
            if due and measure:
                _measure(trainer, measure, board, folder)
        if due:
            measured = trainer.done
            crew.wait()
    if board:
        trainer.save(last)
        if measure and measured != trainer.done:
            _measure(trainer, measure, board, folder)
        board.close()
    crew.wait()
    return load(last, device)[1]


def _started(path: Path, c: Config) -> Net:
    """The network of a checkpoint to train on from."""
    found, net = load(path)
    if found.network != c.network:
        raise ValueError(f"start from {path}: it is of another network than {c.network.name}; give its own --config")
    return net


def _measure(trainer: Trainer, measure: Callable[[Net], dict[str, float]], board: SummaryWriter, folder: Path) -> None:
    """Measures the averaged weights and keeps them under the number of samples, with the curve as a line a time."""
    trainer.save(folder / "last.pt")
    _, net = load(folder / "last.pt", trainer.device)
    found = measure(net)
    for k, v in found.items():
        board.add_scalar(f"val/{k}", v, trainer.done)
    line = " ".join(f"{k} {v:.3f}" for k, v in found.items())
    log.info("measured after %d samples: %s", trainer.done, line)
    with (folder / "curve.txt").open("a") as f:
        f.write(f"{trainer.done} {line}\n")


class Progress:
    """A line every half minute: how far, how fast, how well."""

    def __init__(self, total: int, done: int, every: float = 30.0) -> None:
        self.total, self.first, self.every = total, done, every
        self.began = self.told = time.monotonic()
        self.mean: dict[str, float] = {}

    def add(self, parts: dict[str, Tensor], done: int, board: SummaryWriter) -> None:
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
