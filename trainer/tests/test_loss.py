from __future__ import annotations

import math

import pytest
import torch

from ca2m.config import Loss
from ca2m.geometry import corners, iou_giou
from ca2m.learn.loss import SelfPaced, match_loss, pointing_loss


def test_self_paced_loss_is_equation_11() -> None:
    box, truth = torch.tensor([[0.1, 0.1, 0.5, 0.5]]), torch.tensor([[0.2, 0.2, 0.6, 0.6]])
    loss, d = SelfPaced(Loss(sigma=2.5, penalty=0.75))(box, truth)
    inter, union = 0.3 * 0.3, 2 * 0.16 - 0.09
    l1, giou = 0.2, 1 - inter / union + (0.25 - union) / 0.25
    d0, d1 = math.exp(l1**2 / 2.5**2), math.exp(giou**2 / 2.5**2)
    torch.testing.assert_close(d[0], torch.tensor([d0, d1]))
    torch.testing.assert_close(loss[0], torch.tensor(d0 * l1 + d1 * giou - 0.75 * (d0 + d1)))


def test_hard_samples_weigh_more_and_sigma_learns() -> None:
    paced = SelfPaced(Loss())
    truth = torch.tensor([[0.2, 0.2, 0.6, 0.6]]).repeat(2, 1)
    box = torch.tensor([[0.2, 0.2, 0.6, 0.58], [0.7, 0.7, 0.9, 0.9]])
    loss, d = paced(box, truth)
    assert (d[1] > d[0]).all()
    loss.mean().backward()
    assert (paced.sigma.grad != 0).all()
    plain, one = SelfPaced(Loss(self_paced=False))(box, truth)
    assert (one == 1).all() and plain[1] > plain[0]


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("shift", [0.02, 0.3])  # below and above lambda
def test_detach_changes_the_gradient_as_the_docstring_says(detach: bool, shift: float) -> None:
    c = Loss(sigma=1.5, detach=detach)
    truth = torch.tensor([[0.2, 0.2, 0.6, 0.6]], dtype=torch.float64)
    box = (truth + shift).requires_grad_()
    paced = SelfPaced(c).double()
    loss, d = paced(box, truth)
    loss.sum().backward()
    assert box.grad is not None and paced.sigma.grad is not None

    again = box.detach().requires_grad_()
    l1 = (again - truth).abs()[:, :2].sum()  # both corners move alike, so that only the centre does
    each = torch.stack([l1, 1 - iou_giou(again, truth)[1].sum()])
    known = each.detach()
    through = 0.0 if detach else 2 * known * (known - c.penalty) / c.sigma**2
    (want,) = torch.autograd.grad((d.detach()[0] * (1 + through) * each).sum(), again)
    torch.testing.assert_close(box.grad.sum(1), want.sum(1))
    of_sigma = d.detach()[0] * (known - c.penalty) * -2 * known**2 / c.sigma**3
    torch.testing.assert_close(paced.sigma.grad, of_sigma, msg="sigma learns alike")


def test_pointing_loss_falls_when_the_right_token_scores() -> None:
    at = (torch.arange(4) + 0.5) / 4
    y, x = torch.meshgrid(at, at, indexing="ij")
    places = torch.stack([x.flatten(), y.flatten()], -1)
    truth = torch.tensor([[0.5, 0.5, 1.0, 1.0]])
    inside = torch.tensor([10, 11, 14, 15])
    boxes = torch.tensor([0.0, 0.0, 0.2, 0.2]).repeat(1, 16, 3, 1)
    boxes[0, inside, 1] = truth[0]  # the second of each token's three candidates fits
    right = torch.zeros(1, 16, 3)
    right[0, inside, 1] = 5
    good, far, hit = pointing_loss(right.flatten(1), boxes.flatten(1, 2), truth, places[None], 0.15)
    bad, _, _ = pointing_loss(-right.flatten(1), boxes.flatten(1, 2), truth, places[None], 0.15)
    assert good < bad and far == 0 and hit == 1


def test_match_loss_takes_each_candidate_by_itself() -> None:
    truth = torch.tensor([[0.5, 0.5, 1.0, 1.0]]).repeat(2, 1)
    boxes = torch.tensor([[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.3, 0.3], [0.5, 0.5, 0.8, 0.8]]).repeat(2, 1, 1)
    there = torch.tensor([True, False])
    right = match_loss(torch.tensor([[8.0, -8.0, 3.0], [-8.0, -8.0, -8.0]]), boxes, truth, there)
    assert (right < 0.01).all(), "the third fits neither well nor badly, and is left alone"
    both = match_loss(torch.tensor([[8.0, 8.0, 0.0], [8.0, -8.0, -8.0]]), boxes, truth, there)
    assert (both > 7).all(), "a thing beside the one that is meant, and any where none is meant, is wrong"


def test_boxes() -> None:
    unit = torch.tensor([0.0, 0.0, 1.0, 1.0])
    for other, iou, giou in (
        ([0.0, 0.0, 1.0, 1.0], 1.0, 1.0),
        ([1.0, 0.0, 2.0, 1.0], 0.0, 0.0),
        ([2.0, 0.0, 3.0, 1.0], 0.0, -1 / 3),
        ([0.0, 0.0, 0.5, 1.0], 0.5, 0.5),
    ):
        got = iou_giou(unit, torch.tensor(other))
        torch.testing.assert_close(torch.stack(got), torch.tensor([iou, giou]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(corners(torch.tensor([0.5, 0.5, 1.0, 1.0])), unit)
