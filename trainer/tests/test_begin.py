"""What a run may begin with and go on from: which differences count, and what is said of them."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision
from conftest import Squares, paper, shallow_resnet, small_bert

from ca2m.config import Config, Mix
from ca2m.learn import begin
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed, batches
from ca2m.learn.train import Trainer
from ca2m.net import checkpoint
from ca2m.net.network import build

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "resnet50", shallow_resnet)


def saved(c: Config, path: Path) -> Path:
    torch.manual_seed(3)
    trainer = Trainer(c, build(c.network), CPU)
    with torch.no_grad():
        for p in trainer.net.words.parameters():
            p.add_(0.01 * p.requires_grad)  # as if it had learnt
    trainer.average = type(trainer.average)(trainer.net, 0)
    trainer.save(path)
    return path


def moved_words(c: Config, folder: Path) -> Config:
    """The same with another name, dropout and place of the words."""
    return replace(c, network=replace(c.network, name="fig6", dropout=0.3, words=str(folder)))


def test_name_dropout_and_the_place_of_the_words_do_not_count(tmp_path: Path) -> None:
    c = paper(small_bert(tmp_path / "bert"))
    start = saved(c, tmp_path / "start.pt")
    shutil.move(tmp_path / "bert", tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "model.safetensors").unlink()  # its weights are in the checkpoint
    with pytest.raises(FileNotFoundError, match="bert: no such folder"):
        checkpoint.load(start)
    other = moved_words(c, tmp_path / "elsewhere")
    net = begin.network(other, None, start, False)
    want = torch.load(start, weights_only=True)["net"]
    assert net.c == other.network and net.own_words
    assert {m.p for m in net.interact.modules() if isinstance(m, torch.nn.Dropout)} == {0.3}
    assert net.state_dict().keys() == want.keys()
    assert all(torch.equal(v, want[k]) for k, v in net.state_dict().items())
    again = checkpoint.load(start, words_folder=str(tmp_path / "elsewhere"))[1]
    assert all(torch.equal(v, want[k]) for k, v in again.state_dict().items())


def test_words_that_are_not_held_must_be_the_same(tmp_path: Path) -> None:
    c = paper(small_bert(tmp_path / "bert"), "run.lr_encoders=0")
    start = saved(c, tmp_path / "start.pt")
    shutil.copytree(tmp_path / "bert", tmp_path / "copy")
    assert begin.network(moved_words(c, tmp_path / "copy"), None, start, False).c.name == "fig6"
    with pytest.raises(ValueError, match=r"trained with the words of .*bert, which it does not hold"):
        shutil.move(tmp_path / "bert", tmp_path / "gone")
        begin.network(moved_words(c, tmp_path / "copy"), None, start, False)


def test_another_network_is_named_by_what_differs(tmp_path: Path, small: Config) -> None:
    c = paper(small_bert(tmp_path / "bert"))
    start = saved(c, tmp_path / "start.pt")
    wider = replace(c, network=replace(c.network, c0=32, group_layers=1))
    with pytest.raises(ValueError, match="another network: c0 is 16 there and 32 here, group_layers is 2 there and 1"):
        begin.network(wider, None, start, False)
    with pytest.raises(ValueError, match=r"resume .*: another network: c0 is 16 there and 32 here"):
        begin.check_resume(c, wider, (), start)
    with pytest.raises(ValueError, match="another network: dropout is 0.1 there and 0.3 here, words is"):
        begin.check_resume(c, moved_words(c, tmp_path), (), start)
    begin.check_resume(c, replace(c, network=replace(c.network, words="elsewhere")), ("words.layers.0",), start)


def test_the_unused_mix_of_before_is_no_other_run(tmp_path: Path) -> None:
    c = paper(small_bert(tmp_path / "bert"))
    was = replace(c, mix=Mix(hand=0.66, absent=0.2))
    begin.check_resume(was, c, ("words.layers.0",), tmp_path)
    begin.check_resume(was, was, ("words.layers.0",), tmp_path)
    with pytest.raises(ValueError, match="another run, since mix was changed"):
        begin.check_resume(replace(c, mix=Mix(hand=0.5)), c, ("words.layers.0",), tmp_path)


def test_a_resumed_run_takes_the_rates_of_now(small: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ca2m")
    batch = next(batches(small, Squares(96), 0, Feed(workers=0), Crew()))
    first = Trainer(small, build(small.network), CPU)
    first.step(batch)
    first.save(tmp_path / "last.pt")
    slower = replace(small, run=replace(small.run, lr=1e-9, lr_sigma=1e-9, weight_decay=0.0))
    again = Trainer(slower, build(small.network), CPU)
    again.resume(tmp_path / "last.pt")
    assert "run.lr was 0.002, and is 1e-09 from here on" in caplog.text
    moments = [len(s) for s in again.opt.state.values()]
    assert moments and moments == [len(s) for s in first.opt.state.values()], "what the optimiser knew stays"
    before = {k: v.clone() for k, v in again.net.named_parameters()}
    again.step(batch)
    moved = max(float((v.detach() - before[k]).abs().max()) for k, v in again.net.named_parameters())
    assert 0 < moved < 1e-6, "a step of AdamW is about as long as its rate"


@pytest.mark.parametrize(("change", "said"), [({"lr_words": 1e-4}, "other parts"), ({"anchor": 1.0}, "run.anchor")])
def test_other_parts_do_not_go_on(small: Config, tmp_path: Path, change: dict[str, float], said: str) -> None:
    Trainer(small, build(small.network), CPU).save(tmp_path / "last.pt")
    other = replace(small, run=replace(small.run, **change))
    with pytest.raises(ValueError, match=rf"resume .*{said}.*; give another --out"):
        Trainer(other, build(small.network), CPU).resume(tmp_path / "last.pt")
