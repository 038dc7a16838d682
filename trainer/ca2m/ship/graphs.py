"""Graph files: half of their size on disk, whole again for tools, folded for quantisation."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import ModelProto, TensorProto, helper, numpy_helper


def compact(path: Path, least: int = 1024) -> None:
    """Stores tables of at least `least` weights as float16 and casts them when the graph is loaded.

    Half the size on disk; the runtime folds the casts, so it computes in float32 and as fast as before. A table that
    float16 would change stays as it is.
    """
    model = onnx.load(path)
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or len(weight.dims) < 2 or math.prod(weight.dims) < least:
            continue
        values = numpy_helper.to_array(weight)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.save(model, path)


def expanded(path: Path) -> ModelProto:
    """The graph as it was before `compact`: quantisation looks for weights, not for casts of weights."""
    model = onnx.load(path)
    graph = model.graph
    weights = {w.name: w for w in graph.initializer}
    kept = []
    for node in graph.node:
        weight = weights.get(node.input[0]) if node.op_type == "Cast" else None
        if weight is None or weight.data_type != TensorProto.FLOAT16 or not weight.name.endswith(".half"):
            kept.append(node)
            continue
        values = numpy_helper.to_array(weight).astype(np.float32)
        weight.CopyFrom(numpy_helper.from_array(values, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    return model


def folded(model: ModelProto) -> ModelProto:
    """The graph as ONNX Runtime's basic optimiser leaves it: constants folded, frozen batch norm in the convolutions.
    Quantisation looks for that."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as scratch:
        options.optimized_model_filepath = str(Path(scratch) / "folded.onnx")
        ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        optimised = onnx.load(options.optimized_model_filepath)
    del optimised.opset_import[:]  # the optimiser names all that it knows
    optimised.opset_import.extend(model.opset_import)
    return optimised
