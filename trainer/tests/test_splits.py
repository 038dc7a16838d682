"""What is kept out of training: photos of any val or test, under whatever name they come."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ca2m import cli
from ca2m.data import merge, refs, splits
from ca2m.data.refs import Photo, Ref

TRAIN = Ref("/train2014/1.jpg", "dog", (0, 0, 5, 5), "", "train", "refcoco", False, ("coco:1",))


def names(count: int, aside: bool) -> list[str]:
    """File names that are, or are not, of calibration photos."""
    return [name for k in range(1000) if splits.is_calibration(name := f"/p/{k}.jpg") is aside][:count]


def test_photos_of_other_splits_go_by_path_and_by_id() -> None:
    one, two, three, four = names(4, aside=False)
    val = replace(TRAIN, image=one, split="testA")
    same_path = replace(TRAIN, image=one, ids=())
    same_id = replace(TRAIN, image=two, ids=("vg:9", "coco:1"))
    other = replace(TRAIN, image=three, ids=("coco:2",))
    photo = Photo(four, 4, 4, (), "coco", True, "train", None, ("coco:1",))
    own, photos = splits.for_training([val, same_path, same_id, other], [photo, replace(photo, ids=("coco:3",))])
    assert own == [other]
    assert [p.ids for p in photos] == [("coco:3",)]


def test_same_photos_keeps_train_phrases_only() -> None:
    one, two = names(2, aside=False)
    val, train = replace(TRAIN, image=one, split="val"), replace(TRAIN, image=one)
    photo = Photo(two, 4, 4, (), "coco", True, "train", None, ("coco:1",))
    assert splits.for_training([val, train], [photo], same_photos=True) == ([train], [])


def test_calibration_photos_go_under_every_name() -> None:
    (aside,), (one, two) = names(1, aside=True), names(2, aside=False)
    held, twin = replace(TRAIN, image=aside), replace(TRAIN, image=one)
    other = replace(TRAIN, image=two, ids=("coco:2",))
    assert splits.for_training([held, twin, other], []) == ([other], [])
    val = replace(other, split="val")
    assert splits.for_training([held, twin, other, val], [], calibrated=False) == ([held, twin], [])


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    full = ({"phrase": "dog", "box": [0, 0, 5, 5], **line} for line in lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in full))
    return path


@pytest.fixture()
def sets(tmp_path: Path) -> tuple[Path, Path, Path]:
    """RefCOCO with a val photo, Visual Genome that knows this photo by another name, and a file without ids."""
    coco = write(
        tmp_path / "coco" / "refs.jsonl",
        {"image": "1.jpg", "split": "val", "image_id": "coco:1"},
        {"image": "2.jpg", "image_id": "coco:2"},
    )
    genome = write(
        tmp_path / "vg" / "refs.jsonl",
        {"image": "8.jpg", "image_id": ["vg:8", "coco:1"], "phrase": "a dog"},
        {"image": "8.jpg", "image_id": ["vg:8", "coco:1"], "phrase": "its nose"},
        {"image": "9.jpg", "image_id": ["vg:9", "coco:2"]},
    )
    own = write(tmp_path / "own" / "refs.jsonl", {"image": "../coco/1.jpg"}, {"image": "x.jpg", "split": "test"})
    return coco, genome, own


def test_merge(sets: tuple[Path, Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ca2m"):
        found = list(merge.merged(sets))
    assert [Path(ref.image).name for ref in found] == ["1.jpg", "2.jpg", "9.jpg", "x.jpg"]
    assert "vg/refs.jsonl: 1 lines taken, 2 train lines on 1 photos of val or test left out" in caplog.text
    assert "own/refs.jsonl: 1 lines taken, 1 train lines on 1 photos of val or test left out" in caplog.text
    assert "own/refs.jsonl: 1 lines have no image_id" in caplog.text


def test_merge_writes_the_splits_asked_for(sets: tuple[Path, Path, Path], tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "all.jsonl"
    assert cli.main(["merge", *map(str, sets), "--out", str(out), "--splits", "train"]) == 0
    assert capsys.readouterr().out == "train: 2 phrases over 2 photos (no kind 2)\n"
    assert [(Path(ref.image).parent.name, ref.ids) for ref in refs.read(out)] == [
        ("coco", ("coco:2",)),
        ("vg", ("vg:9", "coco:2")),
    ]


def test_merge_keeps_out_what_is_only_held(sets: tuple[Path, Path, Path]) -> None:
    coco, genome, _ = sets
    assert [ref.ids for ref in merge.merged([genome], held=[coco])] == [("vg:9", "coco:2")]


def test_merge_names_bad_lines(sets: tuple[Path, Path, Path], tmp_path: Path) -> None:
    coco, genome, _ = sets
    genome.write_text(genome.read_text() + "{\n")
    with pytest.raises(ValueError, match=f"{genome}:4: "):
        list(merge.merged([coco, genome]))
    assert len(list(merge.merged([coco, genome], skip_bad=True))) == 3
