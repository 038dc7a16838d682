"""Fine-tuning on one's own phrases: what it trains on, what stays, and that it starts from checkpoints and bundles."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import pytest
import torch
from conftest import Squares

from ca2m import cli
from ca2m.config import Config
from ca2m.data import refs, splits, writing
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.data.rounds import Between, Rounds
from ca2m.geometry import Thing
from ca2m.learn import finetune
from ca2m.learn.loader import Collate
from ca2m.learn.train import Trainer
from ca2m.net import checkpoint
from ca2m.net.network import build
from ca2m.ship import export


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of squares with a phrase each."""
    folder, squares, written = tmp_path_factory.mktemp("own"), Squares(96), []
    for k in range(12):
        s = squares.sample(k)
        path = folder / f"{k}.png"
        cv2.imwrite(str(path), cv2.cvtColor(s.pixels, cv2.COLOR_RGB2BGR))
        assert s.box is not None
        x1, y1, x2, y2 = (96 * v for v in s.box)
        written.append(Ref(str(path), s.phrase, (x1, y1, x2, y2), s.kind, "train", "", drawn=False))
    refs.write(folder / "refs.jsonl", written)
    return folder


@pytest.fixture(scope="module")
def start(small: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint to start from."""
    torch.manual_seed(4)
    c = replace(small, network=replace(small.network, match=True))
    trainer = Trainer(c, build(c.network), torch.device("cpu"))
    path = tmp_path_factory.mktemp("start") / "last.pt"
    trainer.save(path)
    return path


SHORT = ("--workers", "0", "--set", "run.epochs=2", "--set", "run.batch=4")


def test_from_a_checkpoint(start: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["finetune", "--start", str(start), "--refs", f"{own}/refs.jsonl", "--out", str(tmp_path), *SHORT]
    assert cli.main(command) == 0
    told = json.loads((tmp_path / "finetune.json").read_text())
    held = told["before"]["own"]["n"]
    assert 0 < held < 12 and told["phrases"] == 12 - held
    assert told["samples"] == round(2 * told["phrases"] / 4) * 4
    assert set(told["after"]["own"]) == {"n", "acc50", "mean_iou"}
    assert f"your held-out phrases  {held:>5}  Acc@0.5" in capsys.readouterr().out
    a, b = checkpoint.load(start)[1].state_dict(), checkpoint.load(tmp_path / "last.pt")[1].state_dict()
    moved = {k.split(".")[0] for k in a if not torch.equal(a[k], b[k])}
    assert {"interact", "point"} <= moved and "words" not in moved
    assert all(torch.equal(a[k], b[k]) for k in a if k.startswith(("sight.body.", "point.present.", "point.fit")))


def test_from_a_bundle_with_replay(small: Config, start: Path, own: Path, tmp_path: Path) -> None:
    net, bundle = export.rounded(checkpoint.load(start)[1]), tmp_path / "bundle"
    bundle.mkdir()
    checkpoint.write_bundle(net, bundle)
    told = {"config": asdict(net.c), "weights": checkpoint.described(bundle)}
    (bundle / "bundle.json").write_text(json.dumps(told))
    command = ["finetune", "--start", str(bundle), "--refs", f"{own}/refs.jsonl", "--out", str(tmp_path / "out")]
    assert cli.main([*command, "--replay", f"{own}/refs.jsonl", "--share", "0.25", *SHORT]) == 0
    assert (tmp_path / "out" / "last.pt").exists()


def test_anchored_weights_stay_nearer(small: Config) -> None:
    def gone(anchor: float) -> float:
        c = replace(small, run=replace(small.run, anchor=anchor, weight_decay=0.0))
        torch.manual_seed(4)
        trainer = Trainer(c, build(c.network), torch.device("cpu"))
        first = {k: v.clone() for k, v in trainer.net.interact.state_dict().items()}
        batch = Collate("minilm-l6", 40)([Squares(96).sample(k) for k in range(4)])
        for _ in range(4):
            trainer.step(batch)
        return float(sum(((v - first[k]) ** 2).sum() for k, v in trainer.net.interact.state_dict().items()) ** 0.5)

    assert gone(100.0) < 0.9 * gone(0.0)


def test_an_anchored_run_resumes_with_its_anchor(small: Config, tmp_path: Path) -> None:
    c = replace(small, run=replace(small.run, anchor=2.0))
    torch.manual_seed(4)
    first = Trainer(c, build(c.network), torch.device("cpu"))
    first.save(tmp_path / "last.pt")
    torch.manual_seed(5)
    second = Trainer(c, build(c.network), torch.device("cpu"))
    second.resume(tmp_path / "last.pt")
    torch.testing.assert_close(second.anchor.first, first.anchor.first)


def test_rounds_take_every_phrase_once_each(own: Path) -> None:
    rounds = Rounds(refs.read(own / "refs.jsonl"), [], 32, seed=3, augment=False)
    first, second = ([rounds.sample(12 * r + k).pixels.tobytes() for k in range(12)] for r in (0, 1))
    assert len(set(first)) == 12 and set(first) == set(second) and first != second
    assert rounds.sample(5).pixels.tobytes() == first[5]


def test_old_samples_come_evenly_between() -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def sample(self, index: int) -> tuple[str, int]:
            return self.name, index

    both = Between(Named("new"), Named("old"), 0.25)  # type: ignore[arg-type]
    found = [both.sample(k) for k in range(12)]
    assert Counter(name for name, _ in found) == {"new": 9, "old": 3}  # type: ignore[misc]
    for name in ("new", "old"):
        numbers = [k for n, k in found if n == name]  # type: ignore[misc]
        assert numbers == list(range(len(numbers)))
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        Between(Named("new"), Named("old"), 1.0)  # type: ignore[arg-type]


def test_phrases_for_one_name_only() -> None:
    things = (Thing("skirt", (0.1, 0.4, 0.4, 0.9), 1.0, True), Thing("person", (0.1, 0.0, 0.45, 1.0), 1.0, True))
    photos = [Photo(f"/none/{k}.jpg", 200, 100, things, "", True, "train", None) for k in range(30)]
    written = writing.write_refs(photos, 1, 7, ["skirt"], wordings=3)
    assert {r.box for r in written} == {(20.0, 40.0, 80.0, 90.0)}
    assert all("skirt" in r.phrase for r in written)
    per_photo = Counter(r.image for r in written)
    assert len({(r.image, r.phrase) for r in written}) == len(written) and 1 < max(per_photo.values()) <= 3
    policy = splits.Policy(calibrates=False, hold_out=3)
    parted = splits.plan(written, policy=policy)
    sides = {"train": {r.image for r in parted.train.refs}, "val": {r.image for r in parted.val.refs}}
    assert sides["train"] and sides["val"] and not sides["train"] & sides["val"]
    assert len(parted.train.refs) + len(parted.val.refs) == len(written)
    assert splits.plan(written, policy=policy) == parted


def test_refs_without_train_phrases_are_named(own: Path) -> None:
    with pytest.raises(ValueError, match="none of 12 phrases is of split train"):
        finetune.parted([replace(r, split="val") for r in refs.read(own / "refs.jsonl")], [])
