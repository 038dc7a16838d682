"""What a run measures on its way: the same figures in one process or two, one picture at a time or several."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import Squares
from run_worker import measured

from ca2m import cli, device
from ca2m.config import Config
from ca2m.data import refs
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.geometry import Thing
from ca2m.infer.pointer import TorchPointer
from ca2m.learn import train, validation
from ca2m.learn.crew import Crew
from ca2m.learn.progress import Progress
from ca2m.learn.train import Trainer
from ca2m.learn.validation import Validation
from ca2m.measure import evaluate, twins
from ca2m.net.network import Net, build

WORKER = Path(__file__).parent / "run_worker.py"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve phrases over five pictures of two sources, two of them for what is not there."""
    folder = tmp_path_factory.mktemp("lines")
    made = []
    for k in range(12):
        s = Squares(96).sample(k % 5)
        path = str(folder / f"{k % 5}.png")
        cv2.imwrite(path, cv2.cvtColor(s.pixels, cv2.COLOR_RGB2BGR))
        assert s.box is not None
        x1, y1, x2, y2 = (96 * v for v in s.box)
        box = None if k in (3, 8) else (x1, y1, x2, y2)
        made.append(
            Ref(path, f"{s.phrase} {k}", box, "" if box else "absent", "val", "one" if k % 5 < 3 else "two", False)
        )
    refs.write(folder / "refs.jsonl", made)
    return folder / "refs.jsonl"


def curve(folder: Path) -> dict[int, dict[str, float]]:
    rows = [line.split() for line in (folder / "curve.txt").read_text().splitlines()]
    return {int(row[0]): dict(zip(row[1::2], map(float, row[2::2]), strict=True)) for row in rows}


def test_two_processes_measure_what_one_measures(small: Config, lines: Path, tmp_path: Path) -> None:
    c = replace(small, run=replace(small.run, samples=40, batch=8, lr=1e-9))
    measured(c, tmp_path / "one", lines)
    (tmp_path / "c.json").write_text(json.dumps(c.to_dict()))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(WORKER)]
    command += ["measured", str(tmp_path / "c.json"), str(tmp_path / "two"), str(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert list(one) == list(two) == [16, 32, 40], "every 16 samples, and at the end"
    for done_, told in one.items():
        assert told == pytest.approx(two[done_], abs=2e-3)
        assert {"hand_acc50", "hand_from_one", "hand_from_two", "hand_false_pointing", "rule_acc50"} <= told.keys()
        assert next(iter(told)) == "hand_acc50"
    assert torch.load(tmp_path / "two" / "best.pt", weights_only=True)["best"]["done"] in one


def test_several_pictures_in_one_pass_are_answered_as_one_by_one(net: Net, lines: Path) -> None:
    chosen, pointer = refs.read(lines), TorchPointer(net)
    one = list(evaluate.judge(pointer, chosen, batch=1))
    for batch, most in ((5, 16), (64, 2)):
        many = list(evaluate.judge(pointer, chosen, most, batch))
        assert [j.ref for j in many] == [j.ref for j in one]
        for a, b in zip(many, one, strict=True):
            np.testing.assert_allclose(a.pointed.boxes[0], b.pointed.boxes[0], atol=1e-4)
            assert a.pointed.logit == pytest.approx(b.pointed.logit, abs=1e-3)
    found, want = (Validation({"v": chosen}, batch=n)(net, Crew()) for n in (1, 7))
    assert found == pytest.approx(want, abs=1e-4)
    assert found["v_acc50"] == pytest.approx(evaluate.report(one, 0.5)["acc50"], abs=1e-6)


def test_it_measures_in_the_precision_of_the_run(net: Net, lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds, ground = [], net.ground

    def told(visual: torch.Tensor, *rest: torch.Tensor) -> object:
        kinds.append(torch.is_autocast_enabled("cpu"))
        return ground(visual, *rest)

    monkeypatch.setattr(net, "ground", told)
    for precision in ("fp32", "bf16"):
        assert 0 <= Validation({"v": refs.read(lines)}, precision=precision)(net, Crew())["v_mean_iou"] <= 1
    assert kinds == [False, True]


def test_the_averaged_weights_are_measured_and_the_learnt_ones_come_back(small: Config) -> None:
    trainer = Trainer(small, build(small.network), torch.device("cpu"))
    with torch.no_grad():
        for p in trainer.net.parameters():
            p.add_(p.requires_grad * 1.0)
    before = {k: v.clone() for k, v in trainer.net.state_dict().items()}
    mean = {k: v.clone() for k, v in trainer.average.mean.items()}

    def figures(net: Net, crew: Crew) -> dict[str, float]:
        own = dict(net.named_parameters())
        return {"same": float(all(torch.equal(own[k], v) for k, v in mean.items()))}

    found = trainer.measure(figures)
    assert found == {"same": 1.0, "sigma_l1": 2.5, "sigma_giou": 2.5} and trainer.net.training
    assert all(torch.equal(v, before[k]) for k, v in trainer.net.state_dict().items())
    assert all(torch.equal(v, mean[k]) for k, v in trainer.average.mean.items())


def test_named_sets_are_read_and_wrong_ones_are_named(lines: Path) -> None:
    name, found = validation.named_set(f"testA={lines}:val")
    assert name == "testA" and len(found) == 12 and validation.named_set(f"x={lines}")[1] == found
    for said, why in (("testA", "is meant"), (f"={lines}", "is meant"), (f"a={lines}:testB", "no line of split testB")):
        with pytest.raises(ValueError, match=why):
            validation.named_set(said)


def test_no_step_reads_a_number_from_the_device() -> None:
    progress = Progress(100, 0, every=1e9)
    for _ in range(3):
        progress.add({"loss": torch.ones((), device="meta")}, 4, None, {})  # type: ignore[arg-type]
    told: dict[str, float] = {}

    class Board:
        def scalars(self, values: dict[str, float], step: int) -> None:
            told.update(values)

    progress = Progress(8, 0, every=1e9)
    for done, x in ((4, 1.0), (6, float("nan")), (8, 2.0)):
        parts = {"loss": torch.tensor(x), "d": torch.tensor(3)}
        progress.add(parts, done, Board(), {"rest": 1e-4})  # type: ignore[arg-type]
    means = {k: v for k, v in told.items() if k.startswith("train/")}
    assert means == pytest.approx({"train/loss": 1.02, "train/d": 3.0}), "what is not finite does not count"
    assert told["rate/rest"] == 1e-4 and told["speed/samples_per_second"] > 0
    assert 0.01 < told["memory/process_gib"] < 1000, "torch alone takes more than ten megabytes"


def test_a_loss_that_is_not_finite_is_never_saved(small: Config, tmp_path: Path) -> None:
    trainer = Trainer(small, build(small.network), torch.device("cpu"))
    trainer.save(tmp_path / "last.pt")
    trainer.lost = torch.tensor(640.0)
    for act in (trainer.check, lambda: trainer.save(tmp_path / "last.pt")):
        with pytest.raises(FloatingPointError, match="not finite after 640 samples"):
            act()
    assert torch.load(tmp_path / "last.pt", weights_only=True)["done"] == 0


def test_a_device_that_is_not_there_is_named() -> None:
    assert device.chosen("cpu").type == "cpu"
    for name, why in (("cuda:99", "torch finds"), ("abacus", "is meant")):
        with pytest.raises(ValueError, match=f"--device {name}: .*{why}"):
            device.chosen(name)


def test_eval_takes_device_and_batch(
    small: Config, lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    Trainer(small, build(small.network), torch.device("cpu")).save(tmp_path / "net.pt")
    found = []
    for batch in ("1", "9"):
        said = ["eval", str(tmp_path / "net.pt"), str(lines), "--device", "cpu", "--batch", batch, "--json"]
        assert cli.main(said) == 0
        found.append(json.loads(capsys.readouterr().out))
    for key in ("n", "acc50", "acc50_cls", "mean_iou", "present_refused"):
        assert found[0][key] == pytest.approx(found[1][key], abs=1e-4), key
    assert found[0]["n"] == 10
    assert cli.main(["eval", str(tmp_path / "net.pt"), str(lines), "--device", "cuda:99"]) == 1
    assert "--device cuda:99: torch finds" in capsys.readouterr().err


def test_twins_are_answered_alike_in_one_pass(net: Net, lines: Path) -> None:
    things = tuple(Thing("dog", (x, 0.2, x + 0.3, 0.6), 1.0, True) for x in (0.05, 0.6))
    photos = [Photo(str(lines.parent / f"{k}.png"), 96, 96, things, "s", True, "val", None) for k in range(4)]
    pairs, pointer = twins.with_mirrored(twins.find(photos)), TorchPointer(net)
    assert len(pairs) == 8
    one, many = (twins.measure(pointer, pairs, batch) for batch in (1, 5))
    assert one == many and one["n"] == 8


def test_photos_of_a_named_set_are_not_trained_on(
    small: Config, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}

    def fit(c: Config, samples: object, folder: Path, sight: object, measure: Validation, **how: object) -> None:
        seen.update(how, samples=samples, sets={k: len(v) for k, v in measure.sets.items()})

    monkeypatch.setattr(train, "fit", fit)
    own = [replace(r, split="train") for r in refs.read(lines)]
    refs.write(tmp_path / "own.jsonl", own)
    kept = [r for r in refs.read(lines) if r.image.endswith("0.png")]
    refs.write(tmp_path / "kept.jsonl", kept)
    said = ["train", "--config", "ca2m-edge", "--refs", str(tmp_path / "own.jsonl"), "--sight", "w", "--out", "o"]
    said += ["--val", f"kept={tmp_path / 'kept.jsonl'}", "--set", "run.epochs=2"]
    assert cli.main(said) == 0
    left = seen["samples"].refs  # type: ignore[attr-defined]
    assert {r.image for r in left} and not any(r.image.endswith("0.png") for r in left)
    assert seen["measure_every"] == len(left) and seen["sets"] == {"kept": len(kept)}
    assert cli.main([*said, "--measure-epochs", "0.5"]) == 0 and seen["measure_every"] == round(0.5 * len(left))
    assert cli.main([*said, "--measure-every", "7"]) == 0 and seen["measure_every"] == 7
    assert cli.main([*said, "--measure-every", "0"]) == 1
