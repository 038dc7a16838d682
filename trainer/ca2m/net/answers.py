"""From what the network says to answers: distinct boxes best first, and scores that are probabilities."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ca2m.geometry import iou_giou
from ca2m.net.network import Grounding

SAME = 0.5  # IoU from which two boxes show one thing
CHOSEN_FROM = 64  # of the candidates, the surest
CHOICE = 0.7  # temperature by which it is chosen; on photos of calibration 0.45 to 0.75 are as good, others less


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

    A thing has many candidates. The one is taken whose expected IoU with what is meant is highest (minimum Bayes risk:
    the probabilities say what is meant), not the surest: that one may stand alone beside many that agree. Its
    probability is the sum of those that show the same thing, its box their mean, weighed by how sure they are. What is
    left is asked again for the next; none of them is said to be surer than those before it.
    """
    share, sharp = (logits / temperature).softmax(-1), (logits / CHOICE).softmax(-1)
    some = sharp.topk(min(CHOSEN_FROM, sharp.shape[1]), 1).indices  # (P, M)
    iou = iou_giou(_rows(boxes, some)[:, :, None], boxes[:, None])[0]  # (P, M, C)
    left = share * 0 + 1  # 1 where no answer so far shows the same thing; not ones_like: P must stay free in the graph
    best, mass = list[Tensor](), list[Tensor]()
    for _ in range(k):
        wanted = (iou @ (sharp * left)[..., None])[..., 0] * left.gather(1, some)
        i = some.gather(1, wanted.argmax(-1, keepdim=True))  # (P, 1)
        surest = (sharp * left + left).argmax(-1, keepdim=True)  # where none of the M is left
        i = torch.where(left.gather(1, i) > 0, i, surest)
        itself = torch.arange(share.shape[1], device=i.device) == i  # a box with no inside, too
        same = ((iou_giou(_rows(boxes, i), boxes)[0] > SAME) | itself).to(share.dtype)
        weight = sharp * same + itself.to(share.dtype) * 1e-6
        best.append((weight[..., None] * boxes).sum(1) / weight.sum(1, keepdim=True))
        surely = (share * left * same).sum(-1)
        mass.append(torch.minimum(surely, mass[-1]) if mass else surely)
        left = left * (1 - same)
    return torch.stack(best, 1).clamp(0, 1), torch.stack(mass, 1)


def _rows(boxes: Tensor, index: Tensor) -> Tensor:
    """Boxes (P, C, 4) at index (P, M): (P, M, 4)."""
    return boxes.gather(1, index[..., None].expand(-1, -1, 4))


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
