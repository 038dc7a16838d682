"""The lists of TransVG and the files of SeqTR, in their real form."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ca2m import cli
from ca2m.data import refs
from ca2m.data.faults import EntryError, Faults
from ca2m.data.refs import Ref
from ca2m.data.sources import transvg
from ca2m.data.sources.files import Folder

COCO = "COCO_train2014_000000000009.jpg"


@pytest.fixture()
def images(tmp_path: Path) -> Path:
    """A photo of each source, laid out as SeqTR asks for."""
    for name in (f"mscoco/train2014/{COCO}", "saiaprtc12/25.jpg", "flickr30k/36979.jpg", "visual-genome/7.jpg"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True)
        Image.new("RGB", (640, 480)).save(path)
    return tmp_path / "images"


def saved(path: Path, found: Any, new: bool = True) -> Path:
    torch.save(found, path, _use_new_zipfile_serialization=new)
    return path


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("kind", [list, np.array, lambda box: [np.int64(v) for v in box]])
def test_transvg(tmp_path: Path, images: Path, kind: Any, new: bool) -> None:
    entries = [
        (COCO, "1.pth", kind([10, 20, 30, 40]), "man on left", [("r1", ["man"])]),
        (COCO, "1.pth", kind([600, 400, 50, 90]), "dog", []),
    ]
    path = saved(tmp_path / "unc+_testA.pth", entries, new)
    image = str(images / "mscoco" / "train2014" / COCO)
    assert list(transvg.read(path, Folder(images), Faults())) == [
        Ref(image, "man on left", (10, 20, 40, 60), "", "testA", "refcoco+", False, ("coco:9",)),
        Ref(image, "dog", (600, 400, 640, 480), "", "testA", "refcoco+", False, ("coco:9",)),
    ]


def test_transvg_of_numpy_1(tmp_path: Path, images: Path) -> None:
    path = saved(tmp_path / "unc_val.pth", [(COCO, "m", np.array([0, 0, 9, 9]), "dog", [np.float32(1)])], new=False)
    data = path.read_bytes()
    assert b"numpy._core.multiarray" in data
    path.write_bytes(data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    (found,) = transvg.read(path, Folder(images), Faults())
    assert found.box == (0, 0, 9, 9)


class Evil:
    """Loading it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_list_runs_no_code(tmp_path: Path) -> None:
    path = saved(tmp_path / "unc_val.pth", [Evil(tmp_path / "made")])
    with pytest.raises(EntryError, match="posix.mkdir"):
        transvg._load(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("name", "entry", "want"),
    [
        (
            "referit_trainval",
            ("25.jpg", "25_1.mat", [10, 20, 40, 60], "sky", []),
            ("train", "refclef-berkeley", "saiapr:25"),
        ),
        ("flickr_val", ("36979.jpg", [10, 20, 40, 60], "a man"), ("val", "flickr30k", "flickr:36979")),
        ("gref_umd_test", (COCO, "1.pth", [10, 20, 30, 40], "a cup", []), ("test", "refcocog-umd", "coco:9")),
    ],
)
def test_transvg_box_form_and_names(tmp_path: Path, images: Path, name: str, entry: Any, want: tuple[str, ...]) -> None:
    (found,) = transvg.read(saved(tmp_path / f"{name}.pth", [entry]), Folder(images), Faults())
    assert found.box == (10, 20, 40, 60)
    assert (found.split, found.source, *found.ids) == want


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (("a.jpg", "m", [0, 0, 9, 9], "dog", []), "entry 2: picture a.jpg is nowhere"),
        ((COCO, "m", [700, 0, 9, 9], "dog", []), "entry 2: box with corners 700"),
        ((COCO, "m", [0, float("nan"), 9, 9], "dog", []), "entry 2: box .* is not finite"),
        ((COCO, "m", [0, 0, 9, 9], " ", []), "entry 2: the phrase is empty"),
        ((COCO, "m"), "entry 2: it has 2 parts"),
    ],
)
def test_transvg_names_bad_entries(tmp_path: Path, images: Path, entry: Any, why: str) -> None:
    good = (COCO, "m", [0, 0, 9, 9], "dog", [])
    faults = Faults()
    path = saved(tmp_path / "unc_val.pth", [good, entry, good])
    assert len(list(transvg.read(path, Folder(images), faults))) == 2
    with pytest.raises(ValueError, match=why):
        faults.settle()


def test_transvg_truncated_and_unknown(tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path / "unc_val.pth", [(COCO, "m", [0, 0, 9, 9], "dog", [])] * 50)
    torn = path.with_name("unc_train.pth")
    torn.write_bytes(path.read_bytes()[:300])
    out = tmp_path / "refs.jsonl"
    command = ["convert", "transvg", str(torn), str(path), "--images", str(images), "--out", str(out)]
    assert cli.main(command) == 1
    said = capsys.readouterr().err
    assert f"{torn}: truncated, or not a list of torch.save" in said and said.count("\n") == 1
    assert cli.main([*command, "--skip-bad"]) == 0
    assert len(refs.read(out)) == 50
    with pytest.raises(ValueError, match="a name such as unc_train.pth"):
        list(transvg.read(path.rename(tmp_path / "mine.pth"), Folder(images), Faults()))
    with pytest.raises(EntryError, match="holds a dict"):
        transvg._load(saved(tmp_path / "unc_test.pth", {}))


def seqtr_file(root: Path, name: str, splits: Any) -> Path:
    path = root / "annotations" / name / "instances.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(splits))
    return path


def entry(image: int, *expressions: str, **more: Any) -> dict[str, Any]:
    size = {"width": 640, "height": 480, "category_id": 1}
    return {"bbox": [10, 20, 30, 40], "image_id": image, "expressions": list(expressions), **size, **more}


def converted(path: Path, images: Path, *more: str) -> list[Ref]:
    out = path.parent / "refs.jsonl"
    out.unlink(missing_ok=True)
    assert cli.main(["convert", "seqtr", str(path), "--images", str(images), "--out", str(out), *more]) == 0
    return refs.read(out)


def test_seqtr(tmp_path: Path, images: Path) -> None:
    path = seqtr_file(tmp_path, "refcoco-unc", {"train": [entry(9, "man", "the man")], "testB": [entry(9, "dog")]})
    found = converted(path, images)
    assert [(r.phrase, r.split, r.source, r.ids) for r in found] == [
        ("man", "train", "refcoco-unc", ("coco:9",)),
        ("the man", "train", "refcoco-unc", ("coco:9",)),
        ("dog", "testB", "refcoco-unc", ("coco:9",)),
    ]
    assert found[0].box == (10, 20, 40, 60)
    assert found[0].image == str(images / "mscoco" / "train2014" / COCO)


def test_seqtr_mixed(tmp_path: Path, images: Path) -> None:
    train = [
        entry(9, "man", data_source="coco"),
        entry(7, "cat", data_source="vg"),
        entry(25, "sky", data_source="saiaprtc12"),
    ]
    path = seqtr_file(
        tmp_path, "mixed", {"train": train, "val_flickr30k": [entry(36979, "a man", data_source="flickr")]}
    )
    found = converted(path, images)
    assert [(r.split, *r.ids) for r in found] == [
        ("train", "coco:9"),
        ("train", "vg:7"),
        ("train", "saiapr:25"),
        ("val_flickr30k", "flickr:36979"),
    ]
    (alone,) = converted(seqtr_file(tmp_path, "flickr30k", {"val": [entry(36979, "a man")]}), images / "flickr30k")
    assert alone.ids == ("flickr:36979",)


@pytest.mark.parametrize(
    ("bad", "why", "left"),
    [
        (entry(9, "dog", " "), "train entry 2: a phrase is empty", 2),
        (entry(8, "dog"), "train entry 2: picture COCO_train2014_000000000008.jpg is nowhere", 1),
        (entry(9, "dog", data_source="web"), "train entry 2: data_source web is none of", 1),
        (entry(9, "dog", bbox=[1, 2, 3]), "train entry 2: not enough values", 1),
        ({"image_id": 9}, "train entry 2: no 'bbox'", 1),
    ],
)
def test_seqtr_names_bad_entries(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str], bad: Any, why: str, left: int
) -> None:
    path = seqtr_file(tmp_path, "refcoco-unc", {"train": [entry(9, "man"), bad]})
    command = ["convert", "seqtr", str(path), "--images", str(images), "--out", str(tmp_path / "no.jsonl")]
    assert cli.main(command) == 1
    assert why in capsys.readouterr().err
    assert len(converted(path, images, "--skip-bad")) == left
