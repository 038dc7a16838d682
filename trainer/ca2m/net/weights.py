"""A bundle's trained weights beside its graphs, so that a bundle can be trained on (`ca2m finetune --start BUNDLE`)."""

from __future__ import annotations

import hashlib
import json
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
    theirs = {f"words.{k}": v.half() for k, v in words.load(net.c.words).state_dict().items()}
    state = {k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in net.state_dict().items()}
    own = {k: v for k, v in state.items() if not (k in theirs and torch.equal(v, theirs[k]))}
    save_file(own, out / FILE, metadata={"format": "pt"})


def about(out: Path) -> dict[str, Any]:
    """What bundle.json says under `weights`; its hash stands under `files`, too, where the program checks it."""
    path = out / FILE
    return {"file": FILE, "precision": "fp16", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def read(folder: Path) -> Net:
    """The network of a bundle as it was exported, ready to train on. ValueError says why it cannot be."""
    about = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    if "weights" not in about:
        raise ValueError(f"start from {folder}: the bundle holds graphs only; export it again with this version's ca2m")
    path = folder / about["weights"]["file"]
    if hashlib.sha256(path.read_bytes()).hexdigest() != about["weights"]["sha256"]:
        raise ValueError(f"start from {path}: differs from its SHA-256 in bundle.json; copy the bundle again")
    c: Network = from_dict({"network": about["config"]}, where=f"{folder}/bundle.json").network
    try:
        state: dict[str, Tensor] = load_file(path)
    except SafetensorError as cause:
        raise ValueError(f"start from {path}: not a safetensors file: {cause}") from cause
    net = build(c)
    own = net.state_dict()
    wrong = [f"{k} {tuple(v.shape)}" for k, v in state.items() if k not in own or own[k].shape != v.shape]
    wrong += [f"no {k}" for k in own if k not in state and not k.startswith("words.")]
    if wrong:
        raise ValueError(f"start from {path}: does not fit {c.name}: {', '.join(wrong)}")
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, strict=False)
    net.own_words = any(k.startswith("words.") for k in state)
    return net
