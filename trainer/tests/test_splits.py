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
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.data.splits import Policy
from ca2m.geometry import Thing

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
    found = splits.plan([val, same_path, same_id, other], [photo, replace(photo, ids=("coco:3",))])
    own, photos = found.train
    assert own == [other]
    assert [p.ids for p in photos] == [("coco:3",)]


def test_same_photos_keeps_train_phrases_only() -> None:
    one, two = names(2, aside=False)
    val, train = replace(TRAIN, image=one, split="val"), replace(TRAIN, image=one)
    photo = Photo(two, 4, 4, (), "coco", True, "train", None, ("coco:1",))
    assert splits.plan([val, train], [photo], Policy(same_photos=True)).train == ([train], [])


def test_calibration_photos_go_under_every_name() -> None:
    (aside,), (one, two) = names(1, aside=True), names(2, aside=False)
    held, twin = replace(TRAIN, image=aside), replace(TRAIN, image=one)
    other = replace(TRAIN, image=two, ids=("coco:2",))
    assert splits.plan([held, twin, other]).train == ([other], [])
    val = replace(other, split="val")
    assert splits.plan([held, twin, other, val], policy=Policy(calibrates=False)).train == ([held, twin], [])


def test_the_parts_of_a_plan_do_not_meet() -> None:
    (aside, gone), (one, two, three) = names(2, aside=True), names(3, aside=False)
    made = [replace(TRAIN, image=name, ids=(), split=s) for name, s in ((aside, "train"), (one, "train"), (two, "val"))]
    made += [replace(TRAIN, image=gone, ids=(), split=s) for s in ("train", "testA")]
    photos = [Photo(name, 4, 4, (), "", True, "train", None) for name in (aside, one, two, three)]
    found = splits.plan(made, photos)
    assert [[r.image for r in part.refs] for part in found] == [[one], [two], [aside]]
    assert [[p.path for p in part.photos] for part in found] == [[one, three], [two], [aside]]
    assert [p.split for p in found.val.photos] == ["val"], "as its phrase says"


def test_a_policy_keeps_more_out() -> None:
    one, two, three = names(3, aside=False)
    skirt = Photo(one, 4, 4, (Thing("skirt", (0, 0, 1, 1), 1.0, True),), "", True, "train", None)
    made = [replace(TRAIN, image=name, ids=()) for name in (one, two, three)]
    held = [replace(made[1], split="test")]
    found = splits.plan(made, [skirt], Policy(leave_out=("skirt",), held=held)).train
    assert [r.image for r in found.refs] == [three] and not found.photos


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
