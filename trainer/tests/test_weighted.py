"""Several refs files in one run: how often samples come from each, and that a run over them goes on exactly."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import Squares, paper, shallow_resnet, small_bert

from ca2m import cli
from ca2m.config import Config, DataSet
from ca2m.data import splits, weighted
from ca2m.data.sample import Sample
from ca2m.data.weighted import Weighted


class Named:
    """Samples that say whose they are and their number."""

    def __init__(self, name: str) -> None:
        self.name = name

    def sample(self, index: int) -> Sample:
        return Sample(np.zeros((1, 1, 3), np.uint8), f"{self.name} {index}", None, -1, "")


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.7, 0.2, 0.1), (1 / 3, 1 / 3, 1 / 3), (0.999, 0.001)])
def test_each_sets_samples_come_in_their_order_and_in_their_share(shares: tuple[float, ...]) -> None:
    sets = Weighted([Named(str(k)) for k in range(len(shares))], shares)
    said = [sets.sample(k).phrase.split() for k in range(6000)]
    for k, share in enumerate(shares):
        own = [int(number) for name, number in said if name == str(k)]
        assert own == list(range(len(own))), "none twice, none left out"
        for end in (600, 1000, 6000):  # in twos, and each set before it may be one such ahead or behind
            seen = sum(name == str(k) for name, _ in said[:end])
            assert abs(seen - share * end) <= 2 * len(shares)


def test_shares_far_into_a_run_are_whole_numbers() -> None:
    sets = Weighted([Named("a"), Named("b"), Named("c")], (0.3, 0.3, 0.4))
    for first in (1 << 33, (1 << 53) - 500):  # where sums of floats begin to skip
        said = [sets.sample(k).phrase.split() for k in range(first, first + 400)]
        for name in "abc":
            own = [int(number) for which, number in said if which == name]
            assert own == list(range(own[0], own[0] + len(own)))


def test_twos_stay_together() -> None:
    sets = Weighted([Named("a"), Named("b")], (0.4, 0.6))
    for k in range(0, 200, 2):
        (one, first), (other, second) = (sets.sample(n).phrase.split() for n in (k, k + 1))
        assert one == other and int(first) % 2 == 0 and int(second) == int(first) + 1


def test_temperature() -> None:
    assert weighted.shares_of([300, 100], 1) == pytest.approx([0.75, 0.25])
    assert weighted.shares_of([400, 100], 2) == pytest.approx([2 / 3, 1 / 3])
    assert weighted.shares_of([1e6, 1], 1e9) == pytest.approx([0.5, 0.5])


def test_what_is_said_of_files(tmp_path: Path) -> None:
    (tmp_path / "a=1").touch()
    said = ["vg.jsonl=2", f"{tmp_path}/a=1"]
    assert weighted.chosen(said[:1], ()) == (DataSet("vg.jsonl", 2.0),)
    assert weighted.chosen(said[1:], (DataSet("other"),)) == (DataSet(f"{tmp_path}/a=1"),), "a file's own name"
    assert weighted.chosen([], (DataSet("x", 1), DataSet("y", 2))) == (DataSet("x", 1), DataSet("y", 2))
    for wrong, why in ((["a=1", "b"], "without one are b"), (["a=b"], "'b' is no weight"), ([], "give --refs FILE")):
        with pytest.raises(ValueError, match=why):
            weighted.chosen(wrong, ())


def written(folder: Path, name: str, first: int, count: int, split: str = "train") -> Path:
    """NAME.jsonl over so many pictures of squares, the phrases of which say which file they are of."""
    lines = []
    for k in range(first, first + count):
        s = Squares(64).sample(k)
        cv2.imwrite(str(folder / f"{k}.png"), cv2.cvtColor(s.pixels, cv2.COLOR_RGB2BGR))
        assert s.box is not None
        x1, y1, x2, y2 = (64 * v for v in s.box)
        line = {"image": f"{k}.png", "phrase": f"{name} {k}", "box": [x1, y1, x2 - x1, y2 - y1], "split": split}
        lines.append(json.dumps(line | {"image_id": f"coco:{k}"}))
    (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return folder / f"{name}.jsonl"


def plain(bert: Path) -> Config:
    """Phrases stay as written."""
    return paper(bert, "run.epochs=2", "run.batch=2", "run.seed=3")


def test_every_phrase_of_a_file_comes_once_in_each_of_its_rounds(tmp_path: Path) -> None:
    small, large = written(tmp_path, "small", 0, 4), written(tmp_path, "large", 4, 12)
    c = plain(tmp_path)
    files = weighted.load([DataSet(str(small), 1), DataSet(str(large), 1)])
    own, photos = splits.plan(files.refs, [], splits.Policy.of(c)).train
    samples = files.samples(c, own, photos)
    said = Counter(samples.sample(k).phrase for k in range(24))
    assert {said[f"small {k}"] for k in range(4)} == {3} and {said[f"large {k}"] for k in range(4, 16)} == {1}
    alone = weighted.load([DataSet(str(small))])
    again = alone.samples(c, *splits.plan(alone.refs, [], splits.Policy.of(c)).train)
    assert [s.phrase for s in map(again.sample, range(4))] == [
        s.phrase for s in map(samples.sample, range(24)) if s.phrase.startswith("small")
    ][:4], "a file's samples are its own, whatever else is mixed in"


def test_photos_that_another_file_tests_on_are_not_trained_on(tmp_path: Path) -> None:
    train, test = written(tmp_path, "train", 0, 6), written(tmp_path, "test", 4, 4, "test")
    c = plain(tmp_path)
    files = weighted.load([DataSet(str(train)), DataSet(str(test))])
    own, photos = splits.plan(files.refs, [], splits.Policy.of(c)).train
    assert [ref.phrase for ref in own] == [f"train {k}" for k in range(4)]
    assert [len(part) for part in files.parts(own)] == [4, 0]
    said = {files.samples(c, own, photos).sample(k).phrase for k in range(8)}
    assert said == {f"train {k}" for k in range(4)}, "a file without train phrases has no share"
    heavy = replace(files, data=(DataSet(str(train), 1), DataSet(str(test), 1)))
    with pytest.raises(ValueError, match=r"test.jsonl: has a weight and no train phrases"):
        heavy.samples(c, own, photos)


def test_a_run_over_two_files_goes_on_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.models.resnet50", shallow_resnet)
    small_bert(tmp_path / "bert")
    one, two = written(tmp_path, "one", 0, 3), written(tmp_path, "two", 3, 5)

    def trained(out: str, samples: int, *more: str) -> int:
        said = ["train", "--config", "ca2m-r50", "--words", f"{tmp_path}/bert", "--out", f"{tmp_path}/{out}"]
        said += ["--workers", "0", "--samples", str(samples), "--set", "run.batch=2", "--set", "run.drop_at=1", *more]
        for change in ("image_size=64", "c0=16", "c1=48", "heads0=2", "heads1=2", "group_layers=1", "merge_layers=1"):
            said += ["--set", f"network.{change}"]
        return cli.main(said)

    both = ("--refs", f"{one}=1", "--refs", f"{two}=3")
    assert trained("whole", 12, *both) == 0
    assert trained("parted", 6, *both) == 0
    assert trained("parted", 12, *both) == 0
    whole, parted = (torch.load(tmp_path / out / "last.pt", weights_only=True) for out in ("whole", "parted"))
    assert whole["done"] == parted["done"] == 12
    assert [d["weight"] for d in whole["config"]["data"]] == [1.0, 3.0]
    assert all(torch.equal(v, parted["net"][k]) for k, v in whole["net"].items())
    assert trained("whole", 16, "--refs", f"{one}=1", "--refs", f"{two}=4") == 1, "other weights are another run"
    assert trained("whole", 16) == 1, "and so is one without files"


def test_show_draws_what_a_configuration_mixes(tmp_path: Path) -> None:
    written(tmp_path, "one", 0, 3), written(tmp_path, "two", 3, 3)
    (tmp_path / "mine.yaml").write_text("base: ca2m-r50\ndata: [{refs: one.jsonl}, {refs: two.jsonl}]\n")
    page = tmp_path / "page.html"
    assert cli.main(["show", "--config", f"{tmp_path}/mine.yaml", "--out", str(page), "--count", "6"]) == 0
    phrases = re.findall(r"\b(one|two) (\d)", page.read_text())
    assert {name for name, _ in phrases} == {"one", "two"}
    assert all((int(k) < 3) == (name == "one") for name, k in phrases)
