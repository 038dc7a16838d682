from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
import torchvision
from conftest import Squares
from torchvision.models.resnet import Bottleneck, ResNet
from transformers import BertConfig, BertModel

from ca2m import cli, config
from ca2m.config import Config, Run
from ca2m.data import refs
from ca2m.data.refs import Ref
from ca2m.infer.runtime import BundlePointer, session_of
from ca2m.learn import train
from ca2m.net import words
from ca2m.net.answers import Calibration
from ca2m.net.network import Net, build
from ca2m.ship import export, graphs, precision, quantise

FREE = {"frame": {"N"}, "phrase": {"P", "L"}, "ground": {"N", "P", "L"}}
SHAPELESS = {"NonZero", "Loop", "If", "Scan", "Unique", "Compress", "NonMaxSuppression"}  # TensorRT: sizes by content


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow BERT in a Hugging Face folder, as ca2m-r50 takes it."""
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(3)
    told = BertConfig(hidden_size=48, num_hidden_layers=12, num_attention_heads=4, intermediate_size=96)
    BertModel(told).save_pretrained(folder)
    words.tokenizer("minilm-l6", 20).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs.jsonl over twelve pictures of two squares, a third of them val."""
    folder = tmp_path_factory.mktemp("photos")
    squares, told = Squares(160), []
    for k in range(12):
        sample = squares.sample(k)
        path = str(folder / f"{k}.png")
        cv2.imwrite(path, cv2.cvtColor(sample.pixels, cv2.COLOR_RGB2BGR))
        x1, y1, x2, y2 = (v * 160 for v in sample.box or (0, 0, 1, 1))
        told.append(
            Ref(path, sample.phrase, (x1, y1, x2, y2), "attribute", "val" if k % 3 == 0 else "train", "", False)
        )
    refs.write(folder / "refs.jsonl", told)
    return folder / "refs.jsonl"


@pytest.fixture(scope="module")
def exported(small: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Net, Path]:
    """A narrow ca2m-edge and its fp32 graphs."""
    torch.manual_seed(0)
    net, out = build(small.network).eval(), tmp_path_factory.mktemp("exported")
    export.export(small, net, Calibration(), out)
    return net, out


def shrunken(name: str, bert: Path) -> Config:
    c = config.load(name)
    narrow = {"words": str(bert), "words_width": 48, "image_size": 64, "phrase_len": 12, "c0": 16, "c1": 48}
    return replace(c, network=replace(c.network, heads0=2, heads1=3, group_layers=1, merge_layers=2, **narrow))


@pytest.mark.parametrize("name", ["ca2m-r50", "ca2m-r101", "tables/table5-encoder"])
def test_the_papers_networks_export(name: str, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shallow(**told: Any) -> ResNet:  # of the same stages, with a block each
        return ResNet(Bottleneck, [1, 1, 1, 1], **{k: v for k, v in told.items() if k != "weights"})

    c = shrunken(name, bert)
    monkeypatch.setattr(torchvision.models, c.network.sight, shallow)
    torch.manual_seed(0)
    told = export.export(c, build(c.network).eval(), Calibration(), tmp_path)  # compares with the network, too
    for part, listed in told.items():
        model = onnx.shape_inference.infer_shapes(graphs.expanded(tmp_path / f"{part}.onnx"))
        free = {d.dim_param for v in model.graph.input for d in v.type.tensor_type.shape.dim if d.dim_param}
        assert free == FREE[part], "only pictures, phrases and words may vary in number"
        assert not SHAPELESS & {n.op_type for n in model.graph.node}
        assert listed[0]["outputs"][0]["shape"][0] in ("N", "P")
    model = graphs.folded(graphs.expanded(tmp_path / "frame.onnx"))
    convs = {n.name for n in model.graph.node if n.op_type == "Conv"}
    assert convs <= set(quantise.inner(model)) and len(convs) >= 1 + 4 * 4 + 3, "the stem, four stages, three levels"
    assert not any("/bn" in n.name for n in model.graph.node), "frozen batch norm goes into the convolutions"


def test_fewer_bits_answer_alike(exported: tuple[Net, Path], tmp_path: Path) -> None:
    net, out = exported
    feeds = export.example(net.c, net, ["the red square", "left"])
    for name, atol in (("frame", 0.05), ("phrase", 0.03), ("ground", 0.03)):
        source = out / f"{name}.onnx"
        ins = [i.name for i in session_of(source, 1).get_inputs()]
        feed = {k: v.numpy() for k, v in zip(ins, feeds[name], strict=True)}
        want = session_of(source, 1).run(None, feed)
        quantise.half(source, tmp_path / "half.onnx")
        model = onnx.load(tmp_path / "half.onnx")
        kinds = Counter(w.data_type for w in model.graph.initializer if len(w.dims) > 1)
        assert kinds[onnx.TensorProto.FLOAT16] > 5
        inner = {i.type.tensor_type.elem_type for i in (*model.graph.input, *model.graph.output)}
        assert onnx.TensorProto.FLOAT16 not in inner, "the contract's types stay"
        for a, b in zip(session_of(tmp_path / "half.onnx", 1).run(None, feed), want, strict=True):
            assert np.median(np.abs(a - b)) < atol
    quantise.dynamic(out / "phrase.onnx", tmp_path / "phrase.int8.onnx")
    ops = Counter(n.op_type for n in onnx.load(tmp_path / "phrase.int8.onnx").graph.node)
    assert ops["MatMulInteger"] == 36, "six weights a layer: casts of float16 must not hide them"
    assert (tmp_path / "phrase.int8.onnx").stat().st_size < 0.8 * (out / "phrase.onnx").stat().st_size


def test_scores_and_boxes_of_the_detector_stay_in_float(exported: tuple[Net, Path], tmp_path: Path) -> None:
    _, out = exported
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (96, 96, 3), dtype=np.uint8) for _ in range(3)]
    quantise.static(out / "frame.onnx", pictures, "minmax", tmp_path / "frame.int8.onnx")
    model = onnx.load(tmp_path / "frame.int8.onnx")
    made = {o: n.op_type for n in model.graph.node for o in n.output}
    convs = {n.name: made.get(n.input[1]) for n in model.graph.node if n.op_type == "Conv"}
    outs = [name for name in convs if "/outs." in name]
    assert len(outs) == 3 and all(convs[name] != "DequantizeLinear" for name in outs)
    assert sum(kind == "DequantizeLinear" for kind in convs.values()) == len(convs) - 3 > 90


def test_compact_and_expanded_are_each_others_undoing(exported: tuple[Net, Path], tmp_path: Path) -> None:
    whole = graphs.expanded(exported[1] / "ground.onnx")
    size = (exported[1] / "ground.onnx").stat().st_size
    path = tmp_path / "ground.onnx"
    onnx.save(whole, path)
    assert path.stat().st_size > 1.5 * size
    graphs.compact(path)
    assert path.stat().st_size == pytest.approx(size, rel=0.01)


def test_export_decides_by_accuracy_and_time(
    small: Config, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ca2m")
    monkeypatch.setattr(cli.splits, "is_calibration", lambda image: image.endswith(("1.png", "2.png")))
    monkeypatch.setattr(precision, "ASKED", 4)
    monkeypatch.delitem(quantise.METHODS, "entropy")  # it takes longest
    shares = iter([0.5, 1.2, 0.9])  # int8 of the frame, of the phrase, fp16 of the ground graph
    monkeypatch.setattr(precision, "speed", lambda sessions, feed: ([2.0, 1.0], [1.0, next(shares)]))
    torch.manual_seed(0)
    short = replace(small, run=Run(samples=4, epochs=0, batch=2, lr_encoders=0))
    trainer = train.Trainer(short, build(small.network), torch.device("cpu"))
    trainer.save(tmp_path / "last.pt")
    out = tmp_path / "bundle"
    said = ["export", str(tmp_path / "last.pt"), "--out", str(out), "--refs", str(photos), "--calib", "3"]
    assert cli.main([*said, "--int8", "frame,phrase", "--fp16", "ground"]) == 0
    about = json.loads((out / "bundle.json").read_text())
    tried = about["measured"]["precisions"]
    assert tried["n"] == 4 and set(tried["graphs"]) == {"frame", "phrase", "ground"}
    assert not tried["graphs"]["phrase"]["int8"]["kept"] and "not faster" in tried["graphs"]["phrase"]["int8"]["why"]
    assert [g["precision"] for g in about["graphs"]["phrase"]] == ["fp32"]
    assert not (out / "phrase.int8.onnx").exists() and "phrase int8: left out" in caplog.text
    frame = tried["graphs"]["frame"]["int8"]
    assert "3 pictures" in frame["how"] and set(frame["agreement"]) == set(quantise.METHODS)
    for name in about["graphs"]:
        listed = [g["file"] for g in about["graphs"][name]]
        assert all((out / file).exists() for file in listed) and listed[-1] == f"{name}.onnx"
        rows = tried["graphs"][name]
        assert len(listed) == 1 + sum(row["kept"] for row in rows.values())
    again = tmp_path / "again"
    assert cli.main(["export", str(out), "--out", str(again), "--refs", str(photos)]) == 0
    a, b = BundlePointer(out, ("fp32",), 1), BundlePointer(again, ("fp32",), 1)
    pixels = Squares(96).sample(1).pixels
    np.testing.assert_allclose(a.point(pixels, ["left"])[0].boxes, b.point(pixels, ["left"])[0].boxes, atol=1e-4)


@pytest.mark.parametrize(
    ("asked", "says"),
    [(["--int8", "frame"], "--refs"), (["--int8", "face"], "face"), (["--fp16", "ground"], "--refs")],
)
def test_export_says_what_it_needs(
    asked: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", str(tmp_path / "last.pt"), "--out", str(tmp_path / "b"), *asked]) == 1
    assert says in capsys.readouterr().err


def test_plain_accuracy_loss_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"fp32": {"acc50": 0.7}, "graphs": {"frame": {"int8": {"kept": True, "acc50": 0.695, "why": ""}}}}
    monkeypatch.setattr(precision, "BundlePointer", lambda *a: type("P", (), {"sessions": {}})())
    monkeypatch.setattr(precision, "session_of", lambda *a: None)
    monkeypatch.setattr(precision, "judge", lambda *a: [])
    monkeypatch.setattr(precision, "score", lambda judged: {"acc50": 0.68, "mean_iou": 0.6})
    precision._together(Path(), precision.Plan(), told, 1)
    assert not told["graphs"]["frame"]["int8"]["kept"] and "int8" not in told
