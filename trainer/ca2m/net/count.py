"""`ca2m count`: parameters and FLOPs of every configuration, beside what the paper says of its own."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from ca2m import config
from ca2m.config import Network
from ca2m.net import words
from ca2m.net.network import Net

PAPER = {"ca2m-r50": (147.15e6, 110.76e9), "tables/table5-encoder": (121.14e6, 126.89e9)}
"""Parameters and FLOPs in Table V."""


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("count", help="parameters and FLOPs of the configurations, beside the paper's")
    p.add_argument("configs", nargs="*", help="names or YAML files; all that come with the package when none is given")
    p.add_argument("--json", action="store_true", help='{variant: {"params", "flops"}}')
    p.set_defaults(run=_run)


def count(c: Network) -> dict[str, int]:
    """Parameters, and FLOPs of one picture with one phrase of the longest length.

    FLOPs are torch's own counter's: two for each multiply-add of convolutions, matrix products and attention; nothing
    for normalisation, activations, softmax and interpolation. No weights are read.
    """
    shapes = nullcontext() if c.sight == "nanodet" else torch.device("meta")  # nanodet reads its classes' names
    with shapes:
        net = Net(c, words.blank(c.words, c.words_width))
    params = sum(p.numel() for p in net.parameters())
    net = net.to("meta").train()  # the map of Fig. 9 is drawn in evaluation only, and is not counted
    image = torch.zeros(1, c.image_size, c.image_size, 3, dtype=torch.uint8, device="meta")
    ids = torch.zeros(1, c.phrase_len, dtype=torch.int64, device="meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        net(image, ids, torch.ones_like(ids))
    return {"params": params, "flops": counter.get_total_flops()}


def _run(args: argparse.Namespace) -> None:
    chosen = args.configs or config.names()
    nets = {name: replace(config.load(name).network, name="") for name in chosen}
    counted = {c: count(c) for c in dict.fromkeys(nets.values())}  # what differs in the loss alone is counted once
    by_name = {name: counted[c] for name, c in nets.items()}
    print(json.dumps(by_name, indent=1) if args.json else table(by_name))


def table(counted: dict[str, dict[str, int]]) -> str:
    """A line a configuration, with the paper's numbers where it has some."""
    wide = max(map(len, counted))
    rows = [f"{'':<{wide}}  parameters      FLOPs   (two for a multiply-add; longest phrase)"]
    for name, n in counted.items():
        row = f"{name:<{wide}}  {n['params'] / 1e6:8.2f} M  {n['flops'] / 1e9:7.2f} G"
        if name in PAPER:
            params, flops = PAPER[name]
            off = f"{n['params'] / params - 1:+.2%}, {n['flops'] / flops - 1:+.2%}"
            row += f"   paper {params / 1e6:.2f} M, {flops / 1e9:.2f} G: {off}"
        rows.append(row)
    return "\n".join(rows)
