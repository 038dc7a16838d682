"""Phrases for labelled boxes, from COCO instances and VOC XML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ca2m import cli
from ca2m.data import refs
from ca2m.data.faults import Faults
from ca2m.data.sources import voc
from ca2m.data.sources.files import Folder


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (500, 400)).save(path)


def written(tmp_path: Path, *args: Any) -> list[refs.Ref]:
    out = tmp_path / "refs.jsonl"
    assert cli.main(["convert", *map(str, args), "--out", str(out)]) == 0
    return refs.read(out)


def instances(folder: Path, name: str) -> Path:
    said = {
        "images": [
            {"id": 139, "file_name": "000000000139.jpg", "width": 500, "height": 400},
            {"id": 285, "file_name": "000000000285.jpg", "width": 500, "height": 400},
        ],
        "annotations": [
            {"id": 1, "image_id": 139, "category_id": 18, "bbox": [10, 20, 100, 200], "iscrowd": 0, "area": 1},
            {"id": 2, "image_id": 139, "category_id": 17, "bbox": [300, 20, 100, 200], "iscrowd": 0, "area": 1},
            {"id": 3, "image_id": 285, "category_id": 18, "bbox": [0, 0, 400, 390], "iscrowd": 0, "area": 1},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(said))
    for image in said["images"]:
        picture(folder / "val2017" / str(image["file_name"]))
    return folder / name


def test_coco(tmp_path: Path) -> None:
    path = instances(tmp_path, "instances_val2017.json")
    found = written(tmp_path, "coco", path, "--images", tmp_path / "val2017")
    assert {r.split for r in found} == {"val"}, "from the file's name"
    assert {r.ids for r in found} == {("coco:139",), ("coco:285",)}
    assert {r.box for r in found} == {(10, 20, 110, 220), (300, 20, 400, 220), (0, 0, 400, 390)}
    assert all(r.phrase and r.kind and r.source == "coco" for r in found)
    again = written(tmp_path, "coco", path, "--images", tmp_path / "val2017", "--each", 1, "--split", "train")
    assert len(again) == 2
    assert {r.split for r in again} == {"train"}


def test_coco_misses_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = instances(tmp_path, "instances_train2017.json")
    (tmp_path / "val2017" / "000000000139.jpg").unlink()
    command = ["convert", "coco", str(path), "--images", str(tmp_path / "val2017"), "--out", str(tmp_path / "o.jsonl")]
    assert cli.main(command) == 1
    assert "000000000139.jpg is missing (--skip-bad" in capsys.readouterr().err
    assert cli.main([*command, "--skip-bad"]) == 0
    assert {r.ids for r in refs.read(tmp_path / "o.jsonl")} == {("coco:285",)}


VOC = """<annotation>
  <folder>VOC2007</folder>
  <filename>{name}.jpg</filename>
  <source><database>The VOC2007 Database</database><image>flickr</image><flickrid>341012865</flickrid></source>
  <size><width>500</width><height>400</height><depth>3</depth></size>
  {objects}
</annotation>"""
THING = """<object><name>{}</name><pose>Left</pose><truncated>1</truncated><difficult>{}</difficult>
  <bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture()
def devkit(tmp_path: Path) -> Path:
    """Two photos of VOC, the second one of its test list."""
    folder = tmp_path / "VOC2007"
    for name, objects in (
        ("000005", THING.format("pottedplant", 0, 1, 1, 100, 200) + THING.format("sofa", 1, 200, 100, 500, 400)),
        ("000006", THING.format("aeroplane", 0, 11.5, 21, 210, 220)),
    ):
        picture(folder / "JPEGImages" / f"{name}.jpg")
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / "Annotations" / f"{name}.xml").write_text(VOC.format(name=name, objects=objects))
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "train.txt").write_text("000005\n")
    (folder / "ImageSets" / "Main" / "test.txt").write_text("000006\n")
    return folder


def test_voc(devkit: Path, tmp_path: Path) -> None:
    plant, plane = voc.read(devkit, Folder(devkit), Faults())
    assert [(t.name, t.box, t.score) for t in plant.things] == [
        ("potted plant", (0, 0, 0.2, 0.5), 1.0),
        ("couch", (199 / 500, 99 / 400, 1, 1), voc.DIFFICULT),
    ]
    assert (plant.split, plane.split) == ("train", "test")
    assert plant.ids == ("voc:2007/000005", "flickr:341012865")
    found = written(tmp_path, "voc", devkit)
    assert {(r.box, r.split) for r in found} == {((0, 0, 100, 200), "train"), ((10.5, 20, 210, 220), "test")}
    assert {r.source for r in found} == {"voc"}


def test_xml_of_ones_own(tmp_path: Path) -> None:
    picture(tmp_path / "own" / "kitchen.jpg")
    text = VOC.format(name="kitchen", objects=THING.format("Cup", 0, 10, 10, 100, 100))
    (tmp_path / "own" / "kitchen.xml").write_text(text.replace("VOC2007<", "photos<").replace("341012865", ""))
    (found,) = written(tmp_path, "voc", tmp_path / "own")
    assert (found.box, found.split, found.ids) == ((9, 9, 100, 100), "train", ())
    assert "cup" in found.phrase or "mug" in found.phrase


@pytest.mark.parametrize(
    ("text", "why", "left"),
    [
        ("<annotation>", "000005.xml: no element found", 1),
        (VOC.format(name="gone", objects=""), "000005.xml: picture gone.jpg is nowhere", 1),
        (VOC.format(name="000005", objects=THING.format("dog", 0, 1, 1, "", 9)), "000005.xml: object 1: box", 2),
        (
            VOC.format(name="000005", objects="<object><name>dog</name></object>"),
            "object 1: an object has no bndbox",
            2,
        ),
        (VOC.format(name="000005", objects=THING.format("", 0, 1, 1, 9, 9)), "object 1: an object has no name", 2),
        (VOC.format(name="000005", objects="").replace(">500<", "><"), "000005.xml: it gives no size", 1),
    ],
)
def test_voc_names_bad_files(devkit: Path, text: str, why: str, left: int) -> None:
    (devkit / "Annotations" / "000005.xml").write_text(text)
    faults = Faults(skip=False)
    found = voc.read(devkit, Folder(devkit), faults)
    assert len(found) == left
    with pytest.raises(ValueError, match=why):
        faults.settle()


def test_voc_without_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["convert", "voc", str(tmp_path), "--out", str(tmp_path / "refs.jsonl")]) == 1
    assert f"{tmp_path}: no *.xml there" in capsys.readouterr().err
