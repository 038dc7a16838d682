"""What the network is trained for: the paper's self-paced loss, and the pointing head's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ca2m.config import Loss
from ca2m.geometry import centre_form, iou_giou
from ca2m.learn.loader import Truth
from ca2m.net.network import Grounding


class SelfPaced(nn.Module):
    """Self-paced sample informativeness (Eq. 7-11): hard samples weigh more, by learnable widths sigma.

    Where a loss is below lambda, Eq. 11 is the smaller the narrower sigma is, without end: the optimiser's steps must
    be followed by `bound`.

    The paper states no stop-gradient, so the gradient of Eq. 11 by a loss L is d (1 + 2 L (L - lambda) / sigma^2), less
    than d below lambda and more above it. With `detach`, L counts as a number inside d, and the gradient is d alone.
    """

    def __init__(self, c: Loss) -> None:
        super().__init__()
        self.on, self.penalty, self.detach = c.self_paced, c.penalty, c.detach
        self.least, self.most = c.sigma_least, c.sigma_most
        self.sigma = nn.Parameter(torch.full((2,), c.sigma))  # sigma_0 of L1, sigma_1 of GIoU; mu is 0

    def forward(self, box: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (B, 4) corner form to L_total (B,) and the difficulty scores d (B, 2)."""
        l1 = (centre_form(box) - centre_form(truth)).abs().sum(1)  # Eq. 7
        giou = 1 - iou_giou(box, truth)[1]  # Eq. 8
        each = torch.stack([l1, giou], 1)
        if not self.on:
            return each.sum(1), torch.ones_like(each)
        score = each.detach() if self.detach else each  # not d itself: sigma learns through it
        d = (score**2 / self.sigma**2).exp()  # Eq. 9, 10
        return (d * each - self.penalty * d).sum(1), d  # Eq. 11

    @torch.no_grad()
    def bound(self) -> None:
        """Brings both sigmas back within their bounds."""
        self.sigma.clamp_(self.least, self.most)


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

    def forward(
        self, grounding: Grounding, truth: Truth, counts: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to minimise, and its parts for the log.

        counts: `Truth.counts` of the whole batch that this is a piece of; losses and parts of the pieces then add up
        to those of the whole. None: this is the whole.
        """
        counts = truth.counts() if counts is None else counts
        some, named, all_ = counts.clamp(min=1).unbind()
        there = truth.present > 0
        parts: dict[str, Tensor] = {}
        paced, d = self.paced(grounding.cls_box[there], truth.box[there])
        parts["cls"] = paced.sum() / some
        parts["d_l1"], parts["d_giou"] = d.sum(0) / some
        parts["d_hard"], parts["d_easy"] = (x * len(d) / some for x in by_quarter(paced, d))
        loss = self.c.cls * parts["cls"]
        if grounding.scores is not None and grounding.boxes is not None:
            assert grounding.index is not None
            places = self.places[grounding.index[there]]
            each = pointing_loss(
                grounding.scores[there], grounding.boxes[there], truth.box[there], places, self.half_cell
            )
            parts["point"], parts["box"], parts["acc"] = (x.sum() / some for x in each)
            loss = loss + self.c.point * parts["point"] + self.c.box * parts["box"]
        if grounding.noun is not None:
            parts["noun"] = F.cross_entropy(grounding.noun, truth.noun, ignore_index=-1, reduction="sum") / named
            loss = loss + self.c.noun * parts["noun"]
        if grounding.present is not None:
            # Most phrases are of things that are there; the few others must not be outvoted.
            weight, right = grounding.present.new_tensor(0.3), truth.present.float()
            unsure = F.binary_cross_entropy_with_logits(grounding.present, right, pos_weight=weight, reduction="sum")
            parts["present"] = unsure / all_
            loss = loss + self.c.present * parts["present"]
        if grounding.match is not None and grounding.boxes is not None:
            parts["match"] = match_loss(grounding.match, grounding.boxes, truth.box, there).sum() / all_
            loss = loss + self.c.match * parts["match"]
        return loss, {k: v.detach() for k, v in parts.items()}


@torch.no_grad()
def by_quarter(loss: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """Mean difficulty score of the hardest and of the easiest quarter, from losses (B,) and scores d (B, 2).

    Hard is what has the larger loss. Self-pacing works where the first is above the second.
    """
    if not len(loss):
        return d.new_zeros(()), d.new_zeros(())
    quarter = max(1, len(loss) // 4)
    sorted_ = d.mean(1)[loss.argsort()]
    return sorted_[-quarter:].mean(), sorted_[:quarter].mean()


def pointing_loss(
    scores: Tensor, boxes: Tensor, truth: Tensor, places: Tensor, half_cell: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (B, 3T), boxes (B, 3T, 4), truth (B, 4), places (B, T, 2): cross-entropy, box loss and right or not, (B,).

    Right are the best candidates of the tokens in the middle half of the true box, by the IoU of their present box
    (at least 0.15), and any candidate whose box already fits better than 0.6. A small thing may lie wholly on tokens
    that were left out; its cross-entropy is then 0.
    """
    of_token = (*places.shape[:2], boxes.shape[1] // places.shape[1])
    centre, size = (truth[:, None, :2] + truth[:, None, 2:]) / 2, truth[:, None, 2:] - truth[:, None, :2]
    middle = ((places - centre).abs() <= (size / 4).clamp(min=half_cell)).all(-1, keepdim=True)  # (B, T, 1)
    iou, giou = iou_giou(boxes, truth[:, None])
    fits = iou.detach()
    best_of_token = fits.view(of_token) >= fits.view(of_token).amax(-1, keepdim=True)
    first = (middle & best_of_token).flatten(1)  # (B, 3T)
    target = torch.where(first, fits.clamp(min=0.15), (fits - 0.5).clamp(min=0) * 2 * (fits > 0.6))
    mass = target.sum(1, keepdim=True)
    point = -(scores.log_softmax(1) * target / mass.clamp(min=1e-6)).sum(1)
    far = (1 - giou) + (boxes - truth[:, None]).abs().sum(-1)
    near = first | (fits > 0.5)
    share = near / near.sum(1, keepdim=True).clamp(min=1)
    best = scores.detach().argmax(1)
    hit = (fits.gather(1, best[:, None])[:, 0] > 0.5).float()
    return point, (far * share).sum(1), hit


def match_loss(match: Tensor, boxes: Tensor, truth: Tensor, there: Tensor) -> Tensor:
    """Logits (P, C), boxes (P, C, 4), truth (P, 4), there (P,) bool: binary cross-entropy of the candidates, (P,).

    Those whose box fits better than 0.5 share one half, by their fit; those below 0.3, all where the thing is absent,
    the other, by how sure they are: nearly all of them are easy, and the one that is taken for it matters.
    """
    with torch.no_grad():
        iou = iou_giou(boxes, truth[:, None])[0] * there[:, None]
        fits = iou * (iou > 0.5)
        share = fits / fits.sum(1, keepdim=True).clamp(min=1e-6)
        wrong = match.masked_fill(iou >= 0.3, -1e4).softmax(1)
    return (share * F.softplus(-match) + wrong * F.softplus(match)).sum(1)
