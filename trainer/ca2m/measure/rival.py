"""`ca2m rival`: answers a second of a bundle and of OWL-ViT-B/32 (NanoOWL's network), both in ONNX Runtime on the same
threads, in turns. Weights are random in the latter: they change no speed. Other bundles may take their turns, too."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ca2m.infer.runtime import BundlePointer, session_of

if TYPE_CHECKING:
    from transformers import OwlViTConfig

PHRASE = "the red cup on the left"
OPSET = 18


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place among the others."""
    p = sub.add_parser("rival", help="answers a second beside those of OWL-ViT-B/32 in the same runtime")
    p.add_argument("bundle", type=Path)
    p.add_argument(
        "--beside", type=Path, action="append", default=[], metavar="BUNDLE", help="another bundle, in turns"
    )
    p.add_argument("--rounds", type=int, default=5, help="turns of each; medians are told")
    p.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=_run)


class Owl(nn.Module):
    """The part of OWL-ViT that runs for every picture: pixels (1, 3, 768, 768) and a phrase's query (1, 1, 512) to
    logits (1, 576, 1) and boxes (1, 576, 4). The phrase is read once, as NanoOWL does."""

    def __init__(self, config: OwlViTConfig) -> None:
        from transformers import OwlViTForObjectDetection

        super().__init__()
        self.net = OwlViTForObjectDetection(config).eval()
        self.side = self.net.config.vision_config.image_size
        self.query = self.net.config.text_config.hidden_size

    def forward(self, pixels: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """As the class says."""
        grid = self.net.image_embedder(pixels)[0]
        tokens = grid.flatten(1, 2)
        logits, _ = self.net.class_predictor(tokens, query)
        return logits, self.net.box_predictor(tokens, grid)


def owl(folder: Path, threads: int, config: OwlViTConfig | None = None) -> Callable[[], object]:
    """Writes OWL-ViT's graph to the folder, B/32's unless config says otherwise; one call is one answer."""
    from transformers import OwlViTConfig

    torch.manual_seed(0)
    net, path = Owl(config or OwlViTConfig()), folder / "owlvit.onnx"
    inputs = torch.rand(1, 3, net.side, net.side), torch.rand(1, 1, net.query)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, inputs, str(path), input_names=["pixels", "query"], opset_version=OPSET, dynamo=False)
    session = session_of(path, threads)
    feed = {"pixels": inputs[0].numpy(), "query": inputs[1].numpy()}
    return lambda: session.run(None, feed)


def ours(folder: Path, precision: str, threads: int) -> Callable[[], object]:
    """The bundle's two graphs that run for every picture; one call is one answer."""
    pointer = BundlePointer(folder, (precision, "fp32"), threads)
    encoded = pointer.tok.encode(PHRASE)
    ids, mask = np.array([encoded.ids], np.int64), np.array([encoded.attention_mask], np.int64)
    words = pointer.sessions["phrase"].run(["words"], {"input_ids": ids, "attention_mask": mask})[0]
    image = np.random.default_rng(0).integers(0, 256, (1, pointer.size, pointer.size, 3), dtype=np.uint8)

    def once() -> object:
        visual = pointer.sessions["frame"].run(["visual"], {"image": image})[0]
        feed = {"visual": visual, "words": words, "attention_mask": mask}
        return pointer.sessions["ground"].run(["boxes", "scores", "present"], feed)

    return once


def in_turns(ways: dict[str, Callable[[], object]], rounds: int, seconds: float) -> dict[str, float]:
    """Calls a second of each, the median over rounds in which all take a turn."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for once in ways.values():
        once()
    for _ in range(rounds):
        for name, once in ways.items():
            began, n = perf_counter(), 0
            while (took := perf_counter() - began) < seconds or not n:
                once()
                n += 1
            rates[name].append(n / took)
    return {name: statistics.median(own) for name, own in rates.items()}


def _run(args: argparse.Namespace) -> None:
    about, has = _about(args.bundle)
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Callable[[], object]] = {}
        ways |= {p: ours(args.bundle, p, args.threads) for p in ("fp32", "int8") if p in has}
        for other in args.beside:
            ways |= {f"{other}, {p}": ours(other, p, args.threads) for p in sorted(_about(other)[1] & has)}
        ways["owlvit-b32"] = owl(Path(folder), args.threads)
        rates = in_turns(ways, args.rounds, args.seconds)
    rival = rates.pop("owlvit-b32")
    if args.json:
        print(json.dumps({"owlvit_b32": rival, **{p: {"rate": r, "ratio": r / rival} for p, r in rates.items()}}))
        return
    print(f"answers a second on {args.threads} threads, one phrase, picture and pointing (median of {args.rounds})")
    print(f"  OWL-ViT-B/32, 768 px  {rival:6.2f}")
    for p, rate in rates.items():
        name = p if "," in p else f"{about['name']}, {p}"
        print(f"  {name:<20}  {rate:6.2f}   {rate / rival:.1f} times as many")


def _about(bundle: Path) -> tuple[dict[str, Any], set[str]]:
    """What bundle.json says, and the precisions that the bundle has."""
    about = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    return about, {g["precision"] for listed in about["graphs"].values() for g in listed}
