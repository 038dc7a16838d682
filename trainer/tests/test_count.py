"""Parameters and FLOPs: against counting by hand, and against the paper."""

from __future__ import annotations

import json

import pytest
import torch

from ca2m import cli, config
from ca2m.net.count import PAPER, count


@pytest.mark.parametrize("name", sorted(PAPER))
def test_the_papers_numbers_are_met(name: str) -> None:
    n = count(config.load(name).network)
    params, flops = PAPER[name]
    assert n["params"] == pytest.approx(params, rel=0.003)
    assert n["flops"] == pytest.approx(flops, rel=0.0126)


def test_ca2m_saves_the_flops_that_the_paper_says() -> None:
    ca2m, encoder = (count(config.load(n).network) for n in ("ca2m-r50", "tables/table5-encoder"))
    assert (encoder["flops"] - ca2m["flops"]) / 1e9 == pytest.approx(126.89 - 110.76, abs=0.01)
    assert (ca2m["params"] - encoder["params"]) / 1e6 == pytest.approx(147.15 - 121.14, abs=0.01)


def test_deeper_and_wider_costs_what_it_should() -> None:
    one, two = (config.load(f"tables/table4-grouping6-merging{k}").network for k in (1, 2))
    layer = 2 * (4 * 768**2 + 8 * 768**2 + 768 * (4 + 5)) + 2 * 4 * 768  # two halves: attention, feed-forward, norms
    a, b = count(one), count(two)
    assert b["params"] - a["params"] == layer
    products = (1024 + 40) * (4 + 8) * 768**2 + 4 * 1024 * 40 * 768
    assert b["flops"] - a["flops"] == 2 * products


def test_the_command_counts_without_weights(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca2m.net.words.load", lambda name: pytest.fail("reads weights"))
    assert cli.main(["count", "ca2m-edge", "tables/table4-grouping0-merging9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["ca2m-edge", "tables/table4-grouping0-merging9"]
    assert all(set(v) == {"params", "flops"} and v["params"] > 1e7 for v in found.values())
    assert cli.main(["count", "ca2m-r50"]) == 0
    assert "paper 147.15 M, 110.76 G" in capsys.readouterr().out
    assert torch.get_default_device().type == "cpu"
