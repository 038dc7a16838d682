"""The loader: its rate is measured, its batches can be cut, and its settings change no sample."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
import torch
import torchvision
from conftest import Squares, paper, shallow_resnet, small_bert
from torch import nn
from torch._dynamo.exc import BackendCompilerFailed
from torch._dynamo.testing import CompileCounter
from torch._inductor.exc import InvalidCxxCompiler

from ca2m import cli, config
from ca2m.config import Config
from ca2m.learn import speed
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Collate, Feed, batches
from ca2m.learn.train import Trainer
from ca2m.net.network import Net, build


def test_the_command_tells_rates_for_each_number_of_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for k in range(30):
        s = Squares(64).sample(k)
        cv2.imwrite(str(tmp_path / f"{k}.png"), s.pixels)
        lines.append(json.dumps({"image": f"{k}.png", "phrase": s.phrase, "box": [3, 3, 20, 20]}))
    (tmp_path / "refs.jsonl").write_text("\n".join(lines))
    command = ["speed", "--config", "ca2m-edge", "--refs", f"{tmp_path}/refs.jsonl", "--seconds", "0.2"]
    for change in ("network.image_size=64", "network.tokens=0", "run.batch=2", "run.precision=fp32", "run.epochs=1"):
        command += ["--set", change]
    assert cli.main([*command, "--workers", "0,1", "--steps", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["loader"]) == {"0", "1"} and min(found["loader"].values()) > 0 and found["network"] > 0
    assert cli.main([*command, "--workers", "0"]) == 0
    assert "pictures a second: feeds a device that takes a batch in" in capsys.readouterr().out


def test_compiling_is_measured_beside_the_network_as_it_is(small: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []
    monkeypatch.setattr(Net, "compile", lambda self: compiled.append(True))  # no C++ compiler is asked
    looks = itertools.count()  # a clock that goes on by a second at each look
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: float(next(looks))))
    c = replace(small, run=replace(small.run, compile=True, batch=2))
    told = speed.network(c, Squares(c.network.image_size), 1)
    assert compiled == [True], "one of the two"
    assert told == {"network": 2.0, "plain": 2.0, "ratio": 1.0, "compiling": 3.0}, "two samples in the second of a step"
    assert f"compiled: {told['ratio']:.2f} times" in speed.table(c, {"0": 1.0}, told)
    assert set(speed.network(small, Squares(small.network.image_size), 1)) == {"network"}


def test_a_compiled_run_learns_the_same_under_the_same_names(
    small: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced by torch.compile, but run without its kernels, whose making takes minutes."""
    monkeypatch.setattr(torchvision.models, "resnet50", shallow_resnet)
    monkeypatch.setattr(Net, "compile", lambda self: nn.Module.compile(self, backend=counter))
    counter, found = CompileCounter(), []
    for compiled in (False, True):
        said = ("network.dropout=0", "run.batch=2", f"run.compile={str(compiled).lower()}")
        c = config.fit_to(paper(small_bert(tmp_path), *said, "run.epochs=1"), 6)
        torch.manual_seed(0)
        trainer = Trainer(c, build(c.network), torch.device("cpu"))
        squares = batches(c, Squares(64), 0, Feed(workers=0), Crew())
        losses = [float(trainer.step(batch)["loss"]) for batch in squares]
        found.append((losses, list(trainer.net.state_dict())))
    (plain, names), (traced, same_names) = found
    assert names == same_names
    assert len(plain) == 3 and traced == pytest.approx(plain, rel=1e-4)
    assert counter.frame_count > 0, "it was compiled"


def test_a_network_that_cannot_be_compiled_is_said_in_a_line(small: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise BackendCompilerFailed(refuses, InvalidCxxCompiler(), None)

    c = replace(small, run=replace(small.run, compile=True))
    monkeypatch.setattr(Net, "compile", lambda self: None)
    trainer = Trainer(c, build(c.network), torch.device("cpu"))
    monkeypatch.setattr(trainer.task, "forward", refuses)
    batch = next(batches(c, Squares(c.network.image_size), 0, Feed(workers=0), Crew()))
    with pytest.raises(ValueError, match="run.compile: torch.compile fails here: .*set it to false"):
        trainer.step(batch)


def test_workers_and_prefetch_change_no_sample(small: Config) -> None:
    squares = Squares(small.network.image_size)
    for there in (Feed(workers=0), Feed(workers=2, prefetch=1)):
        found = list(batches(small, squares, 32, there, Crew()))
        assert len(found) == (small.run.samples - 32) // small.run.batch
        first = torch.from_numpy(squares.sample(32).pixels)
        assert (found[0].image[0] == first).all()  # type: ignore[index]
        last = torch.from_numpy(squares.sample(small.run.samples - 1).pixels)
        assert (found[-1].image[-1] == last).all()  # type: ignore[index]


def test_a_batch_in_pieces_is_the_batch() -> None:
    batch = Collate("minilm-l6", 40)([Squares(32).sample(k) for k in range(7)])
    pieces = batch.parts(3)
    assert [len(p.ids) for p in pieces] == [3, 3, 1]
    assert torch.equal(torch.cat([p.image for p in pieces]), batch.image)  # type: ignore[misc, arg-type]
    assert torch.equal(torch.cat([p.truth.box for p in pieces]), batch.truth.box)
    torch.testing.assert_close(sum(p.truth.counts() for p in pieces), batch.truth.counts())
    assert batch.parts(0) == [batch]
