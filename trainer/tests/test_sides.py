"""Two hundred phrases and what they are of the mirrored picture: mirrored.tsv."""

from __future__ import annotations

from pathlib import Path

import pytest

from ca2m.language.sides import mirrored, sides

ROWS = [
    tuple(line.split("\t"))
    for line in Path(__file__).with_name("mirrored.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def test_the_table_holds_two_hundred() -> None:
    assert len(ROWS) == len({phrase for phrase, _ in ROWS}) == 200


@pytest.mark.parametrize(("phrase", "want"), ROWS)
def test_mirrored(phrase: str, want: str) -> None:
    assert mirrored(phrase) == {"=": phrase, "-": None}.get(want, want)


@pytest.mark.parametrize(
    ("phrase", "want"),
    [
        ("man on the left of the right car", "man on the right of the left car"),
        ("lefthand seat, left most", "righthand seat, right most"),
        ("bright copyright upright", "bright copyright upright"),
        ("dog right next to the left tree", "dog right next to the right tree"),
        ("bikes on the right beside the tree", "bikes on the left beside the tree"),
        ("man on the far left behind the counter", "man on the far right behind the counter"),
        ("hatchback right behind the sign", "hatchback right behind the sign"),
        ("left dog right in the middle", "right dog right in the middle"),
        ("bird at 4 o'clock", "bird at 8 o'clock"),
        ("lft guy", "rt guy"),
        ("guy on the l", "guy on the r"),
    ],
)
def test_mirrored_twice_is_the_phrase(phrase: str, want: str) -> None:
    assert mirrored(phrase) == want
    assert mirrored(want) == phrase


def test_sides_are_named() -> None:
    assert sides("left dog of the rightmost man") == {"left", "right"}
    assert sides("lft guy") == {"left"} and sides("guy on r") == {"right"}
    assert sides("dog right next to the boy that has left") == set()
