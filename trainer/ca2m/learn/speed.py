"""`ca2m speed`: what the loader alone delivers, and what the network takes: which of them waits for the other?"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from ca2m import config
from ca2m.config import Config
from ca2m.data import checks, splits, weighted
from ca2m.data.sample import Samples
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Batch, Feed, batches, speed
from ca2m.learn.train import Trainer
from ca2m.net.network import build


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("speed", help="pictures a second of the loader alone, and what a GPU can be fed with")
    p.add_argument("--config", default="ca2m-edge", help="name or YAML file")
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="changes the configuration")
    weighted.add_refs(p)
    p.add_argument("--photos", type=Path, help="COCO-format annotations for rule-written phrases")
    p.add_argument("--workers", default="0,1,2,4", help="numbers of processes to try")
    p.add_argument("--prefetch", type=int, default=3, help="batches that each of them makes ahead")
    p.add_argument("--no-pin", action="store_true", help="no pinned memory beside a GPU")
    p.add_argument("--seconds", type=float, default=10.0, help="to measure for each")
    p.add_argument(
        "--steps", type=int, default=0, help="training steps to time on one batch, too; run.compile: with and without"
    )
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    c = config.load(args.config, args.set)
    photos = checks.load_photos(args.photos) if args.photos else []
    files = weighted.load(weighted.chosen(args.refs, c.data))
    samples = files.samples(c, *splits.plan(files.refs, photos, splits.Policy.of(c)).train)
    c = replace(c, run=replace(c.run, samples=1 << 40, epochs=0))
    measured: dict[str, dict[str, float] | float] = {"loader": {}}
    rates = {
        n: speed(c, samples, Feed(int(n), args.prefetch, not args.no_pin), args.seconds)
        for n in args.workers.split(",")
    }
    measured["loader"] = {n: round(rate, 1) for n, rate in rates.items()}
    steps = network(c, samples, args.steps) if args.steps else {}
    print(json.dumps(measured | steps) if args.json else table(c, rates, steps))


class Steps:
    """Training steps on one batch again and again: the device's own rate."""

    def __init__(self, c: Config, batch: Batch) -> None:
        crew = Crew()
        self.c, self.batch = c, batch
        self.trainer = Trainer(c, build(c.network), crew.device(c.run), crew)
        began = time.perf_counter()
        self.rate(1)  # what is set up once
        self.begins = time.perf_counter() - began  # seconds

    def rate(self, steps: int) -> float:
        """Samples a second over so many steps."""
        began = time.perf_counter()
        for _ in range(steps):
            self.trainer.step(self.batch)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return steps * self.c.run.batch / (time.perf_counter() - began)


ROUNDS = 3  # turns of each, so that what else the machine does meets both alike


def network(c: Config, samples: Samples, steps: int) -> dict[str, float]:
    """`network`: samples a second that the network learns from. With `run.compile` the one as it is runs in turns with
    it, and `plain`, the `ratio` and the seconds of the first step, `compiling`, are told, too."""
    batch = next(batches(c, samples, 0, Feed(workers=0), Crew()))
    ways = {"network": Steps(c, batch)}
    if c.run.compile:
        ways["plain"] = Steps(replace(c, run=replace(c.run, compile=False)), batch)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS if c.run.compile else 1):
        for name, way in ways.items():
            rates[name].append(way.rate(steps))
    figures = {name: round(median(each), 3) for name, each in rates.items()}
    if c.run.compile:
        figures["ratio"] = round(median(rates["network"]) / median(rates["plain"]), 3)
        figures["compiling"] = round(ways["network"].begins, 1)
    return figures


def table(c: Config, rates: dict[str, float], network: dict[str, float]) -> str:
    """For people: a line for each number of workers."""
    side = c.network.image_size
    rows = [f"{c.network.name}, {side} x {side}, batch {c.run.batch}, augmentation {c.augment.recipe}"]
    for n, rate in rates.items():
        rows.append(
            f"{n:>3} workers  {rate:8.1f} pictures a second: feeds a device that takes a batch in"
            f" {c.run.batch / rate * 1000:.0f} ms or longer"
        )
    if network:
        best = max(rates, key=lambda n: rates[n])
        waits = "the loader" if rates[best] > network["network"] else "the device"
        rows.append(f"the device learns from {network['network']:.2f} a second: with {best} workers {waits} waits")
    if "ratio" in network:
        plain, ratio, first = (network[k] for k in ("plain", "ratio", "compiling"))
        rows.append(f"compiled: {ratio:.2f} times the {plain:.2f} a second without, after {first:.0f} s at the start")
    return "\n".join(rows)
