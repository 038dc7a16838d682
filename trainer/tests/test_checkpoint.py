"""Trained weights in a bundle: what comes back is what was exported."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ca2m.config import Config
from ca2m.net import checkpoint
from ca2m.net.network import Net, build
from ca2m.ship import export


def bundled(c: Config, out: Path, learn_words: bool) -> Net:
    """What export writes of the weights, without the graphs."""
    torch.manual_seed(3)
    net = build(c.network)
    if learn_words:
        with torch.no_grad():
            net.words.layers[5].output.dense.weight += 0.1
    net = export.rounded(net)
    checkpoint.write_bundle(net, out)
    (out / "bundle.json").write_text(json.dumps({"config": asdict(c.network), "weights": checkpoint.described(out)}))
    return net


@pytest.mark.parametrize("learn_words", [False, True])
def test_a_bundle_gives_back_its_network(small: Config, tmp_path: Path, learn_words: bool) -> None:
    net = bundled(small, tmp_path, learn_words)
    back = checkpoint.read_bundle(tmp_path)
    assert back.c == small.network
    for (k, a), b in zip(net.state_dict().items(), back.state_dict().values(), strict=True):
        if k.startswith("words.") and not learn_words:
            continue  # as their package has them
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3, msg=k)
    held = [k for k in load_file(tmp_path / checkpoint.FILE) if k.startswith("words.")]
    assert held == (["words.layers.5.output.dense.weight"] if learn_words else [])


def test_what_cannot_be_started_from_is_named(small: Config, tmp_path: Path) -> None:
    bundled(small, tmp_path, learn_words=False)
    told = json.loads((tmp_path / "bundle.json").read_text())

    def broken(about: dict, said: str) -> None:
        (tmp_path / "bundle.json").write_text(json.dumps(about))
        with pytest.raises(ValueError, match=said):
            checkpoint.read_bundle(tmp_path)

    broken({k: v for k, v in told.items() if k != "weights"}, "holds graphs only")
    broken(told | {"weights": told["weights"] | {"sha256": "00"}}, "differs from its SHA-256")
    state = load_file(tmp_path / checkpoint.FILE)
    state["strange"] = state.pop("box.0.bias")
    save_file(state, tmp_path / checkpoint.FILE)
    broken(told | {"weights": checkpoint.described(tmp_path)}, r"does not fit small: strange \(48,\), no box.0.bias")
