"""Checkpoints and bundles of before to what the network is now: a table of what went, and what follows from it.

What the optimiser knows of each weight is saved by place, so it moves with the names: those of the averaged weights
stand in the order that the optimiser had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from ca2m.config import Network

DROPPED: dict[str, Callable[[Network], bool]] = {
    "point.noun.": lambda c: not (c.noun or c.presence),
    "point.noun2.": lambda c: not (c.second or c.presence),
    "point.hint_weight": lambda c: not c.noun,
    "point.rank_": lambda c: not (c.rank or c.second),
    "point.look_": lambda c: not c.look,
    "point.present.": lambda c: not c.presence,
}
"""What begins so was built and never learnt where a part of the pointing head was switched off; it is built no more."""

ENCODERS = ("words.", "sight.body.", "sight.namer.")
"""Before the names of weights that are in groups of their own with the optimiser; the first group has all others."""


def weights(state: Mapping[str, Tensor], c: Network) -> dict[str, Tensor]:
    """Names to tensors, without what the network c does not have any more."""
    gone = tuple(name for name, is_gone in DROPPED.items() if is_gone(c))
    return {k: v for k, v in state.items() if not k.startswith(gone)}


def checkpoint(state: dict[str, Any], c: Network) -> dict[str, Any]:
    """What a run saved, with the weights of c, and the optimiser's first group in their order of then."""
    named: dict[str, Any] = {k: weights(state[k], c) for k in ("net", "mean", "anchor") if k in state}
    if "opt" not in state:  # the mean of several runs
        return {**state, **named}
    then, now = _rest(state["mean"]), _rest(named["mean"])
    return {**state, **named, "opt": reordered(state["opt"], then, now)}


def reordered(opt: dict[str, Any], then: Sequence[str], now: Sequence[str]) -> dict[str, Any]:
    """An optimiser's state whose first group held the weights `then`, so that it holds those of `now`, in this order.
    ValueError where it lacks one of them. What it knows of weights that went is left out."""
    first, *others = opt["param_groups"]
    number = dict(zip(then, first["params"], strict=False))
    if len(then) != len(first["params"]) or not set(now) <= set(then):
        raise ValueError("other parts of the network learnt")
    kept = [number[name] for name in now]
    gone = set(first["params"]) - set(kept)
    state = {k: v for k, v in opt["state"].items() if k not in gone}
    return {"state": state, "param_groups": [{**first, "params": kept}, *others]}


def _rest(names: Mapping[str, Tensor]) -> list[str]:
    return [k for k in names if not k.startswith(ENCODERS)]


def in_order(opt: dict[str, Any], mean: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Any]:
    """An optimiser's state, saved beside averaged weights `mean`, for a network whose averaged weights are `own`."""
    return reordered(opt, _rest(mean), _rest(own))
