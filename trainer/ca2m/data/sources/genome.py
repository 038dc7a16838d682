"""Visual Genome: `region_descriptions.json`, a list of {id, regions: [{region_id, phrase, x, y, width, height}]} with
boxes in pixels, and `image_data.json`, which knows each photo's size, url and, where it has them, its COCO and Flickr
ids. There are no splits: everything is train, and photos of other sets' val and test are kept out by `ca2m merge`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ca2m.data.faults import BROKEN, EntryError, Faults
from ca2m.data.refs import Ref, corners, fit
from ca2m.data.sources.files import Folder, entries


def read(
    regions: str | os.PathLike[str], image_data: str | os.PathLike[str], pictures: Folder, faults: Faults
) -> Iterator[Ref]:
    """One ref a region, in the file's order. Broken ones go to faults, named by entry and region_id."""
    photos = _photos(image_data, faults)
    for number, entry in enumerate(entries(regions), 1):
        try:
            image = entry["id"] if "id" in entry else entry["image_id"]
            if image not in photos:
                raise EntryError("unknown photo", f"image {image} is not in {image_data}")
            path, regions_of = pictures.find(_place(photos[image], image, pictures)), entry["regions"]
        except BROKEN as cause:
            faults.add(f"{regions}: entry {number}", cause)
            continue
        for region in regions_of:
            try:
                yield _ref(region, photos[image], path, image)
            except BROKEN as cause:
                known = region.get("region_id") if isinstance(region, dict) else None
                faults.add(f"{regions}: entry {number} (image {image}, region_id {known})", cause)


def _photos(path: str | os.PathLike[str], faults: Faults) -> dict[Any, dict[str, Any]]:
    photos = {}
    for number, image in enumerate(entries(path), 1):
        try:
            photos[image["image_id"] if "image_id" in image else image["id"]] = image
        except BROKEN as cause:
            faults.add(f"{path}: entry {number}", cause)
    return photos


def _place(image: dict[str, Any], number: Any, pictures: Folder) -> str:
    """File name: the photos come as VG_100K/<id>.jpg and VG_100K_2/<id>.jpg, as their urls end."""
    tail = "/".join(str(image.get("url", "")).rsplit("/", 2)[-2:])
    return tail if (pictures.root / tail).is_file() else f"{number}.jpg"


def _ref(region: dict[str, Any], image: dict[str, Any], path: str, number: Any) -> Ref:
    phrase = " ".join(str(region["phrase"]).split())
    if not phrase:
        raise EntryError("empty phrase", "the phrase is empty")
    box = corners([region[key] for key in ("x", "y", "width", "height")])
    names = (("vg", number), ("coco", image.get("coco_id")), ("flickr", image.get("flickr_id")))
    ids = tuple(f"{name}:{known}" for name, known in names if known is not None)
    box = fit(box, float(image["width"]), float(image["height"]))
    return Ref(path, phrase, box, "", "train", "vg", False, ids)
