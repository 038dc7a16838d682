"""Pre-trained visual encoders from the files that people have: DETR checkpoints, torchvision ResNets, timm's models,
NanoDet-Plus.

Every tensor of the encoder is either filled from the file or named in the error; what a file holds beside the encoder
is named in one line of the log.
"""

from __future__ import annotations

import argparse
import logging
import pickle
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ca2m.net import efficientnet, nanodet, words
from ca2m.net.backbones import TimmEncoder
from ca2m.net.network import Net
from ca2m.net.sight import NanoDetEncoder

log = logging.getLogger("ca2m")

DETR = "backbone.0.body."
"""Before the ResNet's own names in facebookresearch/detr (detr-r50-e632da11.pth) and in TransVG's copies of it."""

BESIDE = ("fc.", "transformer.", "class_embed.", "bbox_embed.", "query_embed.", "input_proj.", "backbone.1.")
"""What classifiers and detectors hold beside the encoder."""


def sight(net: Net, path: Path) -> None:
    """Fills the network's visual encoder from a file. ValueError lists what is missing or does not fit."""
    if isinstance(net.sight, NanoDetEncoder):
        net.sight.body.load_state_dict(nanodet.load(path).state_dict())
        return
    body: Any = net.sight.body
    state = state_of(path)
    state = net.sight.of_file(state, path) if isinstance(net.sight, TimmEncoder) else resnet_names(state, path)
    check(state, body.state_dict(), f"load {path} into {net.c.sight}")
    body.load_state_dict(state)


def namer(net: Net) -> None:
    """Fills the network's namer, where it has one, from its package, and the words of its classes by the linguistic
    encoder as it is."""
    if not isinstance(net.sight, NanoDetEncoder) or net.sight.namer is None:
        return
    named = None
    if net.c.classifies:
        named = words.of_names(net.words, words.tokenizer(net.c.words, net.c.phrase_len), efficientnet.names())
    net.sight.namer.fill(named)


def state_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a .pth with or without `model` or `state_dict` around them."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]):  # DETR's own checkpoints keep their arguments
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as cause:
        raise ValueError(f"load {path}: not weights that can be read safely: {str(cause).splitlines()[0]}") from cause
    for around in ("model", "state_dict"):
        if isinstance(state, Mapping) and isinstance(state.get(around), Mapping):
            state = state[around]
    if not (isinstance(state, Mapping) and state and all(isinstance(v, Tensor) for v in state.values())):
        raise ValueError(f"load {path}: holds no state dict (names to tensors, or such a one under `model`)")
    return {str(k).removeprefix("module."): v for k, v in state.items()}


def resnet_names(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """DETR's or torchvision's names to torchvision's, without what is beside the encoder; that is logged."""
    detr = any(k.startswith(DETR) for k in state)
    if not detr and "conv1.weight" not in state:
        first = ", ".join(list(state)[:4])
        raise ValueError(f"load {path}: neither DETR's names ({DETR}conv1.weight) nor torchvision's, but {first}, ...")
    kept, beside = {}, Counter[str]()
    for k, v in state.items():
        name = k.removeprefix(DETR)
        if k.startswith(BESIDE) or name.endswith("num_batches_tracked"):
            beside[name.split(".")[0] if k.startswith(BESIDE) else "num_batches_tracked"] += 1
        else:
            kept[name] = v
    listed = ", ".join(f"{name} ({n})" for name, n in beside.items()) or "nothing"
    log.info(
        "%s: %s layout, %d tensors taken, not needed: %s", path, "DETR" if detr else "torchvision", len(kept), listed
    )
    return kept


def check(state: Mapping[str, Tensor], own: Mapping[str, Tensor], doing: str) -> None:
    """ValueError with a line for every name that only one of them has, and for every shape that differs."""

    def shape(x: Tensor) -> str:
        return "x".join(map(str, x.shape)) or "scalar"

    wrong = [f"missing {k} {shape(v)}" for k, v in own.items() if k not in state]
    wrong += [
        f"{k} is {shape(state[k])}, not {shape(v)}" for k, v in own.items() if k in state and state[k].shape != v.shape
    ]
    wrong += [f"unknown {k} {shape(v)}" for k, v in state.items() if k not in own]
    if wrong:
        raise ValueError("\n  ".join([f"{doing}: {len(wrong)} of {len(own)} tensors do not fit:", *wrong]))
