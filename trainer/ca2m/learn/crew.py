"""The processes of one run, as torchrun starts them: who they are, what they add up together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from ca2m import device
from ca2m.config import Run


@dataclass(frozen=True)
class Crew:
    """The processes of one run (torchrun's); each takes its share of every batch."""

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> Crew:
        """Meets the others where torchrun started several, on one machine or on many."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size > 1 and not dist.is_initialized():
            gpus, here = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
            if 0 < gpus < here:
                raise ValueError(f"{here} processes and {gpus} GPUs: start torchrun with --nproc-per-node {gpus}")
            dist.init_process_group("nccl" if gpus else "gloo", timeout=timedelta(minutes=30))
        return cls(int(os.environ.get("RANK", "0")), size)

    def device(self, c: Run) -> torch.device:
        """This process's own GPU, set up as the run says, or the processor."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        device.prepare(own, c.tf32, c.deterministic)
        return own

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()

    def total(self, mine: Tensor) -> Tensor:
        """The sum over all processes of what each brings; the same shape everywhere."""
        if self.size > 1:
            mine = mine.clone()
            dist.all_reduce(mine)
        return mine

    def share(self, batch: int) -> int:
        """Samples of every batch that fall to one process."""
        if batch % self.size:
            raise ValueError(f"batch {batch} does not divide among {self.size} processes")
        return batch // self.size
