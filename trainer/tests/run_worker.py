"""Runs that the tests start as processes of their own: several at once by torchrun, or one that is killed.

steps CONFIG OUT: three steps; rank 0 writes losses, the first gradients and the last weights to OUT.
paced CONFIG OUT STEPS: so many steps with ResNets of one block a stage; rank 0 writes which losses were not finite and
the range of both sigmas to OUT.
measured CONFIG FOLDER REFS: a whole run that measures the refs after every 16 samples, and made samples, too.
fit CONFIG FOLDER: a whole run, saved as often as it goes; every step's loss is a line of FOLDER/losses.txt.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torchvision
from conftest import Squares, shallow_resnet

from ca2m.config import Config, from_dict
from ca2m.data import refs
from ca2m.data.sample import Sample
from ca2m.learn import train
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed, batches
from ca2m.learn.train import Trainer
from ca2m.learn.validation import Validation
from ca2m.net.network import build


class Uneven(Squares):
    """Squares, of which most of the first half of every eight are absent and few have a known noun."""

    def sample(self, index: int) -> Sample:
        s = super().sample(index)
        gone = index % 8 in (0, 1, 2, 6)
        return Sample(s.pixels, s.phrase, None if gone else s.box, index % 80 if index % 3 == 0 else -1, s.kind)


def steps(c: Config, crew: Crew) -> dict[str, Any]:
    """Three steps on uneven batches: their losses, the first gradients and the last weights."""
    torch.manual_seed(1)
    trainer = Trainer(c, build(c.network), torch.device("cpu"), crew)
    told: list[dict[str, float]] = []
    grads: dict[str, torch.Tensor] = {}
    for batch in batches(c, Uneven(c.network.image_size), 0, Feed(workers=0), crew):
        told.append({k: float(v) for k, v in trainer.step(batch).items()})
        if not grads:
            named = trainer.task.named_parameters()
            grads = {k.removeprefix("module."): p.grad.clone() for k, p in named if p.grad is not None}
        if len(told) == 3:
            break
    return {"told": told, "grads": grads, "weights": trainer.net.state_dict()}


def paced(c: Config, crew: Crew, steps: int) -> dict[str, Any]:
    """Names of what was ever not finite, and the least, greatest and last sigma_l1 and sigma_giou."""
    c = replace(c, run=replace(c.run, samples=steps * c.run.batch, epochs=0))
    torch.manual_seed(1)
    trainer = Trainer(c, build(c.network), torch.device("cpu"), crew)
    strange: set[str] = set()
    sigmas = []
    for batch in batches(c, Squares(c.network.image_size), 0, Feed(workers=0), crew):
        parts = trainer.step(batch)
        strange |= {k for k, v in parts.items() if not math.isfinite(v)}
        sigmas.append(trainer.criterion.paced.sigma.detach().clone())
    told = torch.stack(sigmas)
    kept = {"least": told.amin(0), "most": told.amax(0), "last": told[-1]}
    lost = [k for k, v in trainer.net.state_dict().items() if not v.isfinite().all()]
    return {"strange": sorted(strange) + lost, "steps": len(told), **{k: v.tolist() for k, v in kept.items()}}


def fit(c: Config, folder: Path) -> None:
    """A run that says every loss at once, so that nothing is lost when it is killed."""
    step = Trainer.step

    def told(self: Trainer, batch: Any) -> dict[str, torch.Tensor]:
        parts = step(self, batch)
        with (folder / "losses.txt").open("a") as out:
            out.write(f"{self.done} {float(parts['loss']):.9g}\n")
            out.flush()
            os.fsync(out.fileno())
        return parts

    Trainer.step = told  # type: ignore[method-assign]
    train.fit(c, Uneven(c.network.image_size), folder, None, feed=Feed(workers=1), save_every=0.2)


def measured(c: Config, folder: Path, lines: Path) -> None:
    """A run that measures on its way, 12 phrases and 5 made samples."""
    squares = Squares(c.network.image_size)
    figures = Validation({"hand": refs.read(lines)}, [squares.sample(k) for k in range(5)], c.run.precision, batch=4)
    train.fit(c, squares, folder, None, figures, feed=Feed(workers=0), measure_every=16)


if __name__ == "__main__":
    torch.set_num_threads(1)
    what, c = sys.argv[1], from_dict(json.loads(Path(sys.argv[2]).read_text()))
    if what == "fit":
        fit(c, Path(sys.argv[3]))
    elif what == "measured":
        measured(c, Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        crew = Crew.join()
        torchvision.models.resnet50 = shallow_resnet
        found = steps(c, crew) if what == "steps" else paced(c, crew, int(sys.argv[4]))
        if crew.rank == 0:
            torch.save(found, sys.argv[3])
        crew.wait()
