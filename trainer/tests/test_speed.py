"""The loader: its rate is measured, its batches can be cut, and its settings change no sample."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import torch
from conftest import Squares

from ca2m import cli
from ca2m.config import Config
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Collate, Feed, batches


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
