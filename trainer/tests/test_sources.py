"""Each converter on a small file in the real format: REFER pickles, gRefCOCO, Visual Genome, Flickr30k Entities."""

from __future__ import annotations

import json
import os
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ca2m import cli
from ca2m.data import refs
from ca2m.data.faults import EntryError
from ca2m.data.sources import files, refer

Run = Callable[..., list[refs.Ref]]


@pytest.fixture()
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Converts and reads back; with fails, the error must say it and nothing is written."""

    def converted(*args: Any, fails: str = "") -> list[refs.Ref]:
        out = tmp_path / "out" / "refs.jsonl"
        out.unlink(missing_ok=True)
        code = cli.main(["convert", *map(str, args), "--out", str(out)])
        said = capsys.readouterr().err
        assert code == (1 if fails else 0), said
        assert fails in said
        if fails:
            assert not out.exists()
            return []
        return refs.read(out)

    return converted


def picture(path: Path, size: tuple[int, int] = (640, 480)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def sentence(number: int, said: str) -> dict[str, Any]:
    return {"raw": said.upper(), "sent": said, "sent_id": number, "tokens": said.split()}


def entry(number: int, ann: Any, image: int, split: str, *said: str) -> dict[str, Any]:
    """As in refs(unc).p; its own file_name has the annotation's id behind it and is not a picture's."""
    return {
        "ref_id": number,
        "ann_id": ann,
        "category_id": 1,
        "image_id": image,
        "file_name": f"COCO_train2014_{image:012d}_{number}.jpg",
        "split": split,
        "sent_ids": list(range(len(said))),
        "sentences": [sentence(k, text) for k, text in enumerate(said)],
    }


def instances(folder: Path, name: str = "COCO_train2014_{:012d}.jpg") -> Path:
    images = [
        {
            "license": 1,
            "file_name": name.format(k),
            "coco_url": f"http://mscoco.org/images/{k}",
            "height": 480,
            "width": 640,
            "date_captured": "2013-11-18 02:53:27",
            "flickr_url": f"http://farm4.staticflickr.com/3153/{9000 + k}_d20e0d4f2f_z.jpg",
            "id": k,
        }
        for k in (1, 2, 3)
    ]
    boxes = {11: (1, [103.93, 299.99, 134.22, 177.42]), 12: (1, [0.0, 0.0, 50.5, 60]), 21: (2, [600, 400, 60, 70])}
    notes = [
        {"id": k, "image_id": of, "bbox": box, "category_id": 1, "area": 1.0, "iscrowd": 0, "segmentation": [[1, 2]]}
        for k, (of, box) in boxes.items()
    ]
    path = folder / "instances.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"info": {}, "licenses": [], "images": images, "annotations": notes}
    path.write_text(json.dumps(said | {"categories": [{"id": 1, "name": "person", "supercategory": "person"}]}))
    for image in images:
        picture(folder / "images" / "train2014" / image["file_name"])
    return path


REFCOCO = [
    entry(1, 11, 1, "train", "man on left", "the guy in red"),
    entry(2, 21, 2, "testA", "right person"),
    entry(3, 12, 1, "val", "boy"),
]


def pickled(path: Path, found: Any, protocol: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(found, protocol))
    return path


def of_python2(data: bytes) -> bytes:
    """The same pickle with byte strings for texts, as Python 2 wrote the released files (protocol 2)."""
    out = bytearray(data)
    for code, _, at in pickletools.genops(data):
        if code.name == "BINUNICODE":
            out[at] = ord("T")  # BINSTRING has the same layout
    return bytes(out)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_refcoco(tmp_path: Path, run: Run, protocol: int) -> None:
    instances(tmp_path / "refcoco+")
    path = pickled(tmp_path / "refcoco+" / "refs(unc).p", REFCOCO, protocol)
    found = run("refer", path, "--images", tmp_path / "refcoco+" / "images")
    assert [(r.phrase, r.split) for r in found] == [
        ("man on left", "train"),
        ("the guy in red", "train"),
        ("right person", "testA"),
        ("boy", "val"),
    ]
    first, _, cut, _ = found
    assert first.box == pytest.approx((103.93, 299.99, 238.15, 477.41))
    assert cut.box == (600, 400, 640, 470), "cut to the picture"
    assert first.image == str(tmp_path / "refcoco+" / "images" / "train2014" / "COCO_train2014_000000000001.jpg")
    assert (first.source, first.ids, first.kind) == ("refcoco+", ("coco:1", "flickr:9001"), "")


def test_pickle_of_python_2(tmp_path: Path, run: Run) -> None:
    instances(tmp_path / "refcocog")
    path = tmp_path / "refcocog" / "refs(umd).p"
    path.write_bytes(of_python2(pickle.dumps([entry(1, 11, 1, "test", "a man's café")], 2)))
    (found,) = run("refer", path, "--images", tmp_path)
    assert (found.phrase, found.split, found.source) == ("a man's café", "test", "refcocog-umd")


def test_refclef(tmp_path: Path, run: Run) -> None:
    instances(tmp_path / "refclef", "{}.jpg")
    data = json.loads((tmp_path / "refclef" / "instances.json").read_text())
    for image in data["images"]:
        del image["flickr_url"]
    (tmp_path / "refclef" / "instances.json").write_text(json.dumps(data))
    path = pickled(tmp_path / "refclef" / "refs(berkeley).p", [entry(1, 11, 1, "test", "sky")])
    (found,) = run("refer", path, "--images", tmp_path / "refclef")
    assert (found.source, found.ids, found.split) == ("refclef-berkeley", ("saiapr:1",), "test")


def test_grefcoco(tmp_path: Path, run: Run) -> None:
    instances(tmp_path / "grefcoco")
    path = tmp_path / "grefcoco" / "grefs(unc).json"
    many = entry(2, [11, 12], 1, "train", "both men", "two guys") | {"category_id": [1, 1], "no_target": False}
    none = entry(3, [-1], 2, "val", "the elephant") | {"category_id": [-1], "no_target": True}
    path.write_text(json.dumps([entry(1, [12], 1, "train", "boy"), many, none]))
    images = tmp_path / "grefcoco" / "images"
    boy, absent = run("refer", path, "--images", images)
    assert (boy.box, boy.split) == ((0, 0, 50.5, 60), "train")
    assert (absent.phrase, absent.box, absent.kind, absent.split) == ("the elephant", None, "absent", "val")
    found = run("refer", path, "--images", images, "--several", "union")
    assert [r.phrase for r in found] == ["boy", "both men", "two guys", "the elephant"]
    assert found[1].box == pytest.approx((0, 0, 238.15, 477.41))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (entry(7, 99, 1, "train", "x"), "entry 2 (ref_id 7): ann_id 99 is not among"),
        (entry(7, 11, 9, "train", "x"), "entry 2 (ref_id 7): image_id 9 is not among"),
        (entry(7, 21, 1, "train", "x"), "entry 2 (ref_id 7): ann_id 21 is of image_id 2, not 1"),
        (entry(7, 11, 1, "train", "  "), "entry 2 (ref_id 7): the phrase of sent_id 0 is empty"),
        ({"ref_id": 7, "image_id": 1}, "entry 2 (ref_id 7): no 'ann_id'"),
        ("nothing", "entry 2 (ref_id None): "),
    ],
)
def test_bad_entries(tmp_path: Path, run: Run, bad: Any, why: str) -> None:
    instances(tmp_path / "refcoco")
    path = pickled(tmp_path / "refcoco" / "refs(unc).p", [REFCOCO[0], bad, REFCOCO[2]])
    run("refer", path, "--images", tmp_path, fails=f"{path}: {why}")
    assert len(run("refer", path, "--images", tmp_path, "--skip-bad")) == 3


@pytest.mark.parametrize(("box", "why"), [([700, 0, 9, 9], "lies outside"), ([float("nan"), 0, 9, 9], "not finite")])
def test_bad_box(tmp_path: Path, run: Run, box: list[float], why: str) -> None:
    said = json.loads(instances(tmp_path / "refcoco").read_text())
    said["annotations"][0]["bbox"] = box
    (tmp_path / "refcoco" / "instances.json").write_text(json.dumps(said))
    path = pickled(tmp_path / "refcoco" / "refs(unc).p", REFCOCO)
    run("refer", path, "--images", tmp_path, fails=why)
    assert len(run("refer", path, "--images", tmp_path, "--skip-bad")) == 2


def test_missing_picture(tmp_path: Path, run: Run) -> None:
    instances(tmp_path / "refcoco")
    path = pickled(tmp_path / "refcoco" / "refs(unc).p", REFCOCO)
    gone = tmp_path / "refcoco" / "images" / "train2014" / "COCO_train2014_000000000001.jpg"
    gone.unlink()
    run("refer", path, "--images", tmp_path, fails="picture COCO_train2014_000000000001.jpg is nowhere in")
    assert [r.phrase for r in run("refer", path, "--images", tmp_path, "--skip-bad")] == ["right person"]
    assert len(run("refer", path, "--images", gone.parent, "--no-look")) == 4


def test_truncated_pickle(tmp_path: Path, run: Run) -> None:
    instances(tmp_path / "refcoco")
    whole = pickled(tmp_path / "refcoco" / "refs(unc).p", REFCOCO)
    torn = whole.with_name("refs(google).p")
    for length in (0, 1, 40, len(whole.read_bytes()) - 1):
        torn.write_bytes(whole.read_bytes()[:length])
        with pytest.raises(EntryError, match="truncated or not a pickle"):
            refer.unpickle(torn)
    run("refer", whole, torn, "--images", tmp_path, fails=f"{torn}: truncated or not a pickle")
    assert len(run("refer", whole, torn, "--images", tmp_path, "--skip-bad")) == 4
    run("refer", torn, "--images", tmp_path, "--skip-bad", fails="nothing usable")


class Evil:
    """Unpickling it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_runs_no_code(tmp_path: Path, run: Run) -> None:
    instances(tmp_path / "refcoco")
    path = pickled(tmp_path / "refcoco" / "refs(unc).p", [*REFCOCO, Evil(tmp_path / "made")])
    run("refer", path, "--images", tmp_path, fails="it holds posix.mkdir; only plain lists")
    assert not (tmp_path / "made").exists()
    assert refer.unpickle(pickled(path, [{1, 2}, frozenset([3]), 1.5, None])) == [{1, 2}, {3}, 1.5, None]


@pytest.fixture()
def genome(tmp_path: Path) -> Path:
    """Two photos in the two folders of Visual Genome, the second one a photo of COCO."""
    url = "https://cs.stanford.edu/people/rak248/"
    known = [
        {
            "width": 800,
            "url": f"{url}VG_100K_2/1.jpg",
            "height": 600,
            "image_id": 1,
            "coco_id": None,
            "flickr_id": None,
        },
        {"width": 500, "url": f"{url}VG_100K/7.jpg", "height": 281, "image_id": 7, "coco_id": 547168, "flickr_id": 85},
    ]
    said = [
        {"id": 1, "regions": [region(11, 1, " the clock\nis green "), region(12, 1, "shade", 700, 500, 120, 110)]},
        {"id": 7, "regions": [region(71, 7, "a cat", -1, 0, 249, 107)]},
    ]
    folder = tmp_path / "vg"
    picture(folder / "images" / "VG_100K_2" / "1.jpg")
    picture(folder / "images" / "VG_100K" / "7.jpg")
    (folder / "image_data.json").write_text(json.dumps(known))
    (folder / "region_descriptions.json").write_text(json.dumps(said))
    return folder


def region(number: int, image: int, phrase: str, *box: float) -> dict[str, Any]:
    x, y, w, h = box or (421, 57, 82, 139)
    return {"region_id": number, "width": w, "height": h, "image_id": image, "phrase": phrase, "y": y, "x": x}


def test_genome(genome: Path, run: Run) -> None:
    clock, shade, cat = run("genome", genome / "region_descriptions.json", "--images", genome / "images")
    assert (clock.phrase, clock.box, clock.ids) == ("the clock is green", (421, 57, 503, 196), ("vg:1",))
    assert shade.box == (700, 500, 800, 600)
    assert (cat.box, cat.ids) == ((0, 0, 248, 107), ("vg:7", "coco:547168", "flickr:85"))
    assert Path(clock.image).parent.name == "VG_100K_2"
    assert {r.split for r in (clock, shade, cat)} == {"train"}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"id": 1, "regions": [region(5, 1, " ")]}, "entry 3 (image 1, region_id 5): the phrase is empty"),
        ({"id": 1, "regions": [region(5, 1, "x", 0, 0, 0, 9)]}, "entry 3 (image 1, region_id 5): box [0, 0, 0, 9]"),
        ({"id": 1, "regions": [region(5, 1, "x", 900, 0, 9, 9)]}, "region_id 5): box with corners 900, 0"),
        ({"id": 2, "regions": []}, "entry 3: image 2 is not in"),
        ({"id": 1}, "entry 3: no 'regions'"),
    ],
)
def test_genome_names_bad_regions(genome: Path, run: Run, bad: dict[str, Any], why: str) -> None:
    path = genome / "region_descriptions.json"
    path.write_text(json.dumps([*json.loads(path.read_text()), bad]))
    run("genome", path, "--images", genome, fails=why)
    assert len(run("genome", path, "--images", genome, "--skip-bad")) == 3


def test_a_long_list_is_read_entry_by_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CHUNK", 7)
    said = [{"id": k, "text": "ab]" * k, "more": [1, {"x": "y,"}]} for k in range(30)]
    path = tmp_path / "list.json"
    for indent in (None, 2):
        path.write_text("\n " + json.dumps(said, indent=indent) + "\n")
        assert list(files.entries(path)) == said
    path.write_text("[]")
    assert list(files.entries(path)) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "empty"), ('{"a": 1}', "begins with '{'"), ('[{"a": 1}, {"b', "entry 2"), ('[{"a": 1}', "entry 2")],
)
def test_a_broken_list(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(ValueError, match=why):
        list(files.entries(tmp_path / "list.json"))


def test_pictures_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        picture(tmp_path / folder / "1.jpg")
    found = files.Folder(tmp_path)
    assert found.find("a/1.jpg") == str(tmp_path / "a" / "1.jpg")
    with pytest.raises(EntryError, match="several pictures"):
        found.find("1.jpg")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        files.Folder(tmp_path / "c")


FLICKR_XML = """<annotation>
  <filename>{name}.jpg</filename>
  <size><width>500</width><height>375</height><depth>3</depth></size>
  <segmented>0</segmented>{objects}
</annotation>"""
BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"


def thing(*names: int, box: tuple[int, ...] = ()) -> str:
    inner = "".join(f"<name>{name}</name>" for name in names)
    flags = "<scene>1</scene><nobndbox>1</nobndbox>"
    return f"<object>{inner}{BOX.format(*box) if box else flags}</object>"


@pytest.fixture()
def flickr(tmp_path: Path) -> Path:
    """Photo 100 of train and photo 200 of test."""
    folder = tmp_path / "flickr"
    for split, name in (("train", "100"), ("val", ""), ("test", "200")):
        (folder / "Sentences").mkdir(parents=True, exist_ok=True)
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / f"{split}.txt").write_text(f"{name}\n")
        if name:
            picture(folder / "flickr30k-images" / f"{name}.jpg", (500, 375))
    (folder / "UNRELATED_CAPTIONS").write_text("# format: <imageID> <sentence number>\n100 3\n")
    (folder / "Sentences" / "100.txt").write_text(
        "[/EN#1/people Two young , White males] are outside near [/EN#2/other/scene many bushes] .\n"
        "[/EN#1/people Two young , white males] look at [/EN#3/bodyparts their hands] in [/EN#4/scene the yard] .\n"
        "[/EN#3/bodyparts Unrelated hands] .\n"
        "[/EN#0/notvisual It] is [/EN#3/bodyparts a hand] .\n"
    )
    objects = [
        thing(1, box=(11, 21, 110, 220)),
        thing(1, 3, box=(201, 21, 300, 180)),
        thing(4),
        thing(2, box=(1, 1, 500, 375)),
    ]
    (folder / "Annotations" / "100.xml").write_text(FLICKR_XML.format(name=100, objects="".join(objects)))
    (folder / "Sentences" / "200.txt").write_text("[/EN#9/animals A dog] runs .\n")
    (folder / "Annotations" / "200.xml").write_text(FLICKR_XML.format(name=200, objects=thing(9, box=(1, 1, 50, 60))))
    return folder


def test_flickr(flickr: Path, run: Run) -> None:
    found = run("flickr", flickr, "--images", flickr / "flickr30k-images")
    assert [(r.phrase, r.box, r.split) for r in found] == [
        ("Two young , White males", (10, 20, 300, 220), "train"),
        ("many bushes", (0, 0, 500, 375), "train"),
        ("their hands", (200, 20, 300, 180), "train"),
        ("a hand", (200, 20, 300, 180), "train"),
        ("A dog", (0, 0, 50, 60), "test"),
    ]
    assert (found[0].ids, found[0].source) == (("flickr:100",), "flickr30k")
    alone = run("flickr", flickr, "--images", flickr, "--several", "leave")
    assert [r.phrase for r in alone] == ["many bushes", "their hands", "a hand", "A dog"]


@pytest.mark.parametrize(
    ("file", "text", "why", "left"),
    [
        ("Annotations/200.xml", "<annotation><size>", "test.txt:1: read ", 4),
        ("Annotations/200.xml", None, "200.xml is missing", 4),
        ("Sentences/200.txt", None, "test.txt:1: ", 4),
        ("flickr30k-images/200.jpg", None, "test.txt:1: picture 200.jpg is nowhere", 4),
        ("Sentences/200.txt", "[/EN#9/animals A dog] sees [/EN#x/other it] .\n", "200.txt:1: a bracket", 5),
        (
            "Annotations/200.xml",
            FLICKR_XML.format(name=200, objects=thing(9, box=(600, 1, 700, 60)) + thing(9, box=(1, 1, 50, 60))),
            "200.xml: object 1: box with corners 599",
            5,
        ),
    ],
)
def test_flickr_names_bad_files(flickr: Path, run: Run, file: str, text: str | None, why: str, left: int) -> None:
    if text is None:
        (flickr / file).unlink()
    else:
        (flickr / file).write_text(text)
    run("flickr", flickr, "--images", flickr, fails=why)
    assert len(run("flickr", flickr, "--images", flickr, "--skip-bad")) == left
