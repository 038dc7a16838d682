from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from ca2m.data.refs import Ref
from ca2m.infer.pointer import Pointed
from ca2m.language import forms
from ca2m.language.saying import reword
from ca2m.measure import asking, sets
from ca2m.measure.evaluate import Judged


@pytest.mark.parametrize(
    ("phrase", "bare"),
    [
        ("the red cup", "red cup"),
        ("A red cup.", "red cup"),
        ("An apple", "apple"),
        ("find the woman on the left", "woman on the left"),
        ("where is the dog?", "dog"),
        ("point at man in a hat", "man in a hat"),
        ("show me the cup please", "cup"),
        ("can you see a cup here", "cup"),
        ("can on the table", "can on the table"),
        ("the one on the left", "the one on the left"),
        ("spotted cat", "spotted cat"),
        ("the", "the"),
        ("?", "?"),
    ],
)
def test_bare_phrases(phrase: str, bare: str) -> None:
    assert forms.bare(phrase) == bare


def test_a_phrase_is_the_same_in_every_form_however_it_was_said() -> None:
    for form in forms.MEASURED:
        assert form.of("the red cup") == form.of("Red cup.") == form.of("find a red cup")
        assert forms.bare(form.of("red cup")) == "red cup"
    said = {form.name: form.of("old apple") for form in forms.MEASURED}
    assert said["a/an ..."] == "an old apple" and said["point at a ..."] == "point at an old apple"
    assert said["The ... ."] == "The old apple." and said["ALL CAPITALS"] == "THE OLD APPLE"
    assert len(set(said.values())) == len(forms.MEASURED) == 10


@pytest.mark.parametrize("phrase", ["two dogs", "his hat", "left", "the one on the left", "people outside", "jeans"])
def test_what_bears_no_article_gets_no_wrong_one(phrase: str) -> None:
    assert not forms.is_one(forms.bare(phrase))
    assert "a " + forms.bare(phrase) not in {form.of(phrase) for form in forms.MEASURED}


def test_nothing_is_trained_in_the_forms_that_are_kept() -> None:
    kept = [form for form in forms.MEASURED if form.name in forms.UNTRAINED]
    assert len(kept) == 2
    begins = tuple(form.pattern.split("{")[0] for form in kept)
    rng = np.random.default_rng(0)
    for phrase in ("where is the cup?", "can you see a cup here", "the cup"):
        assert not [told for _ in range(500) if (told := reword(phrase, rng)).startswith(begins)]


def test_the_form_does_not_tell_how_a_phrase_was_written() -> None:
    """Each form's share of n phrases has the standard deviation sqrt(p (1 - p) / n) around the same p, so that two of
    them differ by less than 6 sqrt(p (1 - p) 2 / n) but for one case in 10^8, whichever the words were."""
    n, rng = 3000, np.random.default_rng(1)
    ways = ("the cup", "a cup", "cup", "find the cup", "where is the cup?", "Cup.")
    told = [Counter(_form_of(reword(way, rng)) for _ in range(n)) for way in ways]
    for form in set().union(*told):
        shares = [t[form] / n for t in told]
        p = sum(shares) / len(shares)
        assert max(shares) - min(shares) < 6 * np.sqrt(p * (1 - p) * 2 / n), form
    assert {"", "the", "a", "."} <= set().union(*told)


def _form_of(phrase: str) -> str:
    """What stands around the word, whatever slip is in it."""
    return phrase.replace("cup", "").strip()


class Refuses:
    """Points at the left half; refuses what is asked for with "a"."""

    size = 32

    def point(self, pixels: np.ndarray, phrases: list[str]) -> list[Pointed]:
        half = np.array([[0.0, 0.0, 0.5, 1.0]])
        return [Pointed(half, np.ones(1), 0.2 if {"a", "an"} & set(p.split()) else 0.8) for p in phrases]


def test_forms_are_measured_apart(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = str(tmp_path / "one.png")
    cv2.imwrite(path, np.zeros((20, 40, 3), np.uint8))
    there, gone = (0.0, 0.0, 20.0, 20.0), None
    said = [("cup", there), ("the cup", there), ("the red cup", there), ("two cups", there), ("a dog", gone)]
    refs = [Ref(path, p, box, "", "val", "", False) for p, box in said]
    found = asking.measure(Refuses(), refs, 0.5)
    assert {name: v["refused"] for name, v in found["forms"].items()} == {
        form.name: float(form.pattern.count("{a}")) for form in forms.MEASURED
    }
    for name, v in found["forms"].items():  # "the cup" is the same as "cup", "two cups" bears no "a"
        assert (v["n"], v["absent"], v["acc50"]) == (2, 1, 1.0), name
        assert v["false_pointing"] == 1 - v["refused"]
    assert found["apart"] == {"refused": 1.0, "false_pointing": 1.0}
    assert "can you see a ... here *" in asking.table(found)
    with pytest.raises(ValueError, match="no phrase to ask"):
        asking.measure(Refuses(), [refs[3]], 0.5)


def test_sets_are_measured_by_themselves() -> None:
    def judged(image: str, iou: float | None, present: float, drawn: bool = False) -> Judged:
        box = None if iou is None else (0.0, 0.0, 1.0, 1.0)
        ref = Ref(image, "cup", box, "", "val", "", drawn)
        return Judged(ref, Pointed(np.zeros((1, 4)), np.ones(1), present), iou, None, box)

    rows = [judged("/d/photos/1.jpg", 0.9, 0.9), judged("/d/photos/1.jpg", 0.2, 0.4, drawn=True)]
    rows += [judged("/d/photos/2.jpg", None, 0.7), judged("/d/entities/3.webp", 0.6, 0.3, drawn=True)]
    found = {name: sets.figures(part, 0.5) for name, part in sets.parts(rows).items()}
    assert list(found) == ["entities", "photos", "photos, detector boxes", "photos, drawn boxes"]
    assert (found["photos"]["n"], found["photos"]["acc50"], found["photos"]["refused"]) == (2, 0.5, 0.5)
    assert found["photos"]["false_pointing"] == 1.0 and found["photos"]["absent"] == 1
    assert found["photos, drawn boxes"]["acc50"] == 0.0 and found["photos, detector boxes"]["acc50"] == 1.0
    assert found["entities"]["refused"] == 1.0 and found["entities"]["false_pointing"] is None
    assert found["photos, drawn boxes"]["false_pointing_at_15"] is None
