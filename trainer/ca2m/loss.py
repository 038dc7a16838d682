"""What the network is trained for: the paper's self-paced loss, and the pointing head's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ca2m.boxes import iou_giou
from ca2m.config import Loss
from ca2m.network import Grounding


@dataclass
class Truth:
    """What is right for each of B samples."""

    box: Tensor  # (B, 4) corner form; anything where not present
    present: Tensor  # (B,) 1 or 0
    noun: Tensor  # (B,) int64: class 0..79, 80 none of these, -1 unknown

    def to(self, device: torch.device) -> Truth:
        return Truth(self.box.to(device), self.present.to(device), self.noun.to(device))


class SelfPaced(nn.Module):
    """Self-paced sample informativeness (Eq. 7-11): hard samples weigh more, by learnable widths sigma."""

    def __init__(self, c: Loss) -> None:
        super().__init__()
        self.on, self.penalty = c.self_paced, c.penalty
        self.sigma = nn.Parameter(torch.full((2,), c.sigma))  # sigma_0 of L1, sigma_1 of GIoU; mu is 0

    def forward(self, box: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (B, 4) corner form to L_total (B,) and the difficulty scores d (B, 2)."""
        l1 = (_centre(box) - _centre(truth)).abs().sum(1)  # Eq. 7
        giou = 1 - iou_giou(box, truth)[1]  # Eq. 8
        each = torch.stack([l1, giou], 1)
        if not self.on:
            return each.sum(1), torch.ones_like(each)
        d = (each**2 / self.sigma**2).exp()  # Eq. 9, 10
        return (d * each - self.penalty * d).sum(1), d  # Eq. 11


def _centre(box: Tensor) -> Tensor:
    return torch.cat([(box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]], 1)


class Criterion(nn.Module):
    """All losses of a configuration, as one number and as named parts."""

    places: Tensor

    def __init__(self, c: Loss, grid: int) -> None:
        super().__init__()
        self.c = c
        self.paced = SelfPaced(c)
        at = (torch.arange(grid) + 0.5) / grid
        y, x = torch.meshgrid(at, at, indexing="ij")
        self.half_cell = 0.6 / grid
        self.register_buffer("places", torch.stack([x.flatten(), y.flatten()], -1), persistent=False)  # (T, 2)

    def forward(self, said: Grounding, truth: Truth, kept: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to minimise, and its parts for the log."""
        there = truth.present > 0
        parts: dict[str, Tensor] = {}
        paced, d = self.paced(said.cls_box[there], truth.box[there])
        some = max(len(paced), 1)  # a small share of a batch may hold absent things only
        parts["cls"] = paced.sum() / some
        parts["d_l1"], parts["d_giou"] = d.sum(0) / some
        parts["sigma_l1"], parts["sigma_giou"] = self.paced.sigma
        loss = self.c.cls * parts["cls"]
        if said.scores is not None and said.boxes is not None:
            places = self.places if kept is None else self.places[kept]
            point, box, hit = pointing_loss(
                said.scores[there], said.boxes[there], truth.box[there], places, self.half_cell
            )
            loss = loss + self.c.point * point + self.c.box * box
            parts["point"], parts["box"], parts["acc"] = point, box, hit
        if said.noun is not None and (known := truth.noun >= 0).any():
            parts["noun"] = F.cross_entropy(said.noun[known], truth.noun[known])
            loss = loss + self.c.noun * parts["noun"]
        if said.present is not None:
            # Most phrases are of things that are there; the few others must not be outvoted.
            parts["present"] = F.binary_cross_entropy_with_logits(
                said.present, truth.present.float(), pos_weight=said.present.new_tensor(0.3)
            )
            loss = loss + self.c.present * parts["present"]
        return loss, {k: v.detach() for k, v in parts.items()}


def pointing_loss(
    scores: Tensor, boxes: Tensor, truth: Tensor, places: Tensor, half_cell: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (B, T), boxes (B, T, 4), truth (B, 4), places (T, 2): cross-entropy, box loss, share answered right.

    Right tokens are those in the middle half of the true box, by the IoU of their present box (at least 0.15), and
    any token whose box already fits better than 0.6.
    """
    centre, size = (truth[:, None, :2] + truth[:, None, 2:]) / 2, truth[:, None, 2:] - truth[:, None, :2]
    middle = ((places - centre).abs() <= (size / 4).clamp(min=half_cell)).all(-1)  # (B, T)
    iou, giou = iou_giou(boxes, truth[:, None])
    fits = iou.detach()
    target = torch.where(middle, fits.clamp(min=0.15), (fits - 0.5).clamp(min=0) * 2 * (fits > 0.6))
    mass = target.sum(1, keepdim=True)
    some = (mass[:, 0] > 0).float()  # a thing may lie wholly on tokens that this step does not look at
    each = -(scores.log_softmax(1) * target / mass.clamp(min=1e-6)).sum(1)
    point = (each * some).sum() / some.sum().clamp(min=1)
    far = (1 - giou) + (boxes - truth[:, None]).abs().sum(-1)
    share = middle / middle.sum(1, keepdim=True).clamp(min=1)
    best = scores.detach().argmax(1)
    hit = (fits.gather(1, best[:, None]) > 0.5).float().sum() / max(len(truth), 1)
    return point, (far * share).sum() / max(len(truth), 1), hit
