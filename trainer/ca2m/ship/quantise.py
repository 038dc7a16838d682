"""Graphs in fewer bits: int8 for CPUs (dynamic or calibrated on pictures) and fp16 for CUDA and TensorRT."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from ca2m.ship.graphs import compact, expanded, folded

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
"""How the range of a node's numbers is found from calibration pictures."""

INNER = frozenset(
    ("Conv", "Relu", "LeakyRelu", "Concat", "Add", "MaxPool", "AveragePool", "Resize", "Transpose", "Reshape")
    + ("Slice", "Split", "Gather", "Clip", "Pad")
)
"""What runs in eight bits between two convolutions, or only passes eight bits on."""

NAMER = "/namer/"
"""Is in the name of every node of the namer."""

GEOMETRY = ("GridSample", "Resize", "Einsum", "Pow", "Reciprocal", "ReduceSum", "Exp", "Log")
"""What stays in float32 in an fp16 graph beside the converter's own list: coordinates, long sums, steep functions."""


class Pictures(CalibrationDataReader):
    """Feeds calibration pictures, uint8 RGB (S, S, 3) each, one at a time."""

    def __init__(self, pictures: Sequence[np.ndarray]) -> None:
        self.left = iter(pictures)

    def get_next(self) -> dict[str, np.ndarray] | None:
        picture = next(self.left, None)
        return None if picture is None else {"image": picture[None]}


def dynamic(source: Path, out: Path) -> None:
    """Weights of matrix products in eight bits, a scale a column; activations are scaled as they come."""
    with _quiet():
        quantize_dynamic(
            expanded(source),
            out,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gemm"],
            extra_options={"MatMulConstBOnly": True},
        )
    compact(out)


def static(source: Path, pictures: Sequence[np.ndarray], method: str, out: Path) -> None:
    """The convolutions of a frame graph in eight bits (QDQ), weights a scale a channel; what follows the last of them
    stays in float32, and so do those that a sigmoid or softmax turns into scores and boxes."""
    model = folded(expanded(source))
    names = inner(model)
    if not names:
        raise ValueError(f"int8 {source}: the graph has no convolution to quantise")
    with _quiet():
        quantize_static(
            model,
            out,
            Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=names,
            op_types_to_quantize=sorted(INNER),
            calibrate_method=METHODS[method],
        )
    compact(out)


def inner(model: ModelProto) -> list[str]:
    """Names of the nodes to run in eight bits: convolutions but the last before a sigmoid or softmax, and what lies
    between convolutions; where there is a namer, its own only: ReLU6 bounds all of its ranges, and boxes, which eight
    bits would move, are not its work."""
    graph = model.graph
    users = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            users[name].append(node)
    ahead: dict[str, set[str]] = {}  # of each tensor: which of these kinds come after it, up to the next convolution
    behind: set[str] = set()  # tensors that a convolution is before
    wanted = ("Conv", "Sigmoid", "Softmax")
    for node in reversed(graph.node):
        for out in node.output:
            kinds: set[str] = set()
            for user in users[out]:
                kinds |= {user.op_type} & set(wanted)
                if user.op_type != "Conv":
                    kinds |= set().union(*(ahead.get(o, set()) for o in user.output))
            ahead[out] = kinds
    names = []
    for node in graph.node:
        after = set().union(*(ahead[o] for o in node.output))
        was_behind = any(i in behind for i in node.input)
        if node.op_type == "Conv" or was_behind:
            behind.update(node.output)
        if node.op_type == "Conv":
            if "Conv" in after or not after:
                names.append(node.name)
        elif node.op_type in INNER and was_behind and "Conv" in after:
            names.append(node.name)
    return [name for name in names if NAMER in name] or names


def half(source: Path, out: Path) -> None:
    """Computes in float16 between float32 inputs and outputs; GEOMETRY and the converter's own list stay in float32."""
    model = expanded(source)
    with _quiet():
        kept = [*DEFAULT_OP_BLOCK_LIST, *GEOMETRY]
        model = convert_float_to_float16(model, keep_io_types=True, op_block_list=kept)
    OnnxModel(model).topological_sort()  # the converter leaves its casts at the end
    onnx.checker.check_model(model)
    onnx.save(model, out)


@contextmanager
def _quiet() -> Iterator[None]:
    """Their tools advise on the root logger about things decided here."""
    root, disabled = logging.getLogger(), logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.setLevel(root.level)
