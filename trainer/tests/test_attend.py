"""Maps of [CLS]: each layer's own, on the right places of the grid, drawn where they look."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import Squares
from test_tables import shallow as shallow
from test_tables import world as world

from ca2m import cli, config
from ca2m.config import Config
from ca2m.infer.pointer import TorchPointer
from ca2m.learn import train
from ca2m.measure import attend
from ca2m.measure.attend import heat, layers, maps_of, within
from ca2m.net import checkpoint, words
from ca2m.net.network import Net, build

PHRASES = ["the red square on the left", "blue"]


def made(c: Config, **changes: object) -> Net:
    torch.manual_seed(1)
    return build(replace(c.network, **changes)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{}, {"layer": "encoder"}, {"tokens": 12}, {"word_levels": 2, "merge_layers": 3}])
def test_maps_are_those_of_the_network(small: Config, changes: dict[str, object]) -> None:
    net, pixels = made(small, **changes), Squares(96).sample(3).pixels
    found = maps_of(net, pixels, PHRASES)
    ids, mask = words.encode(words.tokenizer(net.c.words, 40), PHRASES)
    with torch.no_grad():
        said = net.ground(net.see(torch.from_numpy(pixels)[None]), net.read(ids, mask), mask)
    pointed = TorchPointer(net).point(pixels, PHRASES)
    for k, (box, maps) in enumerate(found):
        assert list(maps) == [name for name, _ in layers(net.interact)]
        assert len(maps) == net.c.word_levels * net.c.group_layers + net.c.merge_layers
        for seen in maps.values():
            assert seen.shape == (6, 6) and np.nansum(seen) == pytest.approx(1, abs=1e-4)
            assert np.isfinite(seen).sum() == (net.c.tokens or 36)
        last = np.nan_to_num(list(maps.values())[-1]).ravel()
        np.testing.assert_allclose(last, said.attention[k], atol=1e-5)
        np.testing.assert_allclose(box, pointed[k].boxes[0], atol=1e-4)
    first, second = (m["branch 1, layer 1"] for _, m in found)
    assert not np.allclose(first, second, equal_nan=True), "another phrase looks elsewhere"
    alone = maps_of(net, pixels, PHRASES[1:])[0][1]["branch 1, layer 1"]
    np.testing.assert_allclose(alone, second, atol=1e-5, err_msg="padding has no effect")


def test_the_layer_that_looks_everywhere_is_the_one_seen_to(small: Config) -> None:
    """Keys that are all alike make one branch's map flat, and no other."""
    net = made(small)
    attention = net.interact.group[1][0].language.attend
    with torch.no_grad():
        attention.q.weight.zero_(), attention.q.bias.fill_(1.0)
        attention.k.weight.zero_(), attention.k.bias.zero_()
    flat = maps_of(net, Squares(96).sample(3).pixels, PHRASES)[0][1]
    np.testing.assert_allclose(flat["branch 2, layer 1"], np.full((6, 6), 1 / 36), atol=1e-6)
    assert np.ptp(flat["branch 1, layer 1"]) > 1e-4
    hooks = [m for m in net.modules() if m._forward_pre_hooks]
    assert not hooks, "nothing stays on the network"


def test_share_in_the_box() -> None:
    seen = np.zeros((4, 4))
    seen[1, 2] = 0.75
    seen[3, 0] = 0.25
    assert within(seen, (0.5, 0.25, 0.75, 0.5)) == pytest.approx(0.75)
    assert within(seen, (0.625, 0.25, 1.0, 0.5)) == pytest.approx(0.375)
    assert within(seen, (0, 0, 1, 1)) == pytest.approx(1)
    seen[0, 0] = np.nan
    assert within(seen, (0, 0.75, 0.25, 1)) == pytest.approx(0.25)


def test_heat_is_where_the_map_is_and_holes_are_filled() -> None:
    picture, seen = np.full((80, 120, 3), 128, np.uint8), np.zeros((4, 4))
    seen[0, 3] = 1.0
    found = heat(picture, seen).astype(int)
    assert found.shape == picture.shape
    redness = found[..., 0] - found[..., 2]
    y, x = np.unravel_index(redness.argmax(), redness.shape)
    assert y < 20 and x >= 90
    spotted = np.full((4, 4), 1 / 15)
    spotted[2, 1] = np.nan
    assert np.ptp(heat(picture, spotted).astype(int), axis=(0, 1)).max() <= 4, "a hole is as its neighbours"


def test_the_command_draws_from_checkpoint_and_bundle(
    small: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    train.Trainer(small, build(small.network), torch.device("cpu")).save(tmp_path / "last.pt")
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8))
    said = ["attend", str(tmp_path / "last.pt"), str(tmp_path / "a.png"), *PHRASES, "--out"]
    assert cli.main([*said, str(tmp_path / "out.png"), "--columns", "3", "--width", "90"]) == 0
    page = cv2.imread(str(tmp_path / "out.png"))
    bundle, told = tmp_path / "bundle", {"config": asdict(small.network)}
    bundle.mkdir()
    checkpoint.write_bundle(checkpoint.load(tmp_path / "last.pt")[1], bundle)
    (bundle / "bundle.json").write_text(json.dumps(told | {"weights": checkpoint.described(bundle)}))
    same = ["attend", str(bundle), *said[2:], str(tmp_path / "same.png"), "--columns", "3", "--width", "90"]
    assert cli.main(same) == 0
    again = cv2.imread(str(tmp_path / "same.png"))
    assert page is not None and again is not None and np.abs(again.astype(int) - page.astype(int)).mean() < 4
    (bundle / "bundle.json").write_text(json.dumps(told))
    assert cli.main(same) == 1 and "graphs only" in capsys.readouterr().err
    assert page.shape[1] == 3 * 90 + 4 * 14 and page.shape[0] > 4 * 67, "five tiles a phrase"
    assert cli.main([*said, str(tmp_path / "out.gif")]) == 1 and "--out" in capsys.readouterr().err
    none = ["attend", str(tmp_path / "last.pt"), str(tmp_path / "none.png"), "cup", "--out", str(tmp_path / "o.png")]
    assert cli.main(none) == 1 and "none.png" in capsys.readouterr().err


def test_the_papers_network_has_nine_maps(world: Path, shallow: None) -> None:
    c = config.load("ca2m-r50", ["network.image_size=64", "network.c0=16", "network.c1=48", "network.heads0=2"])
    net = made(c, words=str(world / "bert"), words_width=24, heads1=2)
    box, maps = maps_of(net, Squares(64).sample(0).pixels, ["red square on the left"])[0]
    assert list(maps)[:3] == ["branch 1, layer 1", "branch 1, layer 2", "branch 2, layer 1"] and len(maps) == 9
    assert all(seen.shape == (4, 4) for seen in maps.values()) and len(box) == 4
    assert attend.within(maps["merged, layer 3"], (0, 0, 1, 1)) == pytest.approx(1, abs=1e-4)
