"""A bundle's trained weights beside its graphs, so that a bundle can be trained on (`ca2m finetune --start BUNDLE`)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ca2m.config import Network, from_dict
from ca2m.net import words
from ca2m.net.network import Net, build

FILE = "weights.safetensors"


def write(net: Net, out: Path) -> None:
    """weights.safetensors in float16. What the linguistic encoder's own package already holds is left out."""
    try:
        theirs = {f"words.{k}": v.half() for k, v in words.load(net.c.words).state_dict().items()}
    except OSError:
        if not net.own_words:
            raise
        theirs = {}  # its folder holds no weights, and need not
    state = {k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in net.state_dict().items()}
    own = {k: v for k, v in state.items() if not (k in theirs and torch.equal(v, theirs[k]))}
    save_file(own, out / FILE, metadata={"format": "pt"})


def about(out: Path) -> dict[str, Any]:
    """What bundle.json says under `weights`; its hash stands under `files`, too, where the program checks it."""
    path = out / FILE
    return {"file": FILE, "precision": "fp16", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def network_of(folder: Path) -> Network:
    """What a bundle's network is."""
    about = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    return from_dict({"network": about["config"]}, where=f"{folder}/bundle.json").network


def holds_words(folder: Path) -> bool:
    """Whether a bundle holds all weights of the linguistic encoder, so that its folder need not."""
    c = network_of(folder)
    return _all_words(load_file(_file(folder)), words.blank(c.words, c.words_width))


def _all_words(state: dict[str, Tensor], encoder: words.Words) -> bool:
    return all(f"words.{k}" in state for k in encoder.state_dict())


def _file(folder: Path) -> Path:
    about = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    if "weights" not in about:
        raise ValueError(f"start from {folder}: the bundle holds graphs only; export it again with this version's ca2m")
    return folder / str(about["weights"]["file"])


def read(folder: Path, words_folder: str = "") -> Net:
    """The network of a bundle as it was exported, ready to train on. ValueError says why it cannot be.

    words_folder: the linguistic encoder's, instead of the one that the bundle names."""
    about, path = json.loads((folder / "bundle.json").read_text(encoding="utf-8")), _file(folder)
    if hashlib.sha256(path.read_bytes()).hexdigest() != about["weights"]["sha256"]:
        raise ValueError(f"start from {path}: differs from its SHA-256 in bundle.json; copy the bundle again")
    c = network_of(folder)
    c = replace(c, words=words_folder or c.words)
    try:
        state: dict[str, Tensor] = load_file(path)
    except SafetensorError as cause:
        raise ValueError(f"start from {path}: not a safetensors file: {cause}") from cause
    encoder = words.unfilled(c.words)
    net = build(c, encoder if _all_words(state, encoder) else None)
    own = net.state_dict()
    wrong = [f"{k} {tuple(v.shape)}" for k, v in state.items() if k not in own or own[k].shape != v.shape]
    wrong += [f"no {k}" for k in own if k not in state and not k.startswith("words.")]
    if wrong:
        raise ValueError(f"start from {path}: does not fit {c.name}: {', '.join(wrong)}")
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, strict=False)
    net.own_words = any(k.startswith("words.") for k in state)
    return net
