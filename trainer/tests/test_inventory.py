"""`ca2m data check`: what is there is found wherever it lies, and what is not gets its next step."""

from __future__ import annotations

import hashlib
import shlex
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from ca2m import cli
from ca2m.data import inventory, public
from ca2m.data.inventory import Held

NAMES = [of.name for of in public.SETS]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def told(folder: Path, capsys: pytest.CaptureFixture[str], *more: str, code: int = 0) -> dict[str, list[str]]:
    """Lines of each set by its name, "" for those of archives."""
    assert cli.main(["data", "check", str(folder), *more]) == code
    found: dict[str, list[str]] = {}
    name = ""
    for line in capsys.readouterr().out.splitlines():
        if not line.startswith(" "):
            name = next((n for n in NAMES if line.startswith(f"{n}: ")), "")
        found.setdefault(name, []).append(line.strip())
    return found


def test_an_empty_folder_gets_the_first_step_of_every_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(tmp_path, capsys)
    assert list(found) == NAMES
    for name, lines in found.items():
        assert lines[0] == f"{name}: not yet" and any(line.startswith("next: ") for line in lines)
    assert any(
        line.startswith(f"next: curl -fL -C - -o {tmp_path}/train2014.zip http://images.cocodataset.org/zips/")
        for line in found["RefCOCO"]
    )
    assert any("git clone" in line and "flickr30k_entities" in line for line in found["Flickr30k Entities"])
    assert cli.main(["data", "check", str(tmp_path / "nowhere")]) == 1
    assert "there is no such folder" in capsys.readouterr().err


def test_what_is_there_is_ready_and_its_command_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    coco = replace(public.TRAIN2014, count=2)
    sets = tuple(
        replace(of, parts=tuple(coco if p is public.TRAIN2014 else replace(p, count=0) for p in of.parts))
        for of in public.SETS
    )
    monkeypatch.setattr(public, "SETS", sets)
    root = tmp_path / "my data"
    for name, refs in (("refcoco", "refs(unc).p"), ("refcoco+", "refs(unc).p"), ("refcocog", "refs(umd).p")):
        touch(root / "refer" / name / refs, root / "refer" / name / "instances.json")
    touch(*(root / "coco" / "train2014" / f"COCO_train2014_{k:012}.jpg" for k in (9, 25)))
    touch(root / "f" / "Sentences" / "1.txt", root / "f" / "Annotations" / "1.xml", root / "flickr30k-images" / "1.jpg")
    touch(*(root / "f" / f"{split}.txt" for split in ("train", "val", "test")))
    touch(root / "vg" / "region_descriptions.json", root / "vg" / "image_data.json", root / "vg" / "VG_100K" / "1.jpg")
    touch(root / "VOC2012" / "Annotations" / "1.xml", root / "VOC2012" / "JPEGImages" / "1.jpg")
    found = told(root, capsys)
    ready = {name for name, lines in found.items() if lines[0].endswith(": ready")}
    assert ready == {"RefCOCO", "RefCOCO+", "RefCOCOg (umd)", "Flickr30k Entities", "Visual Genome", "Pascal VOC 2012"}
    wanted = {
        "RefCOCO": f"ca2m convert refer '{root}/refer/refcoco/refs(unc).p' --images '{root}/coco/train2014'",
        "RefCOCO+": f"ca2m convert refer '{root}/refer/refcoco+/refs(unc).p' --images '{root}/coco/train2014'",
        "Flickr30k Entities": f"ca2m convert flickr '{root}/f' --images '{root}/flickr30k-images'",
        "Visual Genome": f"ca2m convert genome '{root}/vg/region_descriptions.json' --images '{root}/vg'",
        "Pascal VOC 2012": f"ca2m convert voc '{root}/VOC2012' --each 3",
    }
    for name, command in wanted.items():
        assert found[name][-1].startswith(f"next: {command} "), found[name]
    assert found["RefCOCOg (google)"][1] == "refcocog references: no refcocog/refs(google).p"


def test_each_next_command_is_one_that_ca2m_takes(tmp_path: Path) -> None:
    held = Held(tmp_path)
    for of in public.SETS:
        for part in of.parts:
            held.firsts[part.files[0]] = tmp_path / "x" / "y" / "file"
        words = shlex.split(inventory._converts(held, of))
        assert words[0] == "ca2m"
        assert cli._parser().parse_args(words[1:]).command == "convert"


def test_too_few_photos_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    touch(*(tmp_path / "train2014" / f"COCO_train2014_{k:012}.jpg" for k in (9, 25)))
    touch(tmp_path / "train2014.zip")
    lines = told(tmp_path, capsys, "--no-hash")["RefCOCO"]
    assert "COCO train2014 photos: 2 of 82,783 train2014/COCO_train2014_*.jpg" in lines
    assert f"next: unzip -q {tmp_path}/train2014.zip -d {tmp_path}" in lines, "what is downloaded is unpacked"


def test_archives_are_compared_with_their_published_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "refcoco.zip", "w") as archive:
        archive.writestr("refcoco/refs(unc).p", "x")
    (tmp_path / "refclef.zip").write_bytes(b"none is published")
    assert f"{tmp_path}/refcoco.zip: NOT as published" in "\n".join(
        line for lines in told(tmp_path, capsys, code=1).values() for line in lines
    )
    right = f"sha256:{hashlib.sha256((tmp_path / 'refcoco.zip').read_bytes()).hexdigest()}"
    first = public.SETS[0]
    part = replace(first.parts[0], archives=(replace(first.parts[0].archives[0], digest=right),))
    monkeypatch.setattr(public, "SETS", (replace(first, parts=(part, *first.parts[1:])), *public.SETS[1:]))
    lines = [line for lines in told(tmp_path, capsys).values() for line in lines]
    assert f"{tmp_path}/refcoco.zip: hash as published" in lines
    assert f"{tmp_path}/refclef.zip: no hash was looked at" in lines


def test_published_hashes_have_the_length_of_their_kind() -> None:
    for archive in inventory._archives():
        if archive.digest:
            kind, _, digest = archive.digest.partition(":")
            assert len(bytes.fromhex(digest)) == hashlib.new(kind).digest_size
