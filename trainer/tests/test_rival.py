from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort
import pytest
from transformers import OwlViTConfig

from ca2m import cli
from ca2m.measure import rival


def test_rates_are_taken_in_turns() -> None:
    calls: list[str] = []
    ways = {name: (lambda n=name: calls.append(n)) for name in "ab"}
    rates = rival.in_turns(ways, rounds=3, seconds=0.0)
    assert calls == ["a", "b"] * 4  # once to warm up
    assert rates.keys() == ways.keys()
    assert min(rates.values()) > 0


def test_other_bundles_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each in the precisions that both have."""
    for name, precisions in (("one", ("fp32", "int8")), ("other", ("fp32",))):
        (tmp_path / name).mkdir()
        graphs = {"frame": [{"precision": p} for p in precisions]}
        (tmp_path / name / "bundle.json").write_text(json.dumps({"name": "edge", "graphs": graphs}))
    called: set[str] = set()

    def ours(folder: Path, precision: str, threads: int) -> Callable[[], object]:
        return lambda: called.add(f"{folder.name} {precision} {threads}")

    monkeypatch.setattr(rival, "ours", ours)
    monkeypatch.setattr(rival, "owl", lambda folder, threads: lambda: called.add("owl"))
    said = ["rival", str(tmp_path / "one"), "--beside", str(tmp_path / "other"), "--rounds", "1", "--seconds", "0"]
    assert cli.main(said) == 0
    assert called == {"owl", "one fp32 2", "one int8 2", "other fp32 2"}
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split("  ")[1] for line in lines] == ["edge, fp32", "edge, int8", f"{tmp_path / 'other'}, fp32"]


def test_the_graph_answers_for_every_patch(tmp_path: Path) -> None:
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "image_size": 96, "patch_size": 32}
    c = OwlViTConfig(text_config=small, vision_config=vision, projection_dim=16)
    rival.owl(tmp_path, 1, c)()
    session = ort.InferenceSession(str(tmp_path / "owlvit.onnx"), providers=["CPUExecutionProvider"])
    assert [o.shape for o in session.get_outputs()] == [[1, 9, 1], [1, 9, 4]]
