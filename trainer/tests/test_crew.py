"""Many processes learn what one learns, in pieces or not; a killed run goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from run_worker import Uneven, steps

from ca2m.config import Config
from ca2m.learn.crew import Crew
from ca2m.learn.eyes import SwiftEyes
from ca2m.learn.loader import Feed, batches
from ca2m.learn.train import Trainer
from ca2m.net.network import build

WORKER = Path(__file__).parent / "run_worker.py"


@pytest.fixture(scope="module")
def exact(small: Config) -> Config:
    """Without dropout, which no two processes draw alike, and slow, since AdamW makes much of rounding."""
    return replace(
        small, network=replace(small.network, dropout=0.0), run=replace(small.run, batch=8, samples=48, lr=5e-4)
    )


@pytest.fixture(scope="module")
def alone(exact: Config) -> dict[str, Any]:
    return steps(exact, Crew())


def same(found: dict[str, Any], want: dict[str, Any]) -> None:
    """Losses, gradients and weights of two runs."""
    for step, (a, b) in enumerate(zip(found["told"], want["told"], strict=True)):
        differ = {"d_hard", "d_easy"}  # quarters of a piece are not those of the batch
        near = 2e-3 if step else 2e-4  # AdamW's first steps are as long for a gradient that is rounding alone
        assert {k: v for k, v in a.items() if k not in differ} == pytest.approx(
            {k: v for k, v in b.items() if k not in differ}, rel=near, abs=1e-5
        )
    assert found["grads"].keys() == want["grads"].keys()
    for k, grad in want["grads"].items():
        torch.testing.assert_close(found["grads"][k], grad, rtol=1e-3, atol=1e-5, msg=lambda m, k=k: f"{k}: {m}")
    for k, weight in want["weights"].items():
        # What has no influence, as the bias of a softmax, follows the rounding of its gradient under AdamW.
        grad = want["grads"].get(f"net.{k}")
        felt = torch.ones_like(weight, dtype=torch.bool) if grad is None else grad.abs() > 1e-5
        apart = (found["weights"][k][felt] - weight[felt]).float().abs()
        assert apart.numel() == 0 or apart.mean() < 1e-4, k  # three steps went 1.5e-3


def test_pieces_learn_what_the_whole_batch_learns(exact: Config, alone: dict[str, Any]) -> None:
    same(steps(replace(exact, run=replace(exact.run, micro_batch=3)), Crew()), alone)


def test_two_processes_learn_what_one_learns(exact: Config, alone: dict[str, Any], tmp_path: Path) -> None:
    c = replace(exact, run=replace(exact.run, micro_batch=3, checkpointing=True))
    (tmp_path / "c.json").write_text(json.dumps(c.to_dict()))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", WORKER, "steps"]
    done = subprocess.run(
        [*command, tmp_path / "c.json", tmp_path / "out.pt"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    same(torch.load(tmp_path / "out.pt", weights_only=True), alone)


def test_checkpointing_changes_no_gradient(small: Config) -> None:
    c = replace(small, run=replace(small.run, batch=4))
    plain = steps(c, Crew())  # with dropout, which must be drawn again alike
    again = steps(replace(c, run=replace(c.run, checkpointing=True)), Crew())
    for k, grad in plain["grads"].items():
        torch.testing.assert_close(again["grads"][k], grad, rtol=1e-4, atol=1e-6)


def test_a_killed_run_goes_on_as_the_unbroken_one(exact: Config, tmp_path: Path) -> None:
    c = replace(exact, network=replace(exact.network, dropout=0.1), run=replace(exact.run, samples=160))
    (tmp_path / "c.json").write_text(json.dumps(c.to_dict()))
    log = tmp_path / "losses.txt"
    command = [sys.executable, str(WORKER), "fit", str(tmp_path / "c.json"), str(tmp_path)]

    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 240
    while not (log.exists() and len(log.read_text().splitlines()) >= 8 and (tmp_path / "last.pt").exists()):
        assert time.monotonic() < until and first.poll() is None, "the run ended, or never began"
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    before = log.read_text().splitlines()
    assert len(before) < 20
    saved = torch.load(tmp_path / "last.pt", weights_only=True)["done"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)

    after = log.read_text().splitlines()[len(before) :]
    assert [int(line.split()[0]) for line in after] == list(range(saved + 8, 161, 8))
    torch.manual_seed(c.run.seed)
    whole = Trainer(c, build(c.network), torch.device("cpu"))
    want = {}
    eyes = SwiftEyes(whole.net.sight, c.network.image_size)
    for batch in batches(c, Uneven(c.network.image_size), 0, Feed(workers=0), Crew(), eyes):
        loss = float(whole.step(batch)["loss"])
        want[whole.done] = loss
    for line in before + after:
        done, loss = line.split()
        assert float(loss) == pytest.approx(want[int(done)], rel=1e-3), done  # rounding differs by how memory lies
