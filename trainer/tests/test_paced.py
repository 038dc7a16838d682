"""The sigmas of the self-paced loss: learnt within bounds, whatever the losses are, and said on the curve."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision
from conftest import Squares, paper, shallow_resnet, small_bert
from run_worker import paced

from ca2m.config import Config, Loss
from ca2m.learn import train
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed
from ca2m.learn.loss import SelfPaced
from ca2m.learn.train import Trainer
from ca2m.net.network import build


@pytest.mark.parametrize("easy", [True, False])
def test_sigma_stays_within_its_bounds(easy: bool) -> None:
    c = Loss(sigma=1.5, sigma_least=1.0, sigma_most=2.0)
    own = SelfPaced(c)
    opt = torch.optim.AdamW(own.parameters(), lr=0.2, weight_decay=0.0)
    truth = torch.tensor([[0.2, 0.2, 0.6, 0.6]])
    box = torch.tensor([[0.2, 0.2, 0.6, 0.58]]) if easy else torch.tensor([[0.7, 0.7, 1.0, 1.0]])
    for _ in range(20):
        opt.zero_grad()
        own(box, truth)[0].sum().backward()
        opt.step()
        own.bound()
        assert c.sigma_least <= own.sigma.min() and own.sigma.max() <= c.sigma_most
    want = c.sigma_least if easy else c.sigma_most
    assert own.sigma.tolist() == [want, want], "below lambda sigma narrows, above it widens, as far as it may"


def test_the_farthest_miss_is_finite_at_the_least_sigma() -> None:
    least = Loss(sigma=0.75, sigma_least=0.75)
    corner, far = torch.zeros(1, 4), torch.tensor([[0.5, 0.5, 1.5, 1.5]])  # L1 is 4, the most of centre forms in 0..1
    for box, truth in ((corner, torch.ones(1, 4)), (far, corner), (corner, far)):
        box = box.clone().requires_grad_()
        own = SelfPaced(least)
        loss, d = own(box, truth)
        loss.sum().backward()
        assert loss.isfinite().all() and d.isfinite().all()
        assert box.grad is not None and own.sigma.grad is not None
        assert (box.grad**2).sum().isfinite() and own.sigma.grad.isfinite().all(), "its norm is, too"
        assert d.max() <= math.exp((4 / 0.75) ** 2) * 1.001


@pytest.mark.parametrize("wrong", [{"sigma": 0.9}, {"sigma": 11.0}, {"sigma_least": 0.15}, {"sigma_least": 3.0}])
def test_bounds_that_cannot_be_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"loss.sigma .* must be sigma_least"):
        Loss(**wrong)  # type: ignore[arg-type]


def test_an_old_checkpoint_goes_on_within_the_bounds(small: Config, tmp_path: Path) -> None:
    trainer = Trainer(small, build(small.network), torch.device("cpu"))
    trainer.criterion.paced.sigma.data.fill_(0.15)
    trainer.save(tmp_path / "last.pt")
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    for key in ("sigma_least", "sigma_most"):  # as it was written before there were bounds
        del state["config"]["loss"][key]
    torch.save(state, tmp_path / "last.pt")
    again = Trainer(small, build(small.network), torch.device("cpu"))
    again.resume(tmp_path / "last.pt")
    assert again.criterion.paced.sigma.tolist() == [small.loss.sigma_least] * 2


def test_the_curve_says_both_sigmas(small: Config, tmp_path: Path) -> None:
    c = replace(small, run=replace(small.run, samples=16, batch=8))
    train.fit(c, Squares(96), tmp_path, None, lambda net, crew: {"acc": 0.5}, feed=Feed(workers=0), measure_every=8)
    for line in (tmp_path / "curve.txt").read_text().splitlines():
        done, *told = line.split()
        assert told[0::2] == ["acc", "sigma_l1", "sigma_giou"] and float(told[3]) == pytest.approx(2.5, abs=0.01)


def quick(tmp_path: Path, precision: str) -> Config:
    """At five thousand times the paper's rate of the sigmas, so that a short run goes as far as a long one would."""
    changes = (f"run.precision={precision}", "run.lr_sigma=0.25", "run.lr=1e-3", "run.batch=4")
    return paper(small_bert(tmp_path / "bert"), *changes)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_papers_run_stays_finite(precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "resnet50", shallow_resnet)
    c = quick(tmp_path, precision)
    told = paced(c, Crew(), 12)
    assert told["strange"] == [] and told["steps"] == 12
    assert min(told["least"]) >= c.loss.sigma_least and max(told["most"]) <= c.loss.sigma_most
    assert all(abs(x - c.loss.sigma) > 0.3 for x in told["last"]), "they learn"
