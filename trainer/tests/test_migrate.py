"""A run saved before parts that are switched off were left unbuilt goes on: weights by name, the optimiser by place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Squares

from ca2m.config import Config
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed, batches
from ca2m.learn.train import Trainer
from ca2m.net import checkpoint
from ca2m.net.network import build

NOUN = "scale; bias 81; pool.weigh.weight 1 384; pool.weigh.bias 1; turn.weight 384 384; turn.bias 384"
NOUN += "; other.weight 1 384; other.bias 1"
POINT = f"""
hint_weight; look_weight
noun: {NOUN}
noun2: {NOUN}
skip: weight 48 170; bias 48
dense: 0.weight 48 96; 0.bias 48
dense_out: weight 15 48; bias 15
rank_pool: weigh.weight 1 384; weigh.bias 1
rank_read: 0.weight 128 384; 0.bias 128; 2.weight 26 128; 2.bias 26
look_pool: weigh.weight 1 384; weigh.bias 1
look_read: weight 96 384; bias 96
look_see: 0.weight 192 43; 0.bias 192; 2.weight 96 192; 2.bias 96
present: 0.weight 64 101; 0.bias 64; 2.weight 1 64; 2.bias 1
"""
"""Names and shapes of the pointing head's weights in every checkpoint of the configuration `small` of then, in the
optimiser's order, whatever was switched off; they stood between those of `sight` and of `interact`."""

OFF: dict[str, dict[str, bool]] = {
    "nothing": {},
    "noun": {"noun": False, "rank": False, "second": False},
    "rank": {"rank": False},
    "second": {"second": False},
    "look": {"look": False},
    "presence": {"presence": False},
}
GONE = {
    "nothing": set(),
    "noun": {"hint_weight", "rank_pool", "rank_read"},
    "rank": set(),
    "second": set(),
    "look": {"look_pool", "look_read", "look_see", "look_weight"},
    "presence": {"present"},
}


def shapes() -> dict[str, tuple[int, ...]]:
    found = {}
    for line in POINT.strip().splitlines():
        part, colon, rest = line.rpartition(": ")
        for name, *shape in (entry.split() for entry in rest.split("; ")):
            found[f"point.{part}.{name}" if colon else f"point.{name}"] = tuple(map(int, shape))
    return found


def aged(path: Path, seed: int) -> dict[str, Any]:
    """The checkpoint at path as a run of then would have saved it, each weight and each moment a number of its own."""
    state = torch.load(path, weights_only=True)
    made, table = torch.Generator().manual_seed(seed), shapes()

    def numbers(shape: tuple[int, ...]) -> torch.Tensor:
        return 0.01 * torch.rand(shape, generator=made)

    point = {k: numbers(shape) for k, shape in table.items()}
    net = {k: numbers(tuple(v.shape)) if k in state["mean"] else v for k, v in state["net"].items()}
    mean = {k: net[k].clone() for k in state["mean"]}
    parts = {p: {k: v for k, v in mean.items() if k.startswith(p)} for p in ("sight.", "interact.", "box.")}
    mean = {**parts["sight."], **point, **parts["interact."], **parts["box."]}
    old, first = state["opt"]["param_groups"], list(range(len(mean)))
    groups = [{**old[0], "params": first}, {**old[1], "params": [len(first)]}]
    moments = {k: {"step": torch.tensor(2.0), "exp_avg": numbers(tuple(v.shape))} for k, v in enumerate(mean.values())}
    moments = {k: {**v, "exp_avg_sq": v["exp_avg"] ** 2} for k, v in moments.items()}
    moments[len(first)] = state["opt"]["state"][old[1]["params"][0]]
    net = {k: v for k, v in net.items() if not k.startswith("point.")} | point
    return {**state, "net": net, "mean": mean, "opt": {"state": moments, "param_groups": groups}}


@pytest.mark.parametrize("off", OFF)
def test_a_checkpoint_of_then_goes_on(small: Config, tmp_path: Path, off: str) -> None:
    c = replace(small, network=replace(small.network, **OFF[off]))
    trainer, path = Trainer(c, build(c.network), torch.device("cpu")), tmp_path / "last.pt"
    data = batches(c, Squares(c.network.image_size), 0, Feed(workers=0), Crew())
    trainer.step(next(data))
    trainer.save(path)
    then = aged(path, seed=3)
    torch.save(then, path)

    again = Trainer(c, build(c.network), torch.device("cpu"))
    again.resume(path)
    now = again.net.state_dict()
    gone = {k for k in then["net"] if k not in now}
    assert {k.split(".")[1] for k in gone} == GONE[off]
    assert all(torch.equal(now[k], v) for k, v in then["net"].items() if k not in gone)
    place = {k: n for n, k in enumerate(then["mean"])}
    live = {id(p): k for k, p in again.average.live.items()}
    for p in again.opt.param_groups[0]["params"]:
        want = then["opt"]["state"][place[live[id(p)]]]
        torch.testing.assert_close(again.opt.state[p]["exp_avg"], want["exp_avg"], rtol=0, atol=0)
    assert torch.isfinite(again.step(next(data))["loss"])
    loaded = checkpoint.load(path)[1].state_dict()
    torch.testing.assert_close(loaded["point.skip.weight"], then["mean"]["point.skip.weight"])


def test_a_run_of_now_has_the_names_of_then(small: Config) -> None:
    net = build(small.network)
    assert {k: tuple(p.shape) for k, p in net.named_parameters() if k.startswith("point.")} == shapes()
    assert {k.split(".")[0] for k in net.state_dict()} == {"words", "sight", "point", "interact", "box"}
