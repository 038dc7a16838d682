"""Boxes: of people's labels as four numbers, of networks as tensors; and the named box, a thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Box = tuple[float, float, float, float]
"""Corners x1, y1, x2, y2; the unit is said where it is used."""


@dataclass(frozen=True)
class Thing:
    """One named box of a photo."""

    name: str
    box: Box  # corners, 0..1 of the photo
    score: float  # the detector's, 1 when a person drew it
    human: bool


def area(box: Box) -> float:
    """Of a box; below 0 where its corners are swapped."""
    return (box[2] - box[0]) * (box[3] - box[1])


def iou(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """Intersection over union of two boxes of the same unit, in corner form; 0 when either is empty."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, across) * max(0.0, down)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return float(both / union) if union > 0 else 0.0


def inside(box: Box, window: Box) -> Box:
    """The box as seen in the window, both 0..1 of the picture; it may reach over 0..1."""
    across, down = window[2] - window[0], window[3] - window[1]
    return (
        (box[0] - window[0]) / across,
        (box[1] - window[1]) / down,
        (box[2] - window[0]) / across,
        (box[3] - window[1]) / down,
    )


def clip(box: Box) -> Box:
    """The part of a box within 0..1."""
    x1, y1, x2, y2 = (min(1.0, max(0.0, v)) for v in box)
    return x1, y1, x2, y2


def flipped(box: Box) -> Box:
    """The box in the picture mirrored left to right."""
    return 1 - box[2], box[1], 1 - box[0], box[3]


def corners(box: Tensor) -> Tensor:
    """(..., 4) centre form to corner form."""
    centre, size = box[..., :2], box[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], -1)


def centre_form(box: Tensor) -> Tensor:
    """(..., 4) corner form to centre form."""
    low, high = box[..., :2], box[..., 2:]
    return torch.cat([(low + high) / 2, high - low], -1)


def areas(box: Tensor) -> Tensor:
    """(..., 4) corner form to (...,), zero for a box with no inside."""
    return (box[..., 2] - box[..., 0]).clamp(min=0) * (box[..., 3] - box[..., 1]).clamp(min=0)


def iou_giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Eq. 8) of boxes in corner form; shapes broadcast, (..., 4) to (...,)."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    union = areas(a) + areas(b) - both
    iou = both / union.clamp(min=1e-6)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def pairwise_iou(box: Tensor) -> Tensor:
    """(B, T, 4) corner form to (B, T, T). Side by side, not pair by pair: several times faster in ONNX Runtime."""
    x1, y1, x2, y2 = box.unbind(-1)
    across = torch.minimum(x2[:, :, None], x2[:, None]) - torch.maximum(x1[:, :, None], x1[:, None])
    down = torch.minimum(y2[:, :, None], y2[:, None]) - torch.maximum(y1[:, :, None], y1[:, None])
    both, own = across.clamp(min=0) * down.clamp(min=0), areas(box)
    return both / (own[:, :, None] + own[:, None] - both).clamp(min=1e-6)
