"""What is kept of a network, and how it is read back: a run's checkpoint (.pt), and the trained weights beside a
bundle's graphs (weights.safetensors), so that a bundle can be trained on (`ca2m finetune --start BUNDLE`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ca2m.config import Config, Network, from_dict
from ca2m.net import migrate, words
from ca2m.net.network import Net, build

FILE = "weights.safetensors"
WORDS = "words."  # before the names of the linguistic encoder's weights


def began(start: Path, words_folder: str = "") -> Net:
    """The network of a checkpoint or of a bundle's folder, to train on from. words_folder: as in `load`."""
    return read_bundle(start, words_folder) if start.is_dir() else load(start, words_folder=words_folder)[1]


def network_of(start: Path) -> Network:
    """What a checkpoint's or a bundle's network is."""
    if start.is_dir():
        return from_dict({"network": _about(start)["config"]}, where=f"{start}/bundle.json").network
    return from_dict(_state(start)["config"], where=str(start)).network


def holds_words(start: Path) -> bool:
    """Whether a checkpoint or a bundle holds all weights of the linguistic encoder, so that its folder need not."""
    if start.is_dir():
        c = network_of(start)
        return _all_words(load_file(_file(start)), words.blank(c.words, c.words_width))
    return _any_words(_state(start)["net"])


def left_out(start: Path) -> tuple[str, ...]:
    """`run.leave_out` of the run that a checkpoint or bundle comes from."""
    if start.is_dir():
        return tuple(_about(start).get("training", {}).get("run", {}).get("leave_out", ()))
    return from_dict(_state(start)["config"], where=str(start)).run.leave_out


# --- checkpoints of a run ---


def read(path: Path, device: torch.device | None = None) -> tuple[Config, dict[str, Any]]:
    """A checkpoint's configuration, and all that it holds, as a run of today would have saved it."""
    state: dict[str, Any] = torch.load(path, map_location=device or "cpu", weights_only=True)
    c = from_dict(state["config"], where=str(path))
    return c, migrate.checkpoint(state, c.network)


def trained(net: Net) -> dict[str, Tensor]:
    """The network's state without the linguistic encoder where that never learnt: it is a package of its own."""
    own = net.own_words or any(p.requires_grad for p in net.words.parameters())
    return {k: v for k, v in net.state_dict().items() if own or not k.startswith(WORDS)}


def load(path: Path, device: torch.device | None = None, words_folder: str = "") -> tuple[Config, Net]:
    """A checkpoint's configuration and network, averaged weights, ready to evaluate or export.

    words_folder: the linguistic encoder's, instead of the one that the configuration names. Where the checkpoint holds
    the encoder's weights, only its config.json and tokenizer are read."""
    c, state = read(path, device)
    if words_folder:
        c = replace(c, network=replace(c.network, words=words_folder))
    holds = _any_words(state["net"])
    net = build(c.network, words.unfilled(c.network.words) if holds else None)
    try:
        missing = net.load_state_dict({**state["net"], **state["mean"]}, strict=False)
    except RuntimeError as cause:  # another BERT's folder: its first line says no more than the class
        raise ValueError(f"load {path}: {' '.join(str(cause).split())[:200]}") from cause
    lost = [k for k in missing.missing_keys if not k.startswith(WORDS)] + list(missing.unexpected_keys)
    if lost:
        raise ValueError(f"load {path}: keys do not fit: {', '.join(lost[:8])}")
    net.own_words = holds
    return c, net.to(device or "cpu").eval()


def mean(paths: Sequence[Path], out: Path) -> None:
    """Writes the mean of several runs' averaged weights as a checkpoint (model soup, Wortsman et al. 2022): runs from
    one start that saw other samples stay near enough to each other for it. ValueError where networks differ."""
    states = [read(path)[1] for path in paths]
    for path, state in zip(paths, states, strict=True):
        if state["config"]["network"] != states[0]["config"]["network"]:
            raise ValueError(f"mean: {path} is of another network than {paths[0]}")
    whole = [{**state["net"], **state["mean"]} for state in states]
    net = {k: v if not v.is_floating_point() else sum(w[k] / len(whole) for w in whole) for k, v in whole[0].items()}
    of = [{"seed": s["config"]["run"]["seed"], "samples": s["done"]} for s in states]
    torch.save({"config": states[0]["config"], "net": net, "mean": {}, "done": states[0]["done"], "of": of}, out)


def _state(path: Path) -> dict[str, Any]:
    """A checkpoint, its tensors left on the disk until they are looked at."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return state


def _any_words(names: Collection[str]) -> bool:
    return any(k.startswith(WORDS) for k in names)


# --- the weights in a bundle ---


def write_bundle(net: Net, out: Path) -> None:
    """weights.safetensors in float16. What the linguistic encoder's own package already holds is left out."""
    try:
        theirs = {f"{WORDS}{k}": v.half() for k, v in words.load(net.c.words).state_dict().items()}
    except OSError:
        if not net.own_words:
            raise
        theirs = {}  # its folder holds no weights, and need not
    state = {k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in net.state_dict().items()}
    own = {k: v for k, v in state.items() if not (k in theirs and torch.equal(v, theirs[k]))}
    save_file(own, out / FILE, metadata={"format": "pt"})


def described(out: Path) -> dict[str, Any]:
    """What bundle.json says under `weights`; its hash stands under `files`, too, where the program checks it."""
    path = out / FILE
    return {"file": FILE, "precision": "fp16", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def read_bundle(folder: Path, words_folder: str = "") -> Net:
    """The network of a bundle as it was exported, ready to train on. ValueError says why it cannot be.

    words_folder: the linguistic encoder's, instead of the one that the bundle names."""
    path = _file(folder)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _about(folder)["weights"]["sha256"]:
        raise ValueError(f"start from {path}: differs from its SHA-256 in bundle.json; copy the bundle again")
    c = network_of(folder)
    c = replace(c, words=words_folder or c.words)
    try:
        state = migrate.weights(load_file(path), c)
    except SafetensorError as cause:
        raise ValueError(f"start from {path}: not a safetensors file: {cause}") from cause
    encoder = words.unfilled(c.words)
    net = build(c, encoder if _all_words(state, encoder) else None)
    own = net.state_dict()
    wrong = [f"{k} {tuple(v.shape)}" for k, v in state.items() if k not in own or own[k].shape != v.shape]
    wrong += [f"no {k}" for k in own if k not in state and not k.startswith(WORDS)]
    if wrong:
        raise ValueError(f"start from {path}: does not fit {c.name}: {', '.join(wrong)}")
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, strict=False)
    net.own_words = _any_words(state)
    return net


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    return about


def _file(folder: Path) -> Path:
    about = _about(folder)
    if "weights" not in about:
        raise ValueError(f"start from {folder}: the bundle holds graphs only; export it again with this version's ca2m")
    return folder / str(about["weights"]["file"])


def _all_words(state: dict[str, Tensor], encoder: words.TextEncoder) -> bool:
    return all(f"{WORDS}{k}" in state for k in encoder.state_dict())
