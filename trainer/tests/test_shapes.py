"""Made photos: what is said of them is true, of one thing only, and the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ca2m import cli
from ca2m.data import checks, shapes


def test_photos_and_phrases_pass_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "shapes", str(tmp_path / "toy"), "--count", "9"]) == 0
    assert "train" in capsys.readouterr().out
    found = checks.load(tmp_path / "toy" / "refs.jsonl")
    assert len({r.image for r in found}) == 9 and {r.split for r in found} == {"train", "val"}
    assert {r.image.endswith(("0.jpg", "4.jpg", "8.jpg")) for r in found if r.split == "val"} == {True}
    assert cli.main(["data", "shapes", str(tmp_path / "again"), "--count", "9"]) == 0
    for name in ("refs.jsonl", "photos/0003.jpg"):
        assert (tmp_path / "toy" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert cli.main(["data", "shapes", str(tmp_path / "toy")]) == 1
    assert "is there already" in capsys.readouterr().err


def test_each_phrase_means_one_thing_of_its_colour() -> None:
    for k in range(200):
        pixels, things = shapes.scene(np.random.default_rng(k))
        said = shapes.phrases(things)
        assert len({phrase for phrase, _, _ in said}) == len(said), "no phrase for two things"
        for phrase, kind, box in said:
            _, colour, shape, *place = phrase.split()
            own = [b for c, s, b in things if (c, s) == (colour, shape)]
            x, y = int(box[0] + box[2]) // 2, int(box[1] + 2 * box[3]) // 3
            assert np.abs(pixels[y, x].astype(int) - shapes.COLOURS[colour]).max() < 3
            if kind == "attribute":
                assert own == [box]
            else:
                others = [b for b in own if b != box]
                assert others and all((box[2] <= b[0]) if place[-1] == "left" else (box[0] >= b[2]) for b in others)
        for (_, _, a), (_, _, b) in zip(things, things[1:], strict=False):
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "they stand apart"
