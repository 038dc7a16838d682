"""The ablations of ca2m-edge: each trains, and lacks what its name says and nothing else."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch
from conftest import Squares

from ca2m import config
from ca2m.config import Config
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed, batches
from ca2m.learn.train import Trainer
from ca2m.net.network import build

LACKS = {
    "without-noun": {"noun", "rank", "second"},
    "without-rank": {"rank"},
    "without-second": {"second"},
    "without-look": {"look"},
    "without-ca2m": {"group_layers", "merge_layers"},
}


def test_all_of_them_are_here() -> None:
    assert {n for n in config.names() if n.startswith("ablations/")} == {f"ablations/{n}" for n in (*LACKS, "whole")}


@pytest.mark.parametrize("name", LACKS)
def test_an_ablation_trains_without_what_it_names(name: str, small: Config) -> None:
    whole, c = config.load("ablations/whole"), config.load(f"ablations/{name}")
    a, b = asdict(whole.network), asdict(c.network)
    assert {k for k in a if a[k] != b[k]} - {"name"} == LACKS[name]
    assert (whole.run, whole.loss, whole.augment) == (c.run, c.loss, c.augment)
    layers = {k: min(b[k], 1) for k in ("group_layers", "merge_layers")}
    changed = {k: b[k] for k in LACKS[name]} | layers
    c = replace(small, network=replace(small.network, **changed))
    trainer = Trainer(c, build(c.network), torch.device("cpu"))
    before = {k: v.clone() for k, v in trainer.net.named_parameters()}
    for _, batch in zip(range(3), batches(c, Squares(c.network.image_size), 0, Feed(workers=0), Crew()), strict=False):
        assert torch.isfinite(trainer.step(batch)["loss"])
    assert not torch.equal(before["point.dense_out.weight"], trainer.net.state_dict()["point.dense_out.weight"])
