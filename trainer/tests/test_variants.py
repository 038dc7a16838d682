"""Every variant goes the whole way by `ca2m export`: from a checkpoint to graphs in three precisions, each measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Squares
from test_precision import bert as bert
from test_precision import photos as photos
from test_precision import shrunken
from test_tables import shallow as shallow

from ca2m import cli
from ca2m.config import Run
from ca2m.infer.pointer import TorchPointer
from ca2m.infer.runtime import BundlePointer
from ca2m.learn import train
from ca2m.net import checkpoint
from ca2m.net.network import build
from ca2m.ship import precision, quantise

TRIED = {
    "ca2m-r50": {"int8": "frame", "fp16": "ground"},
    "ca2m-r101": {"int8": "", "fp16": "frame"},
    "tables/table5-encoder": {"int8": "ground", "fp16": ""},
}
"""Graphs in fewer bits of each variant; those of ca2m-edge are in test_precision.py and test_export.py."""


@pytest.mark.parametrize("name", TRIED)
def test_from_checkpoint_to_measured_bundle(
    name: str, bert: Path, photos: Path, shallow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = shrunken(name, bert)
    monkeypatch.setattr(cli.splits, "is_calibration", lambda image: image.endswith(("1.png", "2.png")))
    monkeypatch.setattr(quantise, "METHODS", {"minmax": quantise.METHODS["minmax"]})
    monkeypatch.setattr(precision, "LOSS", 2.0)  # so that all are kept
    monkeypatch.setattr(precision, "speed", lambda sessions, feed: ([2.0, 1.0], [1.0, 0.5]))
    torch.manual_seed(0)
    short = replace(c, run=Run(samples=4, epochs=0, batch=2, lr_encoders=0))
    trainer = train.Trainer(short, build(c.network), torch.device("cpu"))
    trainer.save(tmp_path / "last.pt")
    out = tmp_path / "bundle"
    said = ["export", str(tmp_path / "last.pt"), "--out", str(out), "--refs", str(photos), "--calib", "2"]
    for kind, graphs in TRIED[name].items():
        said += [f"--{kind}", graphs]
    assert cli.main(said) == 0
    about = json.loads((out / "bundle.json").read_text())
    assert about["name"] == c.network.name and about["config"]["layer"] == c.network.layer
    tried = about["measured"]["precisions"]
    assert tried["n"] == 4 and set(tried["fp32"]) == {"acc50", "mean_iou"}
    assert about["measured"]["hand-written"]["n"] == 4
    rows = {(g, kind): row for g, kinds in tried["graphs"].items() for kind, row in kinds.items()}
    assert set(rows) == {(g, kind) for kind, graphs in TRIED[name].items() for g in graphs.split(",") if g}
    for (graph, kind), row in rows.items():
        assert {"acc50", "mean_iou", "ms", "ms_fp32", "how"} <= set(row) and row["kept"]
        assert f"Acc@0.5 {row['acc50']:.4f}" in row["why"]
        assert [g["precision"] for g in about["graphs"][graph]] == [kind, "fp32"]
    pixels, phrases = Squares(c.network.image_size).sample(0).pixels, ["red square", "left"]
    want = TorchPointer(checkpoint.load(tmp_path / "last.pt")[1]).point(pixels, phrases)
    for a, b in zip(BundlePointer(out, ("fp16", "fp32"), 1).point(pixels, phrases), want, strict=True):
        assert a.boxes.shape == (c.network.answers, 4) and a.cls_box is not None and b.cls_box is not None
        np.testing.assert_allclose(a.cls_box, b.cls_box, atol=0.02)


def test_a_folder_of_word_pieces_alone_gives_its_tokenizer(bert: Path, shallow: None, tmp_path: Path) -> None:
    """Older BERT folders have vocab.txt and no tokenizer.json; the program reads tokenizer.json."""
    old = tmp_path / "bert"
    old.mkdir()
    for file in ("config.json", "model.safetensors"):
        (old / file).write_bytes((bert / file).read_bytes())
    pieces = json.loads((bert / "tokenizer.json").read_text())["model"]["vocab"]
    (old / "vocab.txt").write_text("\n".join(sorted(pieces, key=lambda p: pieces[p])), encoding="utf-8")
    c = shrunken("ca2m-r50", old)
    torch.manual_seed(0)
    short = replace(c, run=Run(samples=4, epochs=0, batch=2, lr_encoders=0))
    trainer = train.Trainer(short, build(c.network), torch.device("cpu"))
    trainer.save(tmp_path / "last.pt")
    assert cli.main(["export", str(tmp_path / "last.pt"), "--out", str(tmp_path / "bundle")]) == 0
    written = json.loads((tmp_path / "bundle" / "tokenizer.json").read_text())
    assert written["model"]["vocab"] == pieces and written["truncation"] is None and written["padding"] is None
