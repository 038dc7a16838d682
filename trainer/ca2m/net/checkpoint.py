"""Networks from checkpoints and bundles: what is kept of them, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ca2m.config import Config, Network, from_dict
from ca2m.net import weights, words
from ca2m.net.network import Net, build


def trained(net: Net) -> dict[str, Tensor]:
    """The network's state without the linguistic encoder where that never learnt: it is a package of its own."""
    own = net.own_words or any(p.requires_grad for p in net.words.parameters())
    return {k: v for k, v in net.state_dict().items() if own or not k.startswith("words.")}


def load(path: Path, device: torch.device | None = None, words_folder: str = "") -> tuple[Config, Net]:
    """A checkpoint's configuration and network, averaged weights, ready to evaluate or export.

    words_folder: the linguistic encoder's, instead of the one that the configuration names. Where the checkpoint holds
    the encoder's weights, only its config.json and tokenizer are read."""
    state = torch.load(path, map_location=device or "cpu", weights_only=True)
    c = from_dict(state["config"], where=str(path))
    if words_folder:
        c = replace(c, network=replace(c.network, words=words_folder))
    holds = any(k.startswith("words.") for k in state["net"])
    net = build(c.network, words.unfilled(c.network.words) if holds else None)
    try:
        missing = net.load_state_dict({**state["net"], **state["mean"]}, strict=False)
    except RuntimeError as cause:  # another BERT's folder: its first line says no more than the class
        raise ValueError(f"load {path}: {' '.join(str(cause).split())[:200]}") from cause
    lost = [k for k in missing.missing_keys if not k.startswith("words.")] + list(missing.unexpected_keys)
    if lost:
        raise ValueError(f"load {path}: keys do not fit: {', '.join(lost[:8])}")
    net.own_words = holds
    return c, net.to(device or "cpu").eval()


def mean(paths: Sequence[Path], out: Path) -> None:
    """Writes the mean of several runs' averaged weights as a checkpoint (model soup, Wortsman et al. 2022): runs from
    one start that saw other samples stay near enough to each other for it. ValueError where networks differ."""
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in paths]
    for path, state in zip(paths, states, strict=True):
        if state["config"]["network"] != states[0]["config"]["network"]:
            raise ValueError(f"mean: {path} is of another network than {paths[0]}")
    whole = [{**state["net"], **state["mean"]} for state in states]
    net = {k: v if not v.is_floating_point() else sum(w[k] / len(whole) for w in whole) for k, v in whole[0].items()}
    of = [{"seed": s["config"]["run"]["seed"], "samples": s["done"]} for s in states]
    torch.save({"config": states[0]["config"], "net": net, "mean": {}, "done": states[0]["done"], "of": of}, out)


def began(start: Path, words_folder: str = "") -> Net:
    """The network of a checkpoint or of a bundle's folder, to train on from. words_folder: as in `load`."""
    return weights.read(start, words_folder) if start.is_dir() else load(start, words_folder=words_folder)[1]


def network_of(start: Path) -> Network:
    """What a checkpoint's or a bundle's network is."""
    if start.is_dir():
        return weights.network_of(start)
    state = torch.load(start, map_location="cpu", weights_only=True, mmap=True)
    return from_dict(state["config"], where=str(start)).network


def holds_words(start: Path) -> bool:
    """Whether a checkpoint or a bundle holds weights of the linguistic encoder."""
    if start.is_dir():
        return weights.holds_words(start)
    state = torch.load(start, map_location="cpu", weights_only=True, mmap=True)
    return any(k.startswith("words.") for k in state["net"])


def left_out(start: Path) -> tuple[str, ...]:
    """`run.leave_out` of the run that a checkpoint or bundle comes from."""
    if start.is_dir():
        run = json.loads((start / "bundle.json").read_text(encoding="utf-8")).get("training", {}).get("run", {})
        return tuple(run.get("leave_out", ()))
    state = torch.load(start, map_location="cpu", weights_only=True)
    return from_dict(state["config"], where=str(start)).run.leave_out
