"""Bad data: named by file and line before a run starts, or counted and left out."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ca2m import cli
from ca2m.config import Config
from ca2m.data import checks, refs
from ca2m.data.faults import EntryError
from ca2m.learn import train
from ca2m.net import checkpoint
from ca2m.net.network import Net

GOOD = {"image": "a.png", "phrase": "red cup", "box": [10, 5, 20, 10]}
BAD = {
    "missing picture": {**GOOD, "image": "gone.png"},
    "broken picture": {**GOOD, "image": "text.png"},
    "box outside": {**GOOD, "box": [50, 5, 20, 10]},
    "box not finite": {**GOOD, "box": [float("nan"), 5, 20, 10]},
    "box without inside": {**GOOD, "box": [10, 5, 0, 10]},
    "empty phrase": {**GOOD, "phrase": " "},
    "missing key": {"image": "a.png", "phrase": "cup"},
    "wrong value": {**GOOD, "box": [1, 2, 3]},
    "wrong JSON": '{"image": "a.png", "phr',
}


def folder_of(root: Path, *lines: Any) -> Path:
    """A refs.jsonl beside a 64x32 picture and a file that is none."""
    Image.new("RGB", (64, 32)).save(root / "a.png")
    (root / "text.png").write_text("not a picture")
    path = root / "refs.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_line_is_named(tmp_path: Path, reason: str) -> None:
    path = folder_of(tmp_path, GOOD, "", BAD[reason], BAD[reason], GOOD)
    with pytest.raises(ValueError, match=rf"in all 2 bad: 2 {reason} \(first {path}:3\); --skip-bad") as error:
        checks.load(path)
    assert str(error.value).startswith(f"{path}:3: ")
    assert "\n" not in str(error.value)


def test_bad_lines_are_counted_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = folder_of(tmp_path, GOOD, *BAD.values(), BAD["box outside"], {**GOOD, "box": None})
    with caplog.at_level(logging.WARNING, "ca2m"):
        found = checks.load(path, skip_bad=True)
    assert [ref.box for ref in found] == [(10, 5, 30, 15), None]
    (said,) = caplog.messages
    assert said.startswith(f"skipped 10 bad: 2 box outside (first {path}:4), ")
    assert all(f"1 {reason} (first {path}:{k})" in said for k, reason in enumerate(BAD, 2) if reason != "box outside")


def test_the_first_bad_line_leads(tmp_path: Path) -> None:
    path = folder_of(tmp_path, GOOD, BAD["missing picture"], BAD["wrong JSON"])
    with pytest.raises(ValueError, match="gone.png is missing") as error:
        checks.load(path)
    assert str(error.value).startswith(f"{path}:2: ")


def test_only_the_split_that_is_asked_for_must_be_sound(tmp_path: Path) -> None:
    path = folder_of(tmp_path, {**GOOD, "split": "val"}, BAD["missing picture"])
    assert len(checks.load(path, split="val")) == 1
    with pytest.raises(ValueError, match="gone.png"):
        checks.load(path)


def test_a_box_may_touch_the_edge(tmp_path: Path) -> None:
    path = folder_of(tmp_path, {**GOOD, "box": [-0.4, 0, 64.9, 32.4]})
    assert len(checks.load(path)) == 1


def test_size_of_a_picture_on_its_side(tmp_path: Path) -> None:
    picture, exif = Image.new("RGB", (64, 32)), Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert checks.size(str(tmp_path / "turned.jpg")) == (32, 64)


def test_size_reads_the_header_only(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((64, 32), 50).save(path)
    path.write_bytes(path.read_bytes()[:100])
    assert checks.size(str(path)) == (64, 32)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(EntryError, match="a.png"):
        checks.size(str(path))


def coco(**image: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": "a.png", "width": 64, "height": 32, **image}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 20]}],
        "categories": [{"id": 1, "name": "dog"}],
    }


def photos_of(root: Path, said: dict[str, Any]) -> Path:
    folder_of(root)
    (root / "annotations.json").write_text(json.dumps(said))
    return root / "annotations.json"


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ({"file_name": "gone.png"}, "gone.png is missing"),
        ({"file_name": "text.png"}, "is not a picture"),
        ({"width": 32, "height": 64}, "is 64x32 pixels, not 32x64"),
    ],
)
def test_photos(tmp_path: Path, image: dict[str, Any], why: str) -> None:
    path = photos_of(tmp_path, coco(**image))
    with pytest.raises(ValueError, match=why):
        checks.load_photos(path)
    assert checks.load_photos(path, skip_bad=True) == []


def test_a_photo_of_another_size_is_fine(tmp_path: Path) -> None:
    (photo,) = checks.load_photos(photos_of(tmp_path, coco(width=128, height=64)))
    assert photo.things[0].box == (1 / 128, 2 / 64, 31 / 128, 22 / 64)


@pytest.mark.parametrize(
    ("bbox", "why"),
    [
        ([float("nan"), 2, 30, 20], "not finite"),
        ([40, 2, 100, 20], "box with corners 40, 2, 140, 22 lies outside"),
        ([40, 2, -3, 20], "no inside"),
    ],
)
def test_a_bad_thing_is_named_and_the_others_stay(tmp_path: Path, bbox: list[float], why: str) -> None:
    said = coco()
    said["annotations"].append({"id": 42, "image_id": 7, "category_id": 1, "bbox": bbox})
    path = photos_of(tmp_path, said)
    with pytest.raises(ValueError, match=rf"annotation 2 \(id 42\).*{why}"):
        checks.load_photos(path)
    (photo,) = checks.load_photos(path, skip_bad=True)
    assert len(photo.things) == 1


def test_training_does_not_start_on_a_missing_picture(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    started: list[Config] = []
    monkeypatch.setattr(train, "fit", lambda config, *_, **__: started.append(config))
    path = folder_of(tmp_path, {**GOOD, "image": "a.png"}, BAD["missing picture"])
    command = ["train", "--config", "ca2m-r50", "--refs", str(path), "--out", str(tmp_path / "run")]
    assert cli.main(command) == 1
    assert f"{path}:2: picture {tmp_path / 'gone.png'} is missing" in capsys.readouterr().err
    assert not started
    assert cli.main([*command, "--skip-bad"]) == 0
    assert len(started) == 1 and "1 phrases, 0 photos to train on" in caplog.text


def test_eval_leaves_bad_lines_out(tmp_path: Path, small: Config, net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "last.pt"
    torch.save({"config": small.to_dict(), "net": checkpoint.trained(net), "mean": {}}, kept)
    path = folder_of(tmp_path, GOOD, BAD["missing picture"], BAD["box outside"], {**GOOD, "phrase": "cup"})
    command = ["eval", str(kept), str(path), "--json"]
    assert cli.main(command) == 1
    assert f"{path}:2: picture {tmp_path / 'gone.png'} is missing" in capsys.readouterr().err
    assert cli.main([*command, "--skip-bad"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 2


def test_refs_counts_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder_of(tmp_path, GOOD, BAD["missing picture"], BAD["empty phrase"])
    assert cli.main(["refs", str(path)]) == 1
    assert f"{path}:3" in capsys.readouterr().err
    assert cli.main(["refs", str(path), "--skip-bad"]) == 0
    assert capsys.readouterr().out == "train: 2 phrases over 2 photos (no kind 2)\n"
    assert cli.main(["refs", str(path), "--check", "--skip-bad"]) == 0
    said = capsys.readouterr()
    assert said.out == "train: 1 phrases over 1 photos (no kind 1)\n"
    assert f"{path}:2: picture {tmp_path / 'gone.png'} is missing\n" in said.err
    assert f"{path}:3: phrase is empty or not text\n" in said.err


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = folder_of(tmp_path, GOOD)
    was = path.read_text()

    def broken() -> Any:
        yield refs.read(path)[0]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        refs.write(path, broken())
    assert path.read_text() == was
    assert not list(tmp_path.glob("*.part"))
