from __future__ import annotations

from pathlib import Path

import onnxruntime as ort
from transformers import OwlViTConfig

from ca2m.measure import rival


def test_rates_are_taken_in_turns() -> None:
    calls: list[str] = []
    ways = {name: (lambda n=name: calls.append(n)) for name in "ab"}
    rates = rival.in_turns(ways, rounds=3, seconds=0.0)
    assert calls == ["a", "b"] * 4  # once to warm up
    assert rates.keys() == ways.keys()
    assert min(rates.values()) > 0


def test_the_graph_answers_for_every_patch(tmp_path: Path) -> None:
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "image_size": 96, "patch_size": 32}
    c = OwlViTConfig(text_config=small, vision_config=vision, projection_dim=16)
    rival.owl(tmp_path, 1, c)()
    session = ort.InferenceSession(str(tmp_path / "owlvit.onnx"), providers=["CPUExecutionProvider"])
    assert [o.shape for o in session.get_outputs()] == [[1, 9, 1], [1, 9, 4]]
