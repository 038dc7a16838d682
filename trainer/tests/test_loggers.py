"""What a run tells to TensorBoard, or to a class of one's own: rates, speed, memory, losses and pictures."""

from __future__ import annotations

import io
import logging
import sys
import types
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Squares
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ca2m.config import Config
from ca2m.learn import loggers, train
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed
from ca2m.measure import sheet
from ca2m.measure.gallery import Gallery

EXAMPLES = Path(__file__).parent.parent / "examples"
HERE = Feed(workers=0)


class Kept:
    """Keeps what it is told."""

    made: list[Kept] = []

    def __init__(self, folder: Path, config: dict[str, Any], done: int) -> None:
        self.folder, self.config, self.done = folder, config, done
        self.told: dict[str, list[tuple[int, float]]] = {}
        self.pictures: list[tuple[str, int, np.ndarray]] = []
        self.closed = False
        Kept.made.append(self)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, x in values.items():
            self.told.setdefault(name, []).append((step, x))

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        self.pictures.append((name, step, pixels))

    def close(self) -> None:
        self.closed = True


class Full(Kept):
    """Like a disk without room."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        raise OSError("no space left")


@pytest.fixture(autouse=True)
def afresh() -> None:
    Kept.made.clear()


def run(small: Config, folder: Path, logger: str, samples: int = 16) -> None:
    c = replace(small, run=replace(small.run, samples=samples))
    squares = Squares(c.network.image_size)

    def measure(net: Any, crew: Crew) -> dict[str, float]:
        return {"acc": 0.5}

    made = loggers.named(logger)
    draw = Gallery(squares, count=4)
    train.fit(c, squares, folder, None, measure, feed=HERE, measure_every=8, logger=made, draw=draw)


def test_tensorboard_holds_rates_speed_memory_losses_and_pictures(small: Config, tmp_path: Path) -> None:
    run(small, tmp_path, "tensorboard")
    board = EventAccumulator(str(tmp_path / "board"), size_guidance={"images": 0})
    board.Reload()
    tags = board.Tags()
    wanted = {"train/loss", "train/point", "train/norm", "rate/rest", "rate/sigma", "speed/samples_per_second"}
    assert wanted | {"memory/process_gib", "val/acc"} <= set(tags["scalars"])
    assert board.Scalars("rate/sigma")[-1].value == pytest.approx(small.run.lr_sigma, rel=1), "it falls to 5 %"
    shown = board.Images("train/samples")
    assert [s.step for s in shown] == [0, 8, 16], "at the beginning and whenever it is measured"
    pixels = np.asarray(Image.open(io.BytesIO(shown[0].encoded_image_string)).convert("RGB")).astype(int)
    for colour in (sheet.MARK, sheet.ANSWER):
        rgb = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        assert (np.abs(pixels - rgb).sum(2) < 12).sum() > 100, "the truth and the answer are drawn"


def test_a_class_of_ones_own_hears_the_same(small: Config, tmp_path: Path) -> None:
    run(small, tmp_path / "a", "test_loggers:Kept")
    (heard,) = sys.modules["test_loggers"].Kept.made
    assert heard.closed and heard.done == 0 and heard.folder == tmp_path / "a"
    assert heard.config["run"]["batch"] == small.run.batch
    assert heard.told["val/acc"] == [(8, 0.5), (16, 0.5)]
    assert [(name, step) for name, step, _ in heard.pictures] == [("train/samples", k) for k in (0, 8, 16)]
    run(small, tmp_path / "a", "test_loggers:Kept", samples=24)
    again = sys.modules["test_loggers"].Kept.made[-1]
    assert again.done == 16 and [step for step, _ in again.told["val/acc"]] == [24]


def test_pictures_and_loggers_change_nothing_that_is_learnt(small: Config, tmp_path: Path) -> None:
    run(small, tmp_path / "a", "test_loggers:Kept")
    c = replace(small, run=replace(small.run, samples=16))
    bare = train.fit(c, Squares(c.network.image_size), tmp_path / "b", None, feed=HERE)
    told = torch.load(tmp_path / "a" / "last.pt", weights_only=True)
    mean = {k: v for k, v in bare.state_dict().items() if k in told["mean"]}
    assert mean and all(torch.equal(v, told["mean"][k]) for k, v in mean.items())


def test_a_logger_that_fails_does_not_end_the_run(
    small: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "ca2m"):
        run(small, tmp_path, "test_loggers:Full")
    said = [r.getMessage() for r in caplog.records if "--logger" in r.getMessage()]
    assert said == ["--logger test_loggers:Full: OSError: no space left; the run goes on without it"], "once"
    assert (tmp_path / "curve.txt").read_text().count("\n") == 2


def test_wrong_loggers_are_named(tmp_path: Path) -> None:
    for said, why in (
        ("wandb", "module:Class is meant"),
        ("no_such_module:Board", "No module named 'no_such_module'"),
        ("test_loggers:Nothing", "has no attribute 'Nothing'"),
        ("pathlib:Path", "has no scalars, picture, close"),
    ):
        with pytest.raises(ValueError, match=f"--logger {said}: .*{why}"):
            loggers.named(said)
    (tmp_path / "board").write_text("a file where a folder should be")
    with pytest.raises(ValueError, match="--logger tensorboard: cannot begin"):
        loggers.named("tensorboard")(tmp_path, {}, 0)


def test_the_examples_call_wandb_and_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against stand-ins that take only the calls which the packages document."""
    calls: list[tuple[Any, ...]] = []

    class Run:
        info = types.SimpleNamespace(run_id="7")

        def log(self, values: dict[str, Any], step: int) -> None:
            calls.append(("log", values, step))

        def finish(self) -> None:
            calls.append(("finish",))

    def init(*, project: str, id: str, dir: Path, config: dict[str, Any], resume: str) -> Run:  # noqa: A002
        calls.append(("init", id, resume))
        return Run()

    def start_run(run_id: str | None = None, *, run_name: str) -> Run:
        calls.append(("start", run_id, run_name))
        return Run()

    wandb = types.SimpleNamespace(init=init, Image=lambda pixels: pixels.shape)
    mlflow = types.SimpleNamespace(
        start_run=start_run,
        log_params=lambda params: calls.append(("params", params)),
        log_metrics=lambda metrics, step: calls.append(("metrics", metrics, step)),
        log_image=lambda image, key, step: calls.append(("image", key, step)),
        end_run=lambda: calls.append(("end",)),
    )
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, "loggers", raising=False)
    for name in ("Wandb", "Mlflow", "Mlflow"):
        logger = loggers.named(f"loggers:{name}")(tmp_path, {"run": {"lr": 1}, "data": []}, 0)
        logger.scalars({"train/loss": 2.0}, 4)
        logger.picture("train/samples", np.zeros((2, 3, 3), np.uint8), 4)
        logger.close()
    own = tmp_path.name
    assert calls[:4] == [
        ("init", own, "allow"),
        ("log", {"train/loss": 2.0}, 4),
        ("log", {"train/samples": (2, 3, 3)}, 4),
        ("finish",),
    ]
    rest = [("metrics", {"train/loss": 2.0}, 4), ("image", "train-samples", 4), ("end",)]
    assert calls[4:] == [("start", None, own), ("params", {"run.lr": 1}), *rest, ("start", "7", own), *rest]
