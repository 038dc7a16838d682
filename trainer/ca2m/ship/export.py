"""From a checkpoint to a bundle: three graphs, compared with the network, and what the runtime must know of them."""

from __future__ import annotations

import copy
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn
from torch.nn import functional as F

from ca2m.config import Config, Network
from ca2m.infer.runtime import NAMES, session_of
from ca2m.net import checkpoint, words
from ca2m.net.answers import Calibration, answer
from ca2m.net.network import Net
from ca2m.ship.bundle import describe
from ca2m.ship.graphs import compact

log = logging.getLogger("ca2m")

OPSET = 18
TOLERANCE = 1e-3  # of a graph against the network


class FrameGraph(nn.Module):
    """image uint8 RGB (N, S, S, 3) to visual (N, T, D)."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        return self.net.see(image)


class PhraseGraph(nn.Module):
    """input_ids, attention_mask int64 (P, L) to words (P, 3, L, W)."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.net.read(input_ids, attention_mask)


class GroundGraph(nn.Module):
    """visual (N, T, D), words (P, 3, L, W), mask (P, L) to boxes, scores, present, attention and the [CLS] box."""

    def __init__(self, net: Net, calibration: Calibration) -> None:
        super().__init__()
        self.net, self.calibration = net, calibration

    def forward(self, visual: Tensor, spoken: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        grounding = self.net.ground(visual, spoken, attention_mask)
        boxes, scores, present = answer(grounding, self.net.c.answers, self.calibration)
        return boxes, scores, present, grounding.attention, grounding.cls_box.clamp(0, 1)


def export(c: Config, net: Net, calibration: Calibration, out: Path) -> dict[str, Any]:
    """Writes the graphs and the tokenizer to `out`, and compares them; what bundle.json says of them."""
    out.mkdir(parents=True, exist_ok=True)
    net = rounded(net.eval().cpu())
    graphs = {"frame": FrameGraph(net), "phrase": PhraseGraph(net), "ground": GroundGraph(net, calibration)}
    inputs = example(c.network, net, phrases=["the red cup on the left", "person", "a dog beside the big brown chair"])
    for name, graph in graphs.items():
        path = out / f"{name}.onnx"
        try:
            _write(graph.eval(), inputs[name], *NAMES[name], path, free=_free(name))
        except (RuntimeError, TypeError, torch.onnx.errors.OnnxExporterError) as cause:  # an operator of an encoder
            of = {"frame": c.network.sight, "phrase": c.network.words}.get(name, c.network.name)
            why = " ".join(str(cause).split())[:200]
            raise ValueError(f"export {name}: {of} cannot be written as ONNX: {why}") from cause
        compact(path)
    compare(net, calibration, out)
    checkpoint.write_bundle(net, out)
    words.save_tokenizer(c.network.words, out / "tokenizer.json")
    if not words.is_uncased(out / "tokenizer.json"):
        log.warning("%s: deixis reads the tokenizer of an uncased BERT only: this bundle is for other programs", out)
    return {name: [describe(out / f"{name}.onnx", "fp32")] for name in graphs}


def example(
    c: Network, net: Net, phrases: list[str], pictures: int = 1, padded: int = 0
) -> dict[str, tuple[Tensor, ...]]:
    """Inputs of the three graphs: so many pictures of noise, one random seed; phrases padded by so many words."""
    rng = np.random.default_rng(1)
    image = torch.from_numpy(rng.integers(0, 256, (pictures, c.image_size, c.image_size, 3), dtype=np.uint8))
    ids, mask = (F.pad(x, (0, padded)) for x in words.encode(words.tokenizer(c.words, c.phrase_len), phrases))
    with torch.no_grad():
        return {
            "frame": (image,),
            "phrase": (ids, mask),
            "ground": (net.see(image), net.read(ids, mask), mask),
        }


def _free(name: str) -> tuple[dict[int, str], ...]:
    """The free dimensions of each input; all others stay fixed, as TensorRT wants."""
    return {
        "frame": ({0: "N"},),
        "phrase": ({0: "P", 1: "L"}, {0: "P", 1: "L"}),
        "ground": ({0: "N"}, {0: "P", 2: "L"}, {0: "P", 1: "L"}),
    }[name]


def _write(
    graph: nn.Module,
    inputs: tuple[Tensor, ...],
    names: list[str],
    outs: list[str],
    path: Path,
    free: tuple[dict[int, str], ...],
) -> None:
    """The TorchScript exporter: its graphs have plain shapes that every provider folds well."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            inputs,
            str(path),
            input_names=names,
            output_names=outs,
            opset_version=OPSET,
            dynamo=False,
            dynamic_axes={
                **dict(zip(names, free, strict=True)),
                **{o: {0: "P"} for o in outs if o not in ("visual", "words")},
                **({"visual": {0: "N"}} if "visual" in outs else {}),
                **({"words": {0: "P", 2: "L"}} if "words" in outs else {}),
            },
        )
    onnx.checker.check_model(str(path))


CASES = (
    (1, ["left"], 0),
    (2, ["a dog beside the big brown chair", "second person from the right"], 0),
    (
        2,
        ["second person from the right", "the biggest of the three brown dogs near the sofa", "cat", "sky", "my cup"],
        0,
    ),
    (1, ["the red cup on the left", "person"] * 3, 7),
)
"""What graphs are compared on: pictures N, phrases P, words of padding."""


def compare(net: Net, calibration: Calibration, out: Path) -> None:
    """Each fp32 graph against the network on other sizes than it was traced with; AssertionError names the output.

    Where N is P each phrase has its own picture, else every picture is asked all phrases. Padding may change no answer.
    """
    sessions = {name: session_of(out / f"{name}.onnx") for name in NAMES}
    graphs = {"frame": FrameGraph(net), "phrase": PhraseGraph(net), "ground": GroundGraph(net, calibration)}
    for n, phrases, padded in CASES:
        inputs = example(net.c, net, phrases, n, padded)
        of = f"N {n}, P {len(phrases)}, L {inputs['phrase'][0].shape[1]}"
        for name in ("frame", "phrase"):
            _near(f"{name}.onnx at {of}", name, sessions[name], inputs[name], graphs[name])
        visual, *read = inputs["ground"]
        for one in [visual] if n in (1, len(phrases)) else visual.split(1):
            _near(f"ground.onnx at {of}", "ground", sessions["ground"], (one, *read), graphs["ground"])
        if padded:
            bare = example(net.c, net, phrases, n)["ground"]
            with torch.no_grad():
                want = graphs["ground"](*bare)
            _near(f"ground.onnx with {padded} words of padding", "ground", sessions["ground"], inputs["ground"], want)


def _near(
    where: str,
    name: str,
    session: InferenceSession,
    inputs: tuple[Tensor, ...],
    want: nn.Module | tuple[Tensor, ...],
) -> None:
    """AssertionError where a graph's outputs are not near to those of the module for the same inputs, or to `want`."""
    ins, outs = NAMES[name]
    got = session.run(outs, {k: v.numpy() for k, v in zip(ins, inputs, strict=True)})
    if isinstance(want, nn.Module):
        with torch.no_grad():
            outputs = want(*inputs)
        want = (outputs,) if isinstance(outputs, Tensor) else outputs
    for what, a, b in zip(outs, got, want, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{where}: {what}")


def rounded(net: Net) -> Net:
    """A copy whose weights are all float16 numbers, so that storing them as such changes no answer."""
    net = copy.deepcopy(net)
    with torch.no_grad():
        for weight in (*net.parameters(), *net.buffers()):
            if weight.is_floating_point():
                weight.copy_(weight.half())
    return net
