"""Pages of samples, as a picture and as HTML: what they hold, and how words are laid out."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Squares

from ca2m import cli
from ca2m.data.sample import Sample
from ca2m.language.names import INDEX, OUTSIDE
from ca2m.measure import sheet, show

NARROW = ("--set", "network.image_size=64", "--set", "network.tokens=0")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, told = tmp_path_factory.mktemp("show"), []
    for k in range(8):
        s = Squares(64).sample(k)
        cv2.imwrite(str(folder / f"{k}.png"), cv2.cvtColor(s.pixels, cv2.COLOR_RGB2BGR))
        assert s.box is not None
        x1, y1, x2, y2 = (64 * v for v in s.box)
        told.append(json.dumps({"image": f"{k}.png", "phrase": f"{s.phrase} {k}", "box": [x1, y1, x2 - x1, y2 - y1]}))
    (folder / "refs.jsonl").write_text("\n".join(told))
    return folder / "refs.jsonl"


@pytest.mark.parametrize("name", ["ca2m-r50", "ca2m-edge"])
def test_a_page_of_samples(name: str, lines: Path, tmp_path: Path) -> None:
    said = ["show", "--config", name, "--refs", str(lines), *NARROW, "--count", "5", "--columns", "3", "--width", "80"]
    assert cli.main([*said, "--out", str(tmp_path / "page.png")]) == 0
    page = cv2.imread(str(tmp_path / "page.png"))
    assert page is not None
    assert page.shape[1] == 3 * 80 + 4 * sheet.GAP and page.shape[0] > 2 * 80
    marked = (np.abs(page.astype(int) - (0x13, 0x6A, 0xFF)).sum(2) < 12).sum()
    assert marked > 5 * 40, "boxes are drawn"
    assert cli.main([*said, "--out", str(tmp_path / "page.html"), "--first", "8"]) == 0
    text = (tmp_path / "page.html").read_text()
    assert text.count("<article>") == text.count("data:image/jpeg;base64,") == text.count("<rect class=t") == 5
    assert "samples 8 to 12" in text and "square" in text and "http" not in text
    assert cli.main([*said, "--out", str(tmp_path / "again.png")]) == 0
    assert np.array_equal(page, cv2.imread(str(tmp_path / "again.png"))), "the same samples each time"


@pytest.mark.parametrize(
    ("asked", "says"), [(["--out", "page.gif"], "--out page.gif"), (["--out", "p.png", "--count", "0"], "--count")]
)
def test_what_is_wrong_is_said(asked: list[str], says: str, lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "--refs", str(lines), *asked]) == 1
    assert says in capsys.readouterr().err


def test_notes_say_what_a_sample_teaches() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    assert show.note(3, Sample(pixels, "dog", (0, 0, 1, 1), INDEX["dog"], "class")) == "3, class, class dog"
    assert show.note(4, Sample(pixels, "moon", None, OUTSIDE, "absent")) == "4, absent, class none"
    assert show.note(5, Sample(pixels, "moon", None, -1, "")) == "5, not there"


def test_long_phrases_take_more_lines_and_stay_in_their_column() -> None:
    pixels = np.full((50, 100, 3), 200, np.uint8)

    def high(text: str) -> int:
        found = sheet.draw("", [("", [sheet.Tile(pixels, None, text)] * 2)], 2, 100)
        margin = found[:, 100 + sheet.GAP + 1 : 100 + 2 * sheet.GAP - 1]
        assert (margin == margin[0, 0]).all(), "nothing between the columns"
        return int(found.shape[0])

    assert high("a cup") < high("the small red cup on the left") < high("the small red cup on the left " * 3)
