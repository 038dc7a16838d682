"""What a step does to the weights: rates and who learns at which, their average, and the pull to where they began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ca2m.config import Config
from ca2m.net.network import Net

STEM = tuple(f"body.{of}{part}." for of in ("", "model.") for part in ("conv1", "bn1", "layer1"))
"""A ResNet's first layers, torchvision's or timm's, which `run.freeze_stem` leaves as they are."""


def rate(c: Config, done: float) -> float:
    """The learning rate as a share of the full one, at `done` 0..1 of the run."""
    r = c.run
    warm = min(1.0, (done * r.samples / r.batch + 1) / max(r.warmup, 1))
    if done < r.drop_at:
        return warm
    if r.drop == "step":
        return 0.1
    return warm * (0.05 + 0.95 * (1 - done) / (1 - r.drop_at))


def groups(c: Config, net: Net, criterion: nn.Module) -> list[dict[str, Any]]:
    """AdamW groups: the rest of the network, the sigmas, both encoders, and the linguistic encoder's layers where these
    have a rate of their own. What has none is frozen."""
    r = c.run
    read = list(net.words.layers.parameters()) if r.lr_words > 0 else []
    apart = {id(p) for p in read}
    body = {n: p for n, p in net.sight.named_parameters() if n.startswith(("body.", "namer."))}
    still = [p for n, p in body.items() if r.freeze_stem and n.startswith(STEM)]
    if r.freeze_stem and not still and c.network.sight != "nanodet":
        raise ValueError(f"run.freeze_stem: {c.network.sight} has no stem of a ResNet; set it to false")
    apart |= {id(p) for p in still}
    encoders = [p for p in (*net.words.parameters(), *body.values()) if id(p) not in apart]
    for p in (*encoders, *still):
        p.requires_grad_(r.lr_encoders > 0 and id(p) not in apart)
    for p in read:
        p.requires_grad_(True)
    apart |= {id(p) for p in encoders}
    rest = [p for p in net.parameters() if id(p) not in apart]
    learning = [
        {"name": "rest", "params": rest, "lr": r.lr, "weight_decay": r.weight_decay},
        {"name": "sigma", "params": list(criterion.parameters()), "lr": r.lr_sigma, "weight_decay": r.decay_sigma},
    ]
    if r.lr_encoders > 0:
        learning.append({"name": "encoders", "params": encoders, "lr": r.lr_encoders, "weight_decay": r.weight_decay})
    if read:
        learning.append({"name": "words", "params": read, "lr": r.lr_words, "weight_decay": r.weight_decay})
    for g in learning:
        g["full"] = g["lr"]
    return learning


def restore(opt: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """An optimiser's saved state under the rates and the decay that it has now. ValueError where other parts learnt."""
    now = [{k: g[k] for k in ("name", "full", "lr", "weight_decay")} for g in opt.param_groups]
    was, own = ([len(g["params"]) for g in groups] for groups in (state["param_groups"], opt.param_groups))
    if was != own:
        raise ValueError("other parts of the network learnt (run.lr_encoders, run.lr_words, run.freeze_stem)")
    opt.load_state_dict(state)
    for g, values in zip(opt.param_groups, now, strict=True):
        g.update(values)


def clip(net: nn.Module, most: float) -> Tensor:
    """The norm of all gradients, which are scaled down where it is above `most`; most 0: they stay as they are."""
    if most:
        return nn.utils.clip_grad_norm_(net.parameters(), most)
    return nn.utils.get_total_norm([p.grad for p in net.parameters() if p.grad is not None])


class Average:
    """An exponential moving average of the trained weights; `swapped` puts it in their place for a while."""

    def __init__(self, net: nn.Module, keep: float) -> None:
        self.keep, self.steps = keep, 0
        self.live = {k: p for k, p in net.named_parameters() if p.requires_grad}
        self.mean = {k: p.detach().clone() for k, p in self.live.items()}

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        keep = min(self.keep, 1 - 1 / (self.steps + 1)) if self.keep else 0.0
        torch._foreach_lerp_(list(self.mean.values()), list(self.live.values()), 1 - keep)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Within, the network has the mean weights; nothing is copied."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for k, p in self.live.items():
            p.data, self.mean[k] = self.mean[k], p.data


class Anchor:
    """Pulls the trained weights towards those that the run began with, as AdamW's decay pulls them towards zero: a step
    goes `strength` times the learning rate of the way back (L2-SP, Li et al. 2018, decoupled). 0: no pull."""

    def __init__(self, net: nn.Module, strength: float) -> None:
        self.strength = strength
        self.live = {k: p for k, p in net.named_parameters() if p.requires_grad and strength}
        self.first = {k: p.detach().clone() for k, p in self.live.items()}

    @torch.no_grad()
    def pull(self, opt: torch.optim.Optimizer) -> None:
        """Before the optimiser's step, at its present rates."""
        if not self.live:
            return
        rates = {id(p): g["lr"] for g in opt.param_groups for p in g["params"]}
        for k, p in self.live.items():
            p.lerp_(self.first[k], min(1.0, rates[id(p)] * self.strength))
