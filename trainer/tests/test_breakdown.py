from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import Squares

from ca2m import cli
from ca2m.config import Config
from ca2m.data import refs
from ca2m.data.coco import Photo
from ca2m.data.refs import Ref
from ca2m.geometry import Thing
from ca2m.infer.pointer import Pointed
from ca2m.learn import train
from ca2m.measure import page, twins
from ca2m.measure.breakdown import breakdown, by_length, reliability, words_of
from ca2m.measure.evaluate import Judged, report
from ca2m.net.network import build


def judged(phrase: str, iou: float | None, score: float = 0.5, present: float = 0.9, image: str = "a.png") -> Judged:
    box = None if iou is None else (0.0, 0.0, 1.0, 1.0)
    pointed = Pointed(np.array([[0.1, 0.1, 0.4, 0.4]]), np.array([score]), present)
    ref = Ref(image, phrase, box, "absent" if iou is None else "class", "val", "", False)
    return Judged(ref, pointed, iou, None, None if iou is None else (0.1, 0.1, 0.5, 0.5))


@pytest.mark.parametrize(
    ("phrase", "kinds"),
    [
        ("leftmost cup", {"left", "superlative"}),
        ("Right-hand cup", {"right"}),
        ("cup right next to the plate", {"relation"}),
        ("second red cup from the left", {"left", "colour", "ordinal"}),
        ("man in a green vest", {"colour"}),
        ("the biggest dog behind the man", {"superlative", "relation"}),
        ("guest at rest", set()),
        ("colored pencil", {"colour"}),
        ("the 3rd bus", {"ordinal"}),
        ("cup", set()),
    ],
)
def test_telling_words(phrase: str, kinds: set[str]) -> None:
    assert set(words_of(phrase)) == kinds


def test_figures_by_hand() -> None:
    rows = [
        judged("left cup", 0.95),
        judged("cup", 0.75),
        judged("red cup on the table", 0.6),
        judged("a b c d e", 0.2),
    ]
    rows += [judged("moon", None, present=p) for p in (0.1, 0.2, 0.3, 0.8)]
    found = breakdown(rows, 0.5, limits=(1, 3))
    assert found["acc70"] == 0.5 and found["acc90"] == 0.25
    assert [(r["words"], r["n"], r["acc50"]) for r in found["lengths"]] == [
        ([1, 1], 1, 1.0),
        ([2, 3], 1, 1.0),
        ([4, 5], 2, 0.5),
    ]
    assert found["words"]["left"] == {"n": 1, "acc50": 1.0} and found["words"]["colour"]["n"] == 1
    assert found["words"]["none"] == {"n": 2, "acc50": 0.5} and found["words"]["ordinal"]["acc50"] is None
    told = found["presence"]
    assert told["n_acc"] == 0.75 and told["t_acc"] == 1.0
    assert told["n_acc"] == 1 - report(rows, 0.5)["absent"]["false_pointing"]


def test_four_lengths_of_about_as_many_phrases() -> None:
    rows = by_length([judged(" ".join("x" * n), 0.9) for n in range(1, 9) for _ in range(5)])
    assert [r["words"] for r in rows] == [[1, 2], [3, 4], [5, 6], [7, 8]] and {r["n"] for r in rows} == {10}
    assert by_length([]) == []
    assert [r["words"] for r in by_length([judged("cup", 0.9)] * 9)] == [[1, 1]], "one length is one bin"


def test_honest_probabilities_have_no_error() -> None:
    honest = [(0.25, k == 0) for k in range(4)] + [(0.75, k > 0) for k in range(4)]
    assert reliability(honest)["ece"] == pytest.approx(0)
    boast = reliability([(1.0, k == 0) for k in range(4)])
    assert boast["ece"] == pytest.approx(0.75) and boast["bins"][0]["from"] == 0.9
    one = judged("cup", 0.9, present=0.75)
    many = breakdown([one] + [judged("moon", None, present=0.25)] * 9, 0.5)["presence"]
    assert many["ece"] == pytest.approx(0.25), "present and absent weigh alike, however many of each"


def test_page_holds_the_worst_and_escapes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((300, 900, 3), 90, np.uint8))
    rows = [
        judged("<script>cup</script>", 0.1, 0.9, image=str(tmp_path / "a.png")),
        judged("mug", 0.2, 0.8, image=str(tmp_path / "a.png")),
        judged("bowl", 0.3, 0.7, image=str(tmp_path / "b.png")),
        judged("right one", 0.9, 0.99, image=str(tmp_path / "b.png")),
        judged("moon", None, present=0.8, image=str(tmp_path / "b.png")),
    ]
    assert [j.ref.phrase for j in page.missed(rows, 2)] == ["<script>cup</script>", "bowl"], "another photo first"
    text = page.write("a & b", report(rows, 0.5) | breakdown(rows, 0.5), rows, 0.5, worst=3)
    assert "<script" not in text and "&lt;script&gt;cup" in text and "a &amp; b" in text
    assert text.count("data:image/jpeg;base64,") == 4 and "right one" not in text and "moon" in text
    assert "http" not in text.replace("http-equiv", ""), "nothing is fetched from elsewhere"
    assert "viewBox='0 0 420 140'" in text


def test_eval_and_twins_commands(small: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    squares, told = Squares(96), []
    for k in range(4):
        sample = squares.sample(k)
        path = tmp_path / f"{k}.png"
        cv2.imwrite(str(path), cv2.cvtColor(sample.pixels, cv2.COLOR_RGB2BGR))
        x1, y1, x2, y2 = (96 * v for v in sample.box or (0, 0, 1, 1))
        box = None if k == 3 else (x1, y1, x2, y2)
        told.append(Ref(str(path), sample.phrase, box, "absent" if k == 3 else "attribute", "val", "", False))
    refs.write(tmp_path / "refs.jsonl", told)
    coco = {
        "images": [{"id": k, "file_name": f"{k}.png", "width": 96, "height": 96} for k in range(4)],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [
            {"image_id": k, "category_id": 3, "bbox": [x, 10, 30, 30]} for k in range(4) for x in (8, 55)[: 1 + (k > 0)]
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(coco))
    torch.manual_seed(0)
    train.Trainer(small, build(small.network), torch.device("cpu")).save(tmp_path / "last.pt")
    model, lines = str(tmp_path / "last.pt"), str(tmp_path / "refs.jsonl")
    assert cli.main(["eval", model, lines, "--json", "--html", str(tmp_path / "r.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    old = {"n", "acc50", "acc50_cls", "mean_iou", "kinds", "absent", "present_refused", "ms_per_ref"}
    assert old | {"acc70", "acc90", "lengths", "words", "presence", "score"} == set(found)
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert cli.main(["eval", model, lines, "--photos", str(tmp_path / "annotations.json")]) == 0
    assert "rule-written 320  Acc@0.5 0." in capsys.readouterr().out
    assert cli.main(["eval", model, lines, "--lengths", "2,x"]) == 1 and "--lengths" in capsys.readouterr().err
    assert cli.main(["eval", model, lines, "--split", "moon"]) == 1 and "--split" in capsys.readouterr().err
    assert cli.main(["eval", model, lines, "--without", "noun,look", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 3
    assert cli.main(["eval", model, lines, "--without", "moon"]) == 1 and "--without moon" in capsys.readouterr().err
    said = ["twins", model, str(tmp_path / "annotations.json"), "--refs", lines, "--json"]
    assert cli.main(said) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 6, "one photo has a single car; each counts mirrored, too"


def pair(name: str, *boxes: tuple[float, float, float, float], more: tuple[Thing, ...] = ()) -> Photo:
    things = tuple(Thing(name, box, 1.0, True) for box in boxes) + more
    return Photo(f"{name}.jpg", 100, 100, things, "", True, "val", None)


LEFT, RIGHT = (0.1, 0.3, 0.3, 0.6), (0.6, 0.3, 0.8, 0.6)


@pytest.mark.parametrize(
    ("photo", "count"),
    [
        (pair("dog", RIGHT, LEFT), 1),
        (pair("dog", LEFT), 0),
        (pair("dog", LEFT, RIGHT, (0.4, 0.3, 0.5, 0.6)), 0),
        (pair("dog", LEFT, (0.12, 0.7, 0.32, 0.95)), 0),
        (pair("dog", LEFT, (0.6, 0.3, 0.62, 0.32)), 0),
        (pair("cup", LEFT, RIGHT, more=(Thing("bottle", (0.4, 0.1, 0.5, 0.3), 1.0, True),)), 1),
        (pair("car", LEFT, RIGHT, more=(Thing("truck", (0.4, 0.1, 0.5, 0.3), 1.0, True),)), 0),
    ],
    ids=["two", "one", "three", "above", "tiny", "other thing", "may bear the name"],
)
def test_which_twins_count(photo: Photo, count: int) -> None:
    found = twins.find([photo])
    assert len(found) == count
    if found:
        assert found[0].boxes == (LEFT, RIGHT)


MIDDLE = (0.4, 0.3, 0.5, 0.6)


def test_which_threes_count() -> None:
    (found,) = twins.find([pair("dog", LEFT, RIGHT, MIDDLE)], of=3)
    assert found.boxes == (LEFT, MIDDLE, RIGHT)
    assert not twins.find([pair("dog", LEFT, RIGHT), pair("cup", LEFT, RIGHT, (0.12, 0.7, 0.32, 0.95))], of=3)


class Sided:
    """Points at the side that a phrase names, or at the left whatever it names."""

    size = 32

    def __init__(self, deaf: bool) -> None:
        self.deaf = deaf

    def point(self, pixels: np.ndarray, phrases: list[str]) -> list[Pointed]:
        boxes = [LEFT if self.deaf or p.startswith("left") else RIGHT for p in phrases]
        return [Pointed(np.array([b]), np.ones(1), 1.0) for b in boxes]


def test_the_mirrored_pair_swaps_sides(tmp_path: Path) -> None:
    left, right = (0.1, 0.3, 0.3, 0.6), (0.5, 0.3, 0.8, 0.6)
    pair = twins.Twins(str(tmp_path / "dog.png"), "dog", (left, right))
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, :8] = 255
    cv2.imwrite(pair.image, picture)
    _, turned = twins.with_mirrored([pair])
    assert turned.boxes == (pytest.approx((0.2, 0.3, 0.5, 0.6)), pytest.approx((0.7, 0.3, 0.9, 0.6)))
    seen: list[np.ndarray] = []

    class Looks(Sided):
        def point(self, pixels: np.ndarray, phrases: list[str]) -> list[Pointed]:
            seen.append(pixels)
            return super().point(pixels, phrases)

    twins.measure(Looks(False), [pair, turned])
    assert seen[0][0, :8].min() == 255 and seen[1][0, -8:].min() == 255 and seen[1][0, :24].max() == 0


@pytest.mark.parametrize(("deaf", "both", "one"), [(False, 1.0, 0.0), (True, 0.0, 1.0)])
def test_twins_measure(deaf: bool, both: float, one: float, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dog.png"), np.zeros((64, 64, 3), np.uint8))
    pairs = [twins.Twins(str(tmp_path / "dog.png"), "dog", (LEFT, RIGHT))]
    found = twins.measure(Sided(deaf), pairs)
    assert (found["both"], found["one"], found["same_box"]) == (both, one, one) and found["n"] == 1


def test_threes_measure(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dog.png"), np.zeros((64, 64, 3), np.uint8))
    three = twins.Twins(str(tmp_path / "dog.png"), "dog", (LEFT, MIDDLE, RIGHT))
    found = twins.measure_threes(Sided(False), [three])  # "dog in the middle" is no side to it
    assert found == {"n": 1, "left": 1.0, "middle": 0.0, "right": 1.0}
