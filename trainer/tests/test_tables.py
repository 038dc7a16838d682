"""Each configuration file of the paper's tables and of the recipes trains: three steps by the command itself."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import torch
import torchvision
from conftest import Squares, shallow_resnet, small_bert
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ca2m import cli, config
from ca2m.net import checkpoint

FILES = [n for n in config.names() if n.startswith(("tables/", "recipes/pretrain-", "recipes/refine-", "ca2m-r"))]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures with a phrase each, and a tiny BERT of seven layers in a folder."""
    folder = tmp_path_factory.mktemp("world")
    lines, squares = [], Squares(64)
    for k in range(6):
        s = squares.sample(k)
        cv2.imwrite(str(folder / f"{k}.png"), cv2.cvtColor(s.pixels, cv2.COLOR_RGB2BGR))
        assert s.box is not None
        x1, y1, x2, y2 = (64 * v for v in s.box)
        box = [x1, y1, x2 - x1, y2 - y1]
        lines.append(json.dumps({"image": f"{k}.png", "phrase": s.phrase, "box": box, "split": "train"}))
    (folder / "refs.jsonl").write_text("\n".join(lines))
    small_bert(folder / "bert")
    return folder


@pytest.fixture()
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """ResNets of one block a stage: the same shapes, and quick."""
    for name in ("resnet50", "resnet101"):
        monkeypatch.setattr(torchvision.models, name, shallow_resnet)


def trained(name: str, world: Path, out: Path, *more: str) -> int:
    narrow = ("image_size=64", "words_width=24", "c0=16", "c1=48", "heads0=2", "heads1=2")
    command = ["train", "--config", name, "--refs", f"{world}/refs.jsonl", "--words", f"{world}/bert"]
    command += ["--out", str(out), "--workers", "0", "--samples", "6", "--set", "run.batch=2", *more]
    for change in narrow:
        command += ["--set", f"network.{change}"]
    return cli.main(command)


@pytest.mark.parametrize("name", FILES)
def test_three_steps_of(name: str, world: Path, tmp_path: Path, shallow: None) -> None:
    learns = name.startswith("ca2m")  # with frozen encoders the others are done sooner
    assert trained(name, world, tmp_path, *(() if learns else ("--set", "run.lr_encoders=0"))) == 0
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    wanted = config.load(name)
    assert state["done"] == 6
    assert state["config"]["network"]["name"] == wanted.network.name
    assert state["config"]["loss"] == wanted.to_dict()["loss"]
    moved = state["criterion"]["paced.sigma"] != wanted.loss.sigma
    assert moved.all() if wanted.loss.self_paced else not moved.any()
    assert any(k.startswith("words.") for k in state["net"]) == learns  # what learns is kept


def test_fig_7_is_in_the_log(world: Path, tmp_path: Path, shallow: None) -> None:
    assert trained("ca2m-r50", world, tmp_path) == 0
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    told = {"train/d_l1", "train/d_giou", "train/d_hard", "train/d_easy", "train/sigma_l1", "train/sigma_giou"}
    assert told <= set(board.Tags()["scalars"])
    assert all(board.Scalars(tag)[-1].value >= 1 for tag in told)


def test_encoders_that_learnt_stay_so_when_frozen(world: Path, tmp_path: Path, shallow: None) -> None:
    """A run with frozen encoders that starts from one whose encoders learnt keeps what they learnt."""
    assert trained("ca2m-r50", world, tmp_path / "a", "--set", "run.lr_encoders=0.01") == 0
    start = ("--start", f"{tmp_path}/a/last.pt", "--set", "run.lr_encoders=0")
    assert trained("ca2m-r50", world, tmp_path / "b", *start) == 0
    a, b = (checkpoint.load(tmp_path / k / "last.pt")[1].words.state_dict() for k in "ab")
    torch.testing.assert_close(b, a)


def test_epochs_count_the_training_phrases(world: Path, tmp_path: Path, shallow: None) -> None:
    command = ["train", "--config", "ca2m-r50", "--refs", f"{world}/refs.jsonl", "--words", f"{world}/bert"]
    command += ["--out", str(tmp_path), "--workers", "0"]
    for change in ("words_width=24", "image_size=64", "c0=16", "c1=48", "heads0=2", "heads1=2"):
        command += ["--set", f"network.{change}"]
    assert cli.main([*command, "--set", "run.epochs=2", "--set", "run.batch=3"]) == 0
    assert torch.load(tmp_path / "last.pt", weights_only=True)["done"] == 12
