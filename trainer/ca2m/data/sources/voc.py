"""Detections of Pascal VOC and of tools that write its XML (LabelImg, CVAT, ...), for the phrase writer. VOC's own
folders are `Annotations/*.xml`, `JPEGImages/*.jpg`, `ImageSets/Main/{train,val,test}.txt`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ca2m.data.coco import Photo
from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.data.refs import corners, fit
from ca2m.data.sources.files import Folder
from ca2m.geometry import Box, Thing

NAMES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
"""Names of VOC that the phrase writer knows by their COCO names."""

DIFFICULT = 0.3
"""Score of a thing marked difficult: no phrase points at it, but none that would fit it, too, is written."""


def box_of(thing: Element) -> Box:
    """Corners in pixels of an <object>. VOC counts pixels from 1 and includes the last one, so pixel 1 to pixel w is
    0 to w. ValueError when a number is missing."""
    texts = [thing.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
    if None in texts:
        raise EntryError("wrong value", "an object has no bndbox with xmin, ymin, xmax and ymax")
    x1, y1, x2, y2 = (float(v or "nan") for v in texts)
    return corners((x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1))


def folder_of(root: str | os.PathLike[str]) -> Path:
    """Where the photos of a VOC folder lie: JPEGImages, or the folder itself."""
    photos = Path(root) / "JPEGImages"
    return photos if photos.is_dir() else Path(root)


def read(root: str | os.PathLike[str], pictures: Folder, faults: Faults) -> list[Photo]:
    """All photos of a VOC folder, or of any folder of XML files, ordered by name. Splits go by ImageSets/Main, train
    without. Broken files and boxes go to faults, named by file and object."""
    root = Path(root)
    notes = root / "Annotations" if (root / "Annotations").is_dir() else root
    paths = sorted(notes.glob("*.xml"))
    if not paths:
        raise FileNotFoundError(f"{root}: no *.xml there, nor in its folder Annotations")
    splits = _splits(root / "ImageSets" / "Main")
    photos = []
    for path in paths:
        try:
            photos.append(_photo(path, pictures, splits.get(path.stem, "train"), faults))
        except ElementTree.ParseError as cause:
            faults.add(f"{path}", EntryError("wrong XML", str(cause)))
        except BROKEN as cause:
            faults.add(f"{path}", cause)
    return photos


def _splits(folder: Path) -> dict[str, str]:
    """Split by stem. Of a photo in two lists the later one counts: nothing of test is trained on."""
    split: dict[str, str] = {}
    for name in ("train", "val", "test"):
        if (path := folder / f"{name}.txt").is_file():
            split |= {line.split()[0]: name for line in path.read_text().splitlines() if line.strip()}
    return split


def _photo(path: Path, pictures: Folder, split: str, faults: Faults) -> Photo:
    tree = ElementTree.parse(path).getroot()
    width, height = (int(float(tree.findtext(f"size/{side}") or 0)) for side in ("width", "height"))
    if width <= 0 or height <= 0:
        raise EntryError("wrong value", "it gives no size of the picture")
    things = []
    for number, thing in enumerate(tree.iter("object"), 1):
        try:
            things.append(_thing(thing, width, height))
        except BROKEN as cause:
            faults.add(f"{path}: object {number}", cause)
    name = tree.findtext("filename") or f"{path.stem}.jpg"
    return Photo(
        path=os.path.realpath(pictures.find(name.strip().replace("\\", "/"))),
        width=width,
        height=height,
        things=tuple(things),
        source="voc",
        complete=False,  # VOC labels 20 classes, others what they like: a thing of another class may well be there
        split=split,
        sequence=None,
        ids=_ids(tree, path),
    )


def _thing(thing: Element, width: int, height: int) -> Thing:
    name = (thing.findtext("name") or "").strip().lower()
    if not name:
        raise EntryError("wrong value", "an object has no name")
    x1, y1, x2, y2 = fit(box_of(thing), width, height)
    score = DIFFICULT if (thing.findtext("difficult") or "0").strip() == "1" else 1.0
    return Thing(NAMES.get(name, name), (x1 / width, y1 / height, x2 / width, y2 / height), score, human=True)


_IS_VOC = re.compile(r"VOC\d{4}")


def _folder(tree: Element) -> str:
    return (tree.findtext("folder") or "").strip()


def _ids(tree: Element, path: Path) -> tuple[str, ...]:
    """voc:<year>/<stem> for VOC's own photos, and the Flickr number that its 2007 files name."""
    ids = []
    if _IS_VOC.fullmatch(_folder(tree)):
        ids.append(f"voc:{_folder(tree)[3:]}/{path.stem}")
    if (number := (tree.findtext("source/flickrid") or "").strip()).isdigit():
        ids.append(f"flickr:{number}")
    return tuple(ids)
