"""ONNX Runtime's own file format (.ort) back to ONNX.

Walks the flatbuffer with the classes that the onnxruntime package carries. The model that comes out computes the same:
nothing is fused or folded here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import helper

KINDS = {"FLOAT": 1, "INT": 2, "STRING": 3, "TENSOR": 4, "GRAPH": 5, "FLOATS": 6, "INTS": 7, "STRINGS": 8}


def read(path: Path) -> onnx.ModelProto:
    """The model in a .ort file. ValueError: the file is none, or holds what cannot be said in ONNX here."""
    import onnxruntime.tools.ort_format_model  # noqa: F401  (puts the classes below on the path)
    from ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

    held = bytearray(path.read_bytes())
    if len(held) < 8 or not InferenceSession.InferenceSessionBufferHasIdentifier(held, 0):
        raise ValueError(f"{path}: no file of ONNX Runtime's format")
    model = InferenceSession.GetRootAsInferenceSession(held, 0).Model()
    opsets = [model.OpsetImport(i) for i in range(model.OpsetImportLength())]
    made = helper.make_model(
        _graph(model.Graph(), "main"),
        opset_imports=[helper.make_opsetid(_text(o.Domain()), o.Version()) for o in opsets],
        producer_name="ca2m",
    )
    made.ir_version = min(model.IrVersion(), 10)
    used = {n.domain for g in graphs_of(made.graph) for n in g.node}
    kept = [o for o in made.opset_import if o.domain in used or not o.domain]
    del made.opset_import[:]
    made.opset_import.extend(kept)
    return made


def graphs_of(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """The graph and all inside its nodes."""
    graphs = [graph]
    for node in graph.node:
        for a in node.attribute:
            if a.type == onnx.AttributeProto.GRAPH:
                graphs += graphs_of(a.g)
    return graphs


def _text(held: bytes | None) -> str:
    return held.decode() if held else ""


def _graph(graph: Any, name: str) -> onnx.GraphProto:
    args = [graph.NodeArgs(i) for i in range(graph.NodeArgsLength())]
    infos = {_text(a.Name()): a for a in args}
    inside = [_text(graph.Initializers(i).Name()) for i in range(graph.InitializersLength())]
    inputs = [_text(graph.Inputs(i)) for i in range(graph.InputsLength())]
    if graph.SparseInitializersLength():
        raise ValueError("sparse weights are not known here")
    return helper.make_graph(
        _sorted([_node(graph.Nodes(i)) for i in range(graph.NodesLength())]),
        name,
        [_info(infos[n]) for n in inputs if n not in inside],
        [_info(infos[_text(graph.Outputs(i))]) for i in range(graph.OutputsLength())],
        [_tensor(graph.Initializers(i)) for i in range(graph.InitializersLength())],
    )


def _info(info: Any) -> onnx.ValueInfoProto:
    from ort_flatbuffers_py.fbs.DimensionValueType import DimensionValueType as Dim
    from ort_flatbuffers_py.fbs.TensorTypeAndShape import TensorTypeAndShape
    from ort_flatbuffers_py.fbs.TypeInfoValue import TypeInfoValue

    about = info.Type()
    if about is None or about.ValueType() != TypeInfoValue.tensor_type:
        raise ValueError(f"{_text(info.Name())}: no tensor")
    tensor = TensorTypeAndShape()
    tensor.Init(about.Value().Bytes, about.Value().Pos)
    shape = tensor.Shape()
    dims: list[int | str | None] | None = None
    if shape is not None:
        values = [shape.Dim(i).Value() for i in range(shape.DimLength())]
        readers = {Dim.VALUE: lambda v: v.DimValue(), Dim.PARAM: lambda v: _text(v.DimParam())}
        dims = [readers.get(v.DimType(), lambda _: None)(v) for v in values]
    return helper.make_tensor_value_info(_text(info.Name()), tensor.ElemType(), dims)


def _tensor(t: Any) -> onnx.TensorProto:
    if t.RawDataIsNone() and t.DimsLength() and t.DimsAsNumpy().prod() != 0:
        raise ValueError(f"weights {_text(t.Name())} are not in the file")
    dims = t.DimsAsNumpy().tolist() if t.DimsLength() else []
    raw = b"" if t.RawDataIsNone() else t.RawDataAsNumpy().tobytes()
    return onnx.TensorProto(name=_text(t.Name()), dims=dims, data_type=t.DataType(), raw_data=raw)


def _node(n: Any) -> onnx.NodeProto:
    made = helper.make_node(
        _text(n.OpType()),
        [_text(n.Inputs(i)) for i in range(n.InputsLength())],
        [_text(n.Outputs(i)) for i in range(n.OutputsLength())],
        name=_text(n.Name()),
        domain=_text(n.Domain()),
    )
    made.attribute.extend(_attribute(n.Attributes(i)) for i in range(n.AttributesLength()))
    return made


def _attribute(a: Any) -> onnx.AttributeProto:
    made = onnx.AttributeProto(name=_text(a.Name()), type=a.Type())
    kind = made.type
    if kind == KINDS["FLOAT"]:
        made.f = a.F()
    elif kind == KINDS["INT"]:
        made.i = a.I()
    elif kind == KINDS["STRING"]:
        made.s = a.S() or b""
    elif kind == KINDS["TENSOR"]:
        made.t.CopyFrom(_tensor(a.T()))
    elif kind == KINDS["GRAPH"]:
        made.g.CopyFrom(_graph(a.G(), made.name))
    elif kind == KINDS["FLOATS"]:
        made.floats.extend(a.Floats(i) for i in range(a.FloatsLength()))
    elif kind == KINDS["INTS"]:
        made.ints.extend(a.Ints(i) for i in range(a.IntsLength()))
    elif kind == KINDS["STRINGS"]:
        made.strings.extend(a.Strings(i) for i in range(a.StringsLength()))
    else:
        raise ValueError(f"attribute {made.name}: kind {kind} is not known here")
    return made


def _sorted(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Every node behind those that it reads from, also by graphs inside it. Stable."""
    makers = {name: i for i, n in enumerate(nodes) for name in n.output if name}
    order: list[onnx.NodeProto] = []
    done: set[int] = set()

    def visit(first: int) -> None:
        waiting = [(first, iter(sorted(_read_by(nodes[first], makers))))]
        done.add(first)
        while waiting:
            at, sources = waiting[-1]
            source = next((s for s in sources if s not in done), None)
            if source is None:
                order.append(nodes[at])
                waiting.pop()
            else:
                done.add(source)
                waiting.append((source, iter(sorted(_read_by(nodes[source], makers)))))

    for i in range(len(nodes)):
        if i not in done:
            visit(i)
    return order


def _read_by(node: onnx.NodeProto, makers: dict[str, int]) -> set[int]:
    names = set(node.input)
    for a in node.attribute:
        if a.type == onnx.AttributeProto.GRAPH:
            for inner in graphs_of(a.g):
                names.update(name for n in inner.node for name in n.input)
                names.update(o.name for o in inner.output)
    return {makers[n] for n in names if n in makers}
