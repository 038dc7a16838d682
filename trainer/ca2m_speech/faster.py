"""Matrix products in eight bits, for graphs that keep their weights in eight bits but compute in float.

Such a graph turns each int8 weight into float at every run: w = q * scale + shift, by Cast, Mul and Add. Where shift is
a whole number of scales, the same weight is scale * (u - zero) with u and zero in uint8, which DynamicQuantizeMatMul
takes as it is. Weights stay exact; what they are multiplied with is rounded to eight bits a call.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ca2m_speech.ortfile import graphs_of

MICROSOFT = "com.microsoft"


@dataclass
class Weight:
    """w = scale * (u - zero)."""

    name: str  # of w in the graph
    u: np.ndarray
    scale: float
    zero: int
    chain: list[onnx.NodeProto]  # the Cast, Mul and Add that make w


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the model that multiplies by its int8 weights in eight bits and looks rows of them up likewise. Other
    uses, such as convolutions, stay as they are. ValueError: a weight's shift is no whole number of scales."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    for weight in _weights(graph):
        _rewrite(graph, weight)
    _prune(graph)
    domains = {o.domain for o in made.opset_import}
    if MICROSOFT not in domains:
        made.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return made


def _weights(graph: onnx.GraphProto) -> list[Weight]:
    held = {i.name: i for i in graph.initializer}
    readers = defaultdict(list)
    for g in graphs_of(graph):
        for n in g.node:
            for name in n.input:
                readers[name].append(n)

    def only(name: str, op: str) -> tuple[onnx.NodeProto, np.ndarray] | None:
        """The one reader of a value, and the constant that it takes beside it."""
        if len(readers[name]) != 1 or readers[name][0].op_type != op:
            return None
        node = readers[name][0]
        other = next(i for i in node.input if i != name)
        return (node, numpy_helper.to_array(held[other])) if other in held else None

    weights = []
    for cast in graph.node:
        if cast.op_type != "Cast" or cast.input[0] not in held:
            continue
        q = numpy_helper.to_array(held[cast.input[0]])
        if q.dtype != np.int8 or not (mul := only(cast.output[0], "Mul")):
            continue
        if not (add := only(mul[0].output[0], "Add")) or mul[1].size != 1 or add[1].size != 1:
            continue
        scale, shift = float(mul[1].item()), float(add[1].item())
        weights.append(_weight(add[0].output[0], q, scale, shift, [cast, mul[0], add[0]]))
    return weights


def _weight(name: str, q: np.ndarray, scale: float, shift: float, chain: list[onnx.NodeProto]) -> Weight:
    steps = round(shift / scale)
    if abs(shift / scale - steps) > 1e-3 or not 0 <= 128 - steps <= 255:
        raise ValueError(f"weight {name}: its shift {shift} is no whole number of scales {scale} that fits eight bits")
    return Weight(name, (q.astype(np.int16) + 128).astype(np.uint8), scale, 128 - steps, chain)


def _rewrite(graph: onnx.GraphProto, w: Weight) -> None:
    """Replaces each use of w that has an eight-bit form."""
    rows, turned = f"{w.name}_u8", f"{w.name}_u8_turned"
    scale, zero = f"{w.name}_u8_scale", f"{w.name}_u8_zero"
    wanted = set()
    for g in graphs_of(graph):
        flipped = {n.output[0] for n in g.node if n.op_type == "Transpose" and n.input[0] == w.name and w.u.ndim == 2}
        for at, n in reversed(list(enumerate(g.node))):
            if n.op_type == "MatMul" and n.input[1] in ({w.name} | flipped) and w.u.ndim == 2:
                table = rows if n.input[1] == w.name else turned
                new = [_node("DynamicQuantizeMatMul", [n.input[0], table, scale, zero], n, MICROSOFT)]
            elif n.op_type == "Gather" and n.input[0] == w.name:
                some = n.output[0] + "_u8"
                pick = helper.make_node("Gather", [rows, n.input[1]], [some], name=f"{n.name}_u8")
                pick.attribute.extend(n.attribute)
                table, new = rows, [pick, _node("DequantizeLinear", [some, scale, zero], n)]
            else:
                continue
            wanted |= {table, scale, zero}
            del g.node[at]
            for k, node in enumerate(new):
                g.node.insert(at + k, node)
    tables = {rows: w.u, turned: w.u.T.copy(), scale: np.float32(w.scale), zero: np.uint8(w.zero)}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(tables[name]), name) for name in sorted(wanted))


def _node(op: str, inputs: list[str], old: onnx.NodeProto, domain: str = "") -> onnx.NodeProto:
    return helper.make_node(op, inputs, list(old.output), name=old.name, domain=domain)


def _prune(graph: onnx.GraphProto) -> None:
    """Drops what nobody reads any more."""
    while True:
        read = {o.name for o in graph.output}
        for g in graphs_of(graph):
            read |= {name for n in g.node for name in n.input} | {o.name for o in g.output}
        idle = [(g, n) for g in graphs_of(graph) for n in g.node if not any(o in read for o in n.output)]
        if not idle:
            break
        for g, n in idle:
            g.node.remove(n)
    kept = [i for i in graph.initializer if i.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
