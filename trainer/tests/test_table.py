"""Refs in columns: what goes in comes out, in memory that forked workers share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ca2m.data.refs import Ref
from ca2m.data.rounds import Rounds
from ca2m.data.table import Table

MADE = [
    Ref(
        "/a/1.jpg", "the red cup", (1.5, 2.25, 30.125, math.pi), "class", "train", "refcoco", False, ("coco:9", "vg:7")
    ),
    Ref("/a/1.jpg", "Tasse, grün — 左", None, "absent", "val", "refcoco", True, ("coco:9", "vg:7")),
    Ref("/a/1.jpg", "without ids", (0.0, 0.0, 1e9, 1e-9), "", "train", "", False),
    Ref("/ü/2.jpg", "lone \udcff surrogate", (0.0, 0.0, 4.0, 4.0), "class", "testA", "vg", False),
]


def test_what_goes_in_comes_out() -> None:
    table = Table.of(MADE)
    assert list(table) == MADE and table == MADE and table != MADE[:3] and len(table) == 4
    assert Table.of(table) is table and table[-1] == MADE[-1]
    assert table[1:3] == MADE[1:3] and table.take(np.array([3, 0])) == [MADE[3], MADE[0]]
    assert table.of_split("train") == [MADE[0], MADE[2]]
    assert table.take(np.array([1, 3])).of_split("train") == []
    assert Table.of(iter(())) == []
    with pytest.raises(IndexError):
        table[4]


def test_columns_say_the_same() -> None:
    table = Table.of(MADE).take(np.array([2, 1, 0]))
    photos = list(table.photos())
    assert [photos[k] for k in table.photo] == [
        ("/a/1.jpg",),
        ("/a/1.jpg", "coco:9", "vg:7"),
        ("/a/1.jpg", "coco:9", "vg:7"),
    ]
    assert np.isnan(table.boxes[1]).all() and table.boxes[2].tolist() == list(MADE[0].box or ())
    assert table.in_split("val").tolist() == [False, True, False]


def private(done: Callable[[], object]) -> int:
    """Bytes that a forked process has for itself alone after it has done something, beside one that did nothing."""
    told = []
    for act in (lambda: None, done):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            act()
            text = Path("/proc/self/smaps_rollup").read_text()
            os.write(
                write, str(sum(int(x.split()[1]) for x in text.splitlines() if x.startswith("Private_Dirty"))).encode()
            )
            os._exit(0)
        os.waitpid(child, 0)
        told.append(int(os.read(read, 64)))
        os.close(read)
        os.close(write)
    return 1024 * (told[1] - told[0])


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="needs Linux's /proc/self/smaps_rollup")
def test_forked_workers_share_it() -> None:
    n = 100_000
    ref = replace(MADE[0], ids=())
    listed: Sequence[Ref] = [replace(ref, phrase=f"phrase number {k}", image=f"/a/{k % 999}.jpg") for k in range(n)]
    rounds = Rounds(listed, [], 32, seed=1)
    assert rounds.refs == listed
    order = rounds.order(0)  # 4 n bytes, made before the fork

    def look(at: Sequence[Ref]) -> None:
        for k in order:
            assert at[int(k)].phrase

    own, copied = private(lambda: look(rounds.refs)), private(lambda: look(listed))
    assert copied > 96 * n, "reading a list of objects of 96 bytes and more copies it whole"
    assert own < 10 * n, "reading columns of 90 bytes a phrase copies next to nothing"
