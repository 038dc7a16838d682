"""Where torch computes, and how exactly: the device, TF32, deterministic kernels, mixed precision."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


def chosen(name: str = "") -> torch.device:
    """The device of that name, or the first GPU, or the processor. ValueError where there is no such device."""
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as cause:
        raise ValueError(f"--device {name}: cpu, cuda or cuda:1 is meant") from cause
    gpus = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise ValueError(f"--device {name}: torch finds {gpus} GPUs here; give cpu, or mend the driver (nvidia-smi)")
    return device


def prepare(device: torch.device, tf32: bool = True, deterministic: bool = False) -> None:
    """How a GPU computes from now on; a processor stays as it is.

    tf32: float32 products with ten bits of mantissa, several times faster, since Ampere.
    deterministic: the same seed gives the same run wherever torch can; otherwise the fastest kernels are looked for.
    """
    if device.type != "cuda":
        return
    torch.cuda.set_device(device)
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic, warn_only=True)


def autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Mixed precision where it is asked for."""
    kind = PRECISIONS.get(precision)
    return torch.autocast(device.type, kind) if kind else nullcontext()
