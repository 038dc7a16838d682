"""`ca2m fps`: frames a second of whole PyTorch networks, in turns (the paper's Fig. 2 and Table V). Weights are random:
they change no speed."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ca2m import config, device
from ca2m.config import Network
from ca2m.net import words
from ca2m.net.network import Net

PAPER = {"ca2m-r50": 31.5, "ca2m-r101": 24.6, "tables/table5-encoder": 25.3}
"""Frames a second on a GTX 1080 Ti, a phrase each."""


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("fps", help="frames a second of the PyTorch network, beside the paper's Fig. 2 and Table V")
    p.add_argument("configs", nargs="*", default=["ca2m-r50", "tables/table5-encoder"], help="names or YAML files")
    p.add_argument("--device", default="", help="cpu, cuda, cuda:1; several with commas; default: all kinds there are")
    p.add_argument("--precision", choices=["fp32", *device.PRECISIONS], default="fp32")
    p.add_argument("--words", type=int, default=0, metavar="N", help="tokens of the phrase; default: the longest")
    p.add_argument("--rounds", type=int, default=5, help="turns of each; the median is told, and the range")
    p.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=_run)


class Asked:
    """A network that is asked the same phrase about one picture after another, each with a phrase of its own as in the
    paper: both encoders run for every answer."""

    def __init__(self, c: Network, where: torch.device, precision: str = "fp32", length: int = 0) -> None:
        """length: tokens of the phrase; 0: as many as the network takes."""
        self.device, self.precision = where, precision
        self.net = Net(c, words.blank(c.words, c.words_width)).to(where).eval()
        side, length = c.image_size, length or c.phrase_len
        self.picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
        self.ids = torch.zeros(1, length, dtype=torch.int64)

    @torch.inference_mode()
    def answer(self) -> Tensor:
        """One picture and phrase from plain memory to one [CLS] box there, (4,)."""
        image, ids = torch.from_numpy(self.picture).to(self.device), self.ids.to(self.device)
        with device.autocast(self.precision, self.device):
            grounding = self.net(image, ids, torch.ones_like(ids))
        return grounding.cls_box[0].cpu()  # which waits for the device

    def rate(self, seconds: float) -> float:
        """Answers a second, over at least so many seconds and at least one answer."""
        began, n = perf_counter(), 0
        while n == 0 or perf_counter() - began < seconds:
            self.answer()
            n += 1
        return n / (perf_counter() - began)


def in_turns(asked: dict[str, Asked], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Rates of each, in turns, so that what else the machine does meets all alike."""
    for one in asked.values():
        one.answer()  # what is set up once
    rates: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, one in asked.items():
            rates[name].append(one.rate(seconds))
    return rates


def _devices(listed: str) -> list[torch.device]:
    every = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]
    return [device.chosen(name) for name in (listed.split(",") if listed else every)]


def _run(args: argparse.Namespace) -> None:
    if args.rounds < 1 or args.words < 0:
        raise ValueError("--rounds must be 1 or more, --words 0 or more")
    nets, rows = {name: config.load(name).network for name in args.configs}, []
    for where in _devices(args.device):
        device.prepare(where)
        asked = {name: Asked(c, where, args.precision, args.words) for name, c in nets.items()}
        rates = in_turns(asked, args.rounds, args.seconds)
        what = torch.cuda.get_device_name(where) if where.type == "cuda" else f"{torch.get_num_threads()} threads"
        for name, own in rates.items():
            fps = {"median": statistics.median(own), "least": min(own), "most": max(own)}
            rows.append(
                {"config": name, "device": str(where), "what": what, "precision": args.precision}
                | {"size": nets[name].image_size, "words": args.words or nets[name].phrase_len}
                | {k: round(v, 3) for k, v in fps.items()}
                | {"paper_1080ti": PAPER.get(name)}
            )
    print(json.dumps(rows) if args.json else table(rows))


def table(measured: Sequence[dict[str, Any]]) -> str:
    """For people: a line for each network and device."""
    wide = max(len(row["config"]) for row in measured)
    rows = []
    for row in measured:
        paper = f"   paper {row['paper_1080ti']} on a GTX 1080 Ti" if row["paper_1080ti"] else ""
        where = f"{row['device']} ({row['what']}, {row['precision']})"
        shape = f"{row['size']} x {row['size']}, {row['words']} words"
        speed = f"{row['median']:.2f} a second ({row['least']:.2f} to {row['most']:.2f})"
        rows.append(f"{row['config']:<{wide}}  {where}  {shape}  {speed}{paper}")
    return "\n".join(rows)
