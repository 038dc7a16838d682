"""The dataset format: what is read, what is refused and what a round trip keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ca2m.data import coco, counting, refs
from ca2m.geometry import Thing
from ca2m.language import lexicon, names

LINE = {"image": "photos/a.jpg", "phrase": "red cup", "box": [10, 20, 30, 40], "kind": "attribute", "split": "val"}


def write_lines(folder: Path, *lines: Any) -> Path:
    path = folder / "refs.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_read(tmp_path: Path) -> None:
    gone = {"image": "photos/a.jpg", "phrase": " a dog ", "box": None}
    first, second = refs.read(write_lines(tmp_path, LINE, "", {**gone, "drawn": 1}))
    assert first.box == (10, 20, 40, 60)
    assert (first.kind, first.split, first.drawn) == ("attribute", "val", False)
    assert first.image == str(tmp_path / "photos" / "a.jpg")
    assert (second.phrase, second.box, second.kind, second.split, second.drawn) == (
        "a dog",
        None,
        "absent",
        "train",
        True,
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "Expecting"),
        ([1], "not a JSON object"),
        ({"image": "a.jpg", "box": None}, "no 'phrase'"),
        ({**LINE, "phrase": "  "}, "phrase is empty"),
        ({**LINE, "image": ""}, "image is not a path"),
        ({**LINE, "box": [1, 2, 0, 4]}, "no inside"),
        ({**LINE, "box": [1, 2, 3]}, "unpack"),
        ({**LINE, "box": "here"}, "could not convert"),
        ({**LINE, "box": [1, 2, None, 3]}, "float"),
        ({**LINE, "box": [1, float("inf"), 2, 3]}, "not finite"),
        ({**LINE, "image_id": 9}, "image_id 9 is not a name"),
        ({**LINE, "image_id": ["coco:9", ""]}, "not a name"),
    ],
)
def test_read_names_the_broken_line(tmp_path: Path, line: Any, why: str) -> None:
    path = write_lines(tmp_path, LINE, line)
    with pytest.raises(ValueError, match=why) as error:
        refs.read(path)
    assert f"{path}:2:" in str(error.value)


def test_write_gives_back_what_was_read(tmp_path: Path) -> None:
    two = {**LINE, "image_id": ["vg:1", "coco:9"]}
    gone = {**LINE, "box": None, "kind": "absent"}
    was = refs.read(write_lines(tmp_path, LINE, gone, {**LINE, "drawn": 1}, {**LINE, "image_id": "coco:9"}, two))
    assert [ref.ids for ref in was[-2:]] == [("coco:9",), ("vg:1", "coco:9")]
    refs.write(tmp_path / "again.jsonl", was)
    assert refs.read(tmp_path / "again.jsonl") == was
    assert json.loads((tmp_path / "again.jsonl").read_text().splitlines()[0])["image"] == "photos/a.jpg"


def test_counts(tmp_path: Path) -> None:
    was = refs.read(write_lines(tmp_path, LINE, {**LINE, "kind": "class"}, {**LINE, "split": "train"}))
    assert counting.counts(was) == [
        "train: 1 phrases over 1 photos (attribute 1)",
        "val: 2 phrases over 1 photos (attribute 1, class 1)",
    ]


def instances(**more: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50, **more}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 18, "bbox": [10, 10, 20, 20]},
            {"id": 2, "image_id": 1, "category_id": 18, "bbox": [0, 0, 90, 50], "iscrowd": 1},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": [60, 0, 60, 50], "score": 0.5, "origin": "nanodet"},
            {"id": 4, "image_id": 1, "category_id": 1, "bbox": [60, 0, 0, 50]},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
    }


def read_coco(folder: Path, file: Any) -> list[coco.Photo]:
    (folder / "annotations.json").write_text(json.dumps(file))
    return coco.read(folder / "annotations.json")


def test_read_coco(tmp_path: Path) -> None:
    (photo,) = read_coco(tmp_path, instances())
    assert (photo.path, photo.complete, photo.split) == (str(tmp_path / "a.jpg"), True, "train")
    dog, person = photo.things
    assert dog == Thing("dog", (0.1, 0.2, 0.3, 0.6), 1.0, True)
    assert (person.box, person.score, person.human) == ((0.6, 0, 1.0, 1.0), 0.5, False), "clipped to the photo"
    (ours,) = read_coco(tmp_path, instances(labels="human+nanodet", split="val", source="s", sequence="q"))
    assert (ours.complete, ours.split, ours.source, ours.sequence) == (False, "val", "s", "q")


@pytest.mark.parametrize(
    ("image", "ids"),
    [
        ({"id": 9, "file_name": "COCO_train2014_000000000009.jpg"}, ("coco:9",)),
        ({"id": 9, "file_name": "val2017/000000000009.jpg"}, ("coco:9",)),
        ({"id": 8, "file_name": "000000000009.jpg"}, ()),
        ({"id": 8, "file_name": "a.jpg", "coco_id": 9}, ("coco:9",)),
        (
            {
                "id": 9,
                "file_name": "000000000009.jpg",
                "flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg",
            },
            ("coco:9", "flickr:8119368305"),
        ),
    ],
)
def test_coco_ids(image: dict[str, Any], ids: tuple[str, ...]) -> None:
    assert coco.coco_ids(image) == ids


@pytest.mark.parametrize(
    "file", [[], {"images": []}, instances() | {"images": [{"id": 1}]}, instances() | {"categories": []}]
)
def test_read_coco_refuses(tmp_path: Path, file: Any) -> None:
    with pytest.raises(ValueError, match=r"annotations\.json: "):
        read_coco(tmp_path, file)


def test_things_of(tmp_path: Path) -> None:
    (photo,) = read_coco(tmp_path, instances())
    ref = refs.Ref(photo.path, "dog", (10, 10, 30, 31), "class", "train", "", False)
    assert coco.things_of(ref, photo) == "dog"
    for box in (None, (10.0, 10.0, 30.0, 50.0)):
        assert coco.things_of(refs.Ref(photo.path, "dog", box, "class", "train", "", False), photo) is None


def test_names() -> None:
    assert len(names.COCO80) == 80
    assert (names.COCO80[0], names.COCO80[62], names.COCO80[79]) == ("person", "tv", "toothbrush")
    known = {*names.COCO80, *lexicon.CLOTHES, *lexicon.RIDERS}
    assert {c for members in lexicon.SUPER.values() for c in members} & known
    for name in names.COCO80:
        for word in names.words_for(name):
            sure, may = names.extension(word)
            assert name in sure <= may, word


@pytest.mark.parametrize(
    ("phrase", "want"),
    [
        ("the red car on the left", "car"),
        ("woman pushing a stroller", "person"),
        ("third truck from the left", "truck"),
        ("guy in the dog costume", "person"),
        ("teddy bear", "teddy bear"),
        ("hot dog next to the cup", "hot dog"),
        ("black fridge", "refrigerator"),
        ("the dog's ear", None),
        ("wheel of the car", None),
        ("car door", None),
        ("lamp above the couch", None),
        ("left", None),
        ("orange and white cat by the door", "cat"),
        ("the girl's dog", "dog"),
        ("the one next to the dog", None),
        ("table lamp", None),
    ],
)
def test_noun_of_words(phrase: str, want: str | None) -> None:
    assert names.noun_of(phrase) == (names.UNKNOWN if want is None else names.INDEX[want])


@pytest.mark.parametrize(
    ("phrase", "want"),
    [("lamp above the couch", True), ("car door", True), ("the cat's ear", True), ("dog", False), ("left one", False)],
)
def test_names_other(phrase: str, want: bool) -> None:
    assert names.names_other(phrase) is want


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path, LINE)
    path.write_bytes(path.read_bytes() + b"\n\xff\xd8\xff\n")
    with pytest.raises(ValueError, match="utf-8") as error:
        refs.read(path)
    assert f"{path}:2:" in str(error.value)
