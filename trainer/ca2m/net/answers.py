"""From what the network says to answers: distinct boxes best first, and scores that are probabilities."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ca2m.geometry import iou_giou
from ca2m.net.network import Grounding

SAME = 0.5  # IoU from which two boxes show one thing


@dataclass(frozen=True)
class Calibration:
    """Turns logits into probabilities; measured on photos kept out of training."""

    temperature: float = 1.0  # of the scores
    present_scale: float = 1.0  # of the presence logit
    present_bias: float = 0.0
    threshold: float = 0.5  # presence from which a thing counts as there

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


def pick(logits: Tensor, boxes: Tensor, k: int, temperature: float) -> tuple[Tensor, Tensor]:
    """Scores (P, C) and boxes (P, C, 4) of C candidates to the k most probable distinct boxes (P, k, 4), scores (P, k).

    A thing has many candidates: its probability is the sum of theirs, its box that of the surest.
    """
    left = (logits / temperature).softmax(-1)
    best, mass = [], []
    for _ in range(k):
        i = left.argmax(-1, keepdim=True)  # (P, 1)
        box = boxes.gather(1, i[..., None].expand(-1, -1, 4))  # (P, 1, 4)
        itself = torch.arange(left.shape[1], device=i.device) == i  # a box with no inside, too
        same = ((iou_giou(box, boxes)[0] > SAME) | itself).to(left.dtype)
        mass.append((left * same).sum(-1))
        best.append(box[:, 0])
        left = left * (1 - same)
    score, order = torch.stack(mass, 1).topk(k, 1)  # sorted; topk keeps its length fixed in the graph
    picked = torch.stack(best, 1).gather(1, order[..., None].expand(-1, -1, 4))
    return picked.clamp(0, 1), score


def answer(grounding: Grounding, k: int, c: Calibration) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (P, K, 4) corner form 0..1 best first, scores (P, K), present (P,)."""
    if grounding.scores is None or grounding.boxes is None:
        present = torch.ones_like(grounding.cls_box[:, 0])
        boxes, scores = grounding.cls_box[:, None].clamp(0, 1), present[:, None]
    else:
        boxes, scores = pick(grounding.scores, grounding.boxes, k, c.temperature)
        present = scores[:, 0] * 0 + 1  # not ones_like: P must stay free in the graph
    if grounding.present is not None:
        present = (grounding.present.float() * c.present_scale + c.present_bias).sigmoid()
    return boxes, scores, present
