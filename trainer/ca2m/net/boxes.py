"""Boxes as tensors: corner form (x1, y1, x2, y2) or centre form (cx, cy, w, h), in 0..1 of the picture."""

from __future__ import annotations

import torch
from torch import Tensor


def corners(box: Tensor) -> Tensor:
    """(..., 4) centre form to corner form."""
    centre, size = box[..., :2], box[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], -1)


def area(box: Tensor) -> Tensor:
    """(..., 4) corner form to (...,), zero for a box with no inside."""
    return (box[..., 2] - box[..., 0]).clamp(min=0) * (box[..., 3] - box[..., 1]).clamp(min=0)


def iou_giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Eq. 8) of boxes in corner form; shapes broadcast, (..., 4) to (...,)."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    union = area(a) + area(b) - both
    iou = both / union.clamp(min=1e-6)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def pairwise_iou(box: Tensor) -> Tensor:
    """(B, T, 4) corner form to (B, T, T). Side by side, not pair by pair: several times faster in ONNX Runtime."""
    x1, y1, x2, y2 = box.unbind(-1)
    across = torch.minimum(x2[:, :, None], x2[:, None]) - torch.maximum(x1[:, :, None], x1[:, None])
    down = torch.minimum(y2[:, :, None], y2[:, None]) - torch.maximum(y1[:, :, None], y1[:, None])
    both, own = across.clamp(min=0) * down.clamp(min=0), area(box)
    return both / (own[:, :, None] + own[:, None] - both).clamp(min=1e-6)
