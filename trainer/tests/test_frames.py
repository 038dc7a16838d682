"""Frames a second of PyTorch networks: both variants in one run, in turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torchvision
from conftest import paper, shallow_resnet, small_bert

from ca2m import cli
from ca2m.measure import frames


def narrow(folder: Path, name: str, base: str) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(
        f"base: {base}\nnetwork: {{image_size: 64, words_width: 24, c0: 16, c1: 48, heads0: 2, heads1: 2, "
        f"words: {folder / 'bert'}}}\n"
    )
    return str(path)


def test_both_variants_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torchvision.models, "resnet50", shallow_resnet)
    small_bert(tmp_path / "bert")
    configs = [narrow(tmp_path, "a", "ca2m-r50"), narrow(tmp_path, "b", "tables/table5-encoder")]
    command = ["fps", *configs, "--device", "cpu", "--rounds", "3", "--seconds", "0", "--json"]
    assert cli.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["config"] for row in found] == configs
    for row in found:
        assert 0 < row["least"] <= row["median"] <= row["most"]
        assert (row["size"], row["words"], row["device"]) == (64, 40, "cpu")
    assert frames.PAPER["ca2m-r50"] > frames.PAPER["tables/table5-encoder"]
    table = frames.table([found[0] | {"paper_1080ti": 31.5}])
    assert "64 x 64" in table and "paper 31.5 on a GTX 1080 Ti" in table


def test_turns_are_fair_and_an_answer_is_a_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "resnet50", shallow_resnet)
    asked = frames.Asked(paper(small_bert(tmp_path)).network, torch.device("cpu"), "bf16", 5)
    assert asked.ids.shape == (1, 5) and asked.answer().shape == (4,)
    turns: list[str] = []

    class Told:
        def __init__(self, name: str) -> None:
            self.name = name

        def answer(self) -> None:
            turns.append(self.name)

        def rate(self, seconds: float) -> float:
            self.answer()
            return seconds

    rates = frames.in_turns({"a": Told("a"), "b": Told("b")}, 2, 3.0)  # type: ignore[dict-item]
    assert "".join(turns) == "ab" + "abab" and rates == {"a": [3.0, 3.0], "b": [3.0, 3.0]}
