from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Squares

from ca2m.config import Config
from ca2m.infer.pointer import TorchPointer
from ca2m.infer.runtime import BundlePointer, session_of
from ca2m.measure.evaluate import calibrate, judge_samples, report
from ca2m.net import checkpoint
from ca2m.net.answers import CHOSEN_FROM, Calibration, pick
from ca2m.net.network import Net, build
from ca2m.ship import export, quantise
from ca2m.ship.bundle import contract, describe


@pytest.fixture(scope="module")
def bundle(small: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Net, Path]:
    torch.manual_seed(0)
    net, out = build(small.network).eval(), tmp_path_factory.mktemp("bundle")
    calibration = Calibration(temperature=1.3, present_scale=0.7, present_bias=0.2, threshold=0.4)
    graphs = export.export(small, net, calibration, out)  # compares each graph with the network, too
    quantise.dynamic(out / "ground.onnx", out / "ground.int8.onnx")
    graphs["ground"].insert(0, describe(out / "ground.int8.onnx", "int8"))
    (out / "bundle.json").write_text(json.dumps(contract(small, graphs, calibration, out, {})))
    return net, out


def test_bundle_answers_as_the_network(bundle: tuple[Net, Path]) -> None:
    net, out = bundle
    sample = Squares(net.c.image_size).sample(4)
    calibration = Calibration(temperature=1.3, present_scale=0.7, present_bias=0.2)
    phrases = [sample.phrase, "a much longer phrase about the green square", "left"]
    want = TorchPointer(net, calibration).point(sample.pixels, phrases)
    got = BundlePointer(out, ("fp32",), threads=1).point(sample.pixels, phrases)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=5e-3)
        np.testing.assert_allclose(a.boxes[0], b.boxes[0], atol=5e-3)
        assert a.present == pytest.approx(b.present, abs=5e-3)


def test_frame_graph_takes_several_pictures(bundle: tuple[Net, Path]) -> None:
    net, out = bundle
    session = session_of(out / "frame.onnx", 1)
    pictures = np.stack([Squares(net.c.image_size).sample(k).pixels for k in range(3)])
    together = session.run(None, {"image": pictures})[0]
    for one, row in zip(pictures, together, strict=True):
        np.testing.assert_allclose(session.run(None, {"image": one[None]})[0][0], row, rtol=1e-4, atol=1e-4)


def test_graphs_are_compared_at_other_sizes_and_a_wrong_one_is_named(
    bundle: tuple[Net, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    net, out = bundle
    assert {(n, len(phrases), bool(padded)) for n, phrases, padded in export.CASES} >= {(2, 5, False), (1, 6, True)}
    calibration = Calibration(temperature=1.3, present_scale=0.7, present_bias=0.2)
    net = export.rounded(net)
    export.compare(net, calibration, out)
    read = net.read

    def leaks(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # padding that is read as if it were words
        return read(ids, torch.ones_like(mask))

    monkeypatch.setattr(net, "read", leaks)
    with pytest.raises(AssertionError, match=r"phrase.onnx at N 2, P 2, L \d+: words"):
        export.compare(net, calibration, out)
    monkeypatch.undo()
    see = net.see
    monkeypatch.setattr(net, "see", lambda image: see(image[:1]).expand(len(image), -1, -1))
    with pytest.raises(AssertionError, match=r"frame.onnx at N 2, P 2, L \d+: visual"):
        export.compare(net, calibration, out)


def test_bundle_json_is_the_contract(bundle: tuple[Net, Path]) -> None:
    net, out = bundle
    about = json.loads((out / "bundle.json").read_text())
    assert about["format"] == 1 and about["threshold"]["present"] == 0.4
    ground = about["graphs"]["ground"][1]
    assert {o["name"]: o["shape"] for o in ground["outputs"]}["boxes"] == ["P", net.c.answers, 4]
    assert [g["precision"] for g in about["graphs"]["ground"]] == ["int8", "fp32"]
    assert about["files"][checkpoint.FILE] == about["weights"]["sha256"]
    torch.testing.assert_close(
        checkpoint.read_bundle(out).state_dict(), export.rounded(net).state_dict(), rtol=2e-3, atol=1e-3
    )


def test_pick_gives_distinct_boxes_best_first() -> None:
    a, b = [0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]
    boxes = torch.tensor([[a, a, b, b, b]])
    logits = torch.log(torch.tensor([[0.3, 0.25, 0.2, 0.15, 0.1]]))
    found, scores = pick(logits, boxes, 2, 1.0)
    torch.testing.assert_close(found[0], torch.tensor([a, b]))
    torch.testing.assert_close(scores[0], torch.tensor([0.55, 0.45]))


def test_pick_takes_the_box_that_most_agree_with_not_the_surest() -> None:
    one, near, nearer = [0.5, 0.5, 0.9, 0.9], [0.0, 0.0, 0.4, 0.4], [0.0, 0.0, 0.4, 0.36]  # IoU of the last two 0.9
    boxes = torch.tensor([[one, near, nearer]])
    logits = torch.log(torch.tensor([[0.4, 0.3, 0.3]]))
    found, scores = pick(logits, boxes, 2, 1.0)
    mean = torch.tensor([0.0, 0.0, 0.4, 0.38])  # of two that are as sure
    torch.testing.assert_close(found[0], torch.stack([mean, torch.tensor(one)]), rtol=0, atol=1e-5)
    torch.testing.assert_close(scores[0], torch.tensor([0.6, 0.4]))


def test_pick_says_no_later_answer_to_be_surer() -> None:
    """The first three overlap by less than a half, yet the middle one has the highest expected IoU: 1.9 times what it
    would have alone, and the one that stands alone is but little surer."""
    row = [[x, 0.0, x + 0.2, 0.3] for x in (0.0, 0.2 * 11 / 29, 0.4 * 11 / 29)]  # IoU of neighbours 18 / 40
    alone = [0.7, 0.7, 0.9, 0.9]
    chance = torch.tensor([[0.24, 0.24, 0.24, 0.28]])
    found, scores = pick(chance.log(), torch.tensor([[*row, alone]]), 2, 1.0)
    torch.testing.assert_close(found[0], torch.tensor([row[1], alone]), rtol=0, atol=1e-5)
    torch.testing.assert_close(scores[0], torch.tensor([0.24, 0.24]))


def test_pick_goes_on_beyond_the_candidates_that_it_chooses_from() -> None:
    """All of the surest show one thing: the second answer is of the others, and still distinct."""
    a, b = [0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]
    boxes = torch.tensor([[a] * CHOSEN_FROM + [b]])
    logits = torch.tensor([[1.0] * CHOSEN_FROM + [0.0]])
    found, scores = pick(logits, boxes, 2, 1.0)
    torch.testing.assert_close(found[0], torch.tensor([a, b]))
    assert float(scores[0].sum()) == pytest.approx(1, abs=1e-5)


def test_report_and_calibration(net: Net) -> None:
    squares = Squares(net.c.image_size)
    judged = list(judge_samples(TorchPointer(net, raw=True), [squares.sample(k) for k in range(12)]))
    for j in judged[6:]:
        j.iou = None
    found = calibrate(judged, refuse=0.2)
    assert 0.4 <= found.temperature <= 4.0 and 0 < found.threshold < 1
    told = report(judged, 0.0)
    assert told["n"] == 6 and told["absent"] == {"n": 6, "false_pointing": 1.0} and told["present_refused"] == 0.0
    assert report([], 0.5)["acc50"] is None


@pytest.mark.parametrize(
    "changed", [{"presence": False}, {"match": True}, {"pointing": False, "answers": 1}, {"tokens": 12}]
)
def test_other_configurations_export(small: Config, tmp_path: Path, changed: dict) -> None:
    off = dict.fromkeys(("noun", "rank", "second", "look", "presence"), False) if "pointing" in changed else {}
    c = replace(small, network=replace(small.network, **off | changed))
    net = build(c.network).eval()
    told = export.export(c, net, Calibration(), tmp_path)
    assert [o["shape"] for o in told["ground"][0]["outputs"] if o["name"] == "scores"] == [["P", c.network.answers]]
