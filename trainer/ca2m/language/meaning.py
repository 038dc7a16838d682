"""What a rule-written phrase means, and which things of a picture it surely or possibly fits.

A Meaning is a noun and a chain of tests. Every test narrows two sets: the things that it surely leaves and those that
it may leave; what lies within a margin, is cut, was labelled with little confidence or has an unplain colour counts as
possible only. A phrase may be written for a thing when both sets end as that one thing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ca2m.geometry import Box, Thing, area, iou
from ca2m.language import looks, names
from ca2m.language.looks import Pixels

SURE = 0.5  # score from which a label counts as sure
_DOUBLE = 0.7  # IoU from which two boxes may be one thing


@dataclass(frozen=True)
class Test:
    """One step of a meaning: what is tested, with which value, against which other noun."""

    __test__ = False  # not a case for pytest

    what: str  # a key of TESTS
    value: str = ""
    count: int = 0  # place in an order, from 1
    other: str = ""  # a noun, for relations


@dataclass(frozen=True)
class Meaning:
    """A noun ("" is anything) and tests, applied from first to last."""

    noun: str
    tests: tuple[Test, ...] = ()


Sets = tuple[set[int], set[int]]
"""Indices of the things that surely fit, and of those that may; the second holds the first."""


class Scene:
    """The things of one picture with what the tests need of them. pixels (H, W, 3) uint8 RGB, for colours only."""

    def __init__(self, things: Sequence[Thing], pixels: Pixels | None = None) -> None:
        self.things = tuple(things)
        self.pixels = pixels
        self.x = [(t.box[0] + t.box[2]) / 2 for t in things]
        self.y = [(t.box[1] + t.box[3]) / 2 for t in things]
        self.area = [max(1e-6, (t.box[2] - t.box[0]) * (t.box[3] - t.box[1])) for t in things]
        self._looks: dict[int, looks.Look] = {}

    @cached_property
    def people(self) -> int:
        """How many people are labelled."""
        return sum(thing.name == "person" for thing in self.things)

    @cached_property
    def salient(self) -> Sets:
        """What "the left one" chooses from: things not much smaller than the biggest, surely when all are of a kind."""
        biggest = max(self.area, default=0.0)
        may = {i for i, area in enumerate(self.area) if area > 0.1 * biggest}
        if len({self.things[i].name for i in may}) != 1:
            return set(), may
        return {i for i in may if self.is_sure(i) and self.area[i] > 0.25 * biggest}, may

    @cached_property
    def doubled(self) -> frozenset[int]:
        """Things that may be one and the same as another of the list."""
        pairs = ((i, j) for i in range(len(self.things)) for j in range(i))
        return frozenset(k for pair in pairs if self._same(*pair) for k in pair)

    def _same(self, i: int, j: int) -> bool:
        if abs(self.x[i] - self.x[j]) > 0.2 or abs(self.y[i] - self.y[j]) > 0.2:
            return False
        return iou(self.things[i].box, self.things[j].box) > _DOUBLE

    def is_sure(self, i: int) -> bool:
        """Whether the label of thing i can be relied upon."""
        if self.things[i].name in names.PARTS and self.people > 1:
            return False
        return self.things[i].score >= SURE and i not in self.doubled

    def look(self, i: int) -> looks.Look:
        """Colours of thing i, measured once."""
        if i not in self._looks:
            self._looks[i] = looks.NOTHING if self.pixels is None else looks.look(self.pixels, self.things[i])
        return self._looks[i]

    def named(self, noun: str) -> Sets:
        """Things that noun surely and possibly names."""
        if not noun:
            return set(self.salient[0]), set(self.salient[1])
        sure, may = names.extension(noun)
        possible = {i for i, t in enumerate(self.things) if t.name in may}
        return {i for i in possible if self.things[i].name in sure and self.is_sure(i)}, possible

    def only(self, noun: str) -> int | None:
        """The one thing that noun names, or None."""
        sure, may = self.named(noun)
        return next(iter(sure)) if len(sure) == len(may) == 1 else None


def fits(meaning: Meaning, scene: Scene) -> Sets:
    """Which things of the scene the meaning surely and possibly fits."""
    sure, may = scene.named(meaning.noun)
    for test in meaning.tests:
        if not sure:
            break
        sure, may = TESTS[test.what](scene, test, sure, may)
    return sure, may


def points_at(meaning: Meaning, scene: Scene, i: int) -> bool:
    """Whether the meaning fits thing i and, with margin, no other."""
    sure, may = fits(meaning, scene)
    return sure == may == {i}


def _most(value: Callable[[int], float], margin: float, sure: set[int], may: set[int]) -> Sets:
    """Keeps those of the greatest value: surely when it leads by margin, possibly when it does not trail by it.
    Nobody compares a thing that stands alone, so then nothing surely fits."""
    if len(sure) < 2:
        return set(), may
    lead = {i for i in sure if all(value(i) > value(j) + margin for j in may if j != i)}
    rest = {i for i in may if all(value(i) >= value(j) - margin for j in sure if j != i)}
    return lead, rest


def _filter(verdict: Callable[[int], bool | None], sure: set[int], may: set[int]) -> Sets:
    """Keeps what verdict says is so (True), and as possible what it cannot tell (None)."""
    verdicts = {i: verdict(i) for i in may}
    return {i for i in sure if verdicts[i]}, {i for i in may if verdicts[i] is not False}


def _far_apart(yes: bool, no: bool) -> bool | None:
    return True if yes else False if no else None


def _side(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """Furthest left, right, up or down of those named; "far left": and in that part of the picture."""
    side = test.value.removeprefix("far ")
    along = scene.x if side in ("left", "right") else scene.y
    sign = -1.0 if side in ("left", "top") else 1.0
    sure, may = _most(lambda i: sign * along[i], 0.08 if along is scene.x else 0.1, sure, may)
    axis = 0 if along is scene.x else 1
    sure = {i for i in sure if scene.things[i].box[axis + 2] - scene.things[i].box[axis] < 0.8}  # else it is everywhere
    if side != test.value:
        sure, _ = _place(scene, Test("place", side), sure, sure)
    return sure, may


def _place(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """In a part of the picture: left, right, top, bottom or two of them for a corner; or the middle."""

    if test.value == "middle" and len(may) > 1:
        return set(), may  # of several, the middle one is the middle of their row

    def verdict(i: int) -> bool | None:
        x, y = scene.x[i], scene.y[i]
        if test.value == "middle":
            off = abs(x - 0.5)
            return _far_apart(off < 0.1, off > 0.25)
        depth = {"left": x, "right": 1 - x, "top": y, "bottom": 1 - y}
        deep = [depth[side] for side in test.value.split()]
        return _far_apart(max(deep) < 0.38, max(deep) > 0.55)

    return _filter(verdict, sure, may)


def _order(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """The count-th of them in a row, counted from a side; value "middle": the middle one of the row."""
    if test.count > len(may):
        return set(), set()
    if sure != may or not 3 <= len(may) <= 8:
        return set(), may
    along = scene.y if test.value in ("top", "bottom") else scene.x
    row = sorted(may, key=lambda i: along[i], reverse=test.value in ("right", "bottom"))
    if along is scene.y and abs(scene.x[row[0]] - scene.x[row[-1]]) > abs(scene.y[row[0]] - scene.y[row[-1]]):
        return set(), may  # a row rather than a stack
    if test.value == "middle":
        if len(row) % 2 == 0:
            return set(), may
        place = len(row) // 2
    else:
        place = test.count - 1
    steps = [abs(along[a] - along[b]) for a, b in zip(row, row[1:], strict=False)]
    around = steps[: place + 1] if test.value != "middle" else steps[max(0, place - 1) : place + 1]
    if min(around) < 0.06:
        return set(), may
    return {row[place]}, {row[place]}


def _size(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """The biggest or smallest by area, or the tallest."""
    if test.value == "tallest":
        return _most(lambda i: math.log(scene.things[i].box[3] - scene.things[i].box[1]), math.log(1.35), sure, may)
    sign = 1.0 if test.value == "biggest" else -1.0
    return _most(lambda i: sign * math.log(scene.area[i]), math.log(1.6), sure, may)


def _depth(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """The closest or furthest, where size and lower edge agree."""

    def ahead(i: int, j: int) -> bool:
        return (
            scene.things[i].box[3] > scene.things[j].box[3] + 0.04
            and scene.y[i] > scene.y[j]
            and scene.area[i] > 1.5 * scene.area[j]
        )

    def beats(i: int, j: int) -> bool:
        return ahead(i, j) if test.value == "closest" else ahead(j, i)

    lead = {i for i in sure if len(sure) > 1 and all(beats(i, j) for j in may if j != i)}
    return lead, {i for i in may if not any(beats(j, i) for j in sure)}


def _colour(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """Of a colour; for people: clothed in it."""

    def verdict(i: int) -> bool | None:
        look = scene.look(i)
        return _far_apart(look.sure == test.value, test.value not in look.may)

    return _filter(verdict, sure, may)


def _tone(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """Plainly the darkest or lightest, and dark or light in itself."""
    lights = {i: light for i in may if (light := scene.look(i).light) is not None}
    if len(lights) < len(may):
        return set(), may
    sign = -1.0 if test.value == "dark" else 1.0
    lead, rest = _most(lambda i: sign * lights[i], 60.0, sure, may)
    return {i for i in lead if (lights[i] < 85 if test.value == "dark" else lights[i] > 165)}, rest


def _overlap(a: Box, b: Box) -> float:
    """Share of a that lies inside b."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return across / max(1e-6, (a[2] - a[0]) * (a[3] - a[1]))


def _gap(a: Box, b: Box) -> float:
    """Distance between two boxes, 0 when they touch."""
    return math.hypot(max(0.0, a[0] - b[2], b[0] - a[2]), max(0.0, a[1] - b[3], b[1] - a[3]))


def _shared(a: Box, b: Box, axis: int) -> float:
    """Share of the shorter side that two boxes have in common along x (0) or y (1)."""
    common = min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis])
    return common / max(1e-6, min(a[axis + 2] - a[axis], b[axis + 2] - b[axis]))


def _left_of(a: Box, b: Box) -> bool | None:
    x, width = (a[0] + a[2]) / 2, b[2] - b[0]
    clear = x < b[0] - 0.02 and a[2] < b[0] + 0.5 * width and _shared(a, b, 1) > 0.3
    return _far_apart(clear, x > b[0] + 0.3 * width)


def _above(a: Box, b: Box) -> bool | None:
    clear = a[3] < b[1] + 0.06 and a[3] < (b[1] + b[3]) / 2 and _shared(a, b, 0) > 0.5
    return _far_apart(clear, (a[1] + a[3]) / 2 > (b[1] + b[3]) / 2 + 0.01 or _shared(a, b, 0) < -0.5)


def _mirror(box: Box) -> Box:
    return 1 - box[2], box[1], 1 - box[0], box[3]


def _beside(a: Box, b: Box) -> bool | None:
    gap, level = _gap(a, b), _shared(a, b, 1)
    reach = 0.35 * min(max(a[2] - a[0], a[3] - a[1]), max(b[2] - b[0], b[3] - b[1]))
    apart = _overlap(a, b) < 0.3 and _overlap(b, a) < 0.3
    return _far_apart(apart and gap < min(0.06, reach) and level > 0.4, gap > max(0.15, 2.5 * reach))


def _on(a: Box, b: Box) -> bool | None:
    """a rests on b, or rides it: stands within its width, its foot inside, its head above."""
    x, foot = (a[0] + a[2]) / 2, a[3]
    width, height = b[2] - b[0], b[3] - b[1]
    within = b[0] + 0.15 * width < x < b[2] - 0.15 * width
    rests = b[1] + 0.05 * height < foot < b[3] - 0.08 * height and a[1] < b[1] + 0.3 * height
    return _far_apart(
        within and rests and _shared(a, b, 0) > 0.8, _gap(a, b) > 0.03 or a[1] > b[3] + 0.04 or foot < b[1] - 0.05
    )


def _with(a: Box, b: Box) -> bool | None:
    """b is carried or worn by a: it lies almost inside of a and is much smaller."""
    return _far_apart(_overlap(b, a) > 0.75 and area(b) < 0.4 * area(a), _overlap(b, a) < 0.02 and _gap(a, b) > 0.03)


def _in(a: Box, b: Box) -> bool | None:
    """a sits or lies on b, which is wide enough to hold the most of it."""
    clear = _overlap(a, b) > 0.55 and _shared(a, b, 0) > 0.8 and area(b) > 0.6 * area(a)
    return _far_apart(clear, _overlap(a, b) < 0.05 and _gap(a, b) > 0.03)


def _covered(a: Box, b: Box) -> bool | None:
    """a stands under b, which its head may touch."""
    x = (a[0] + a[2]) / 2
    clear = b[0] < x < b[2] and b[1] < a[1] + 0.02 and a[1] - 0.05 < b[3] < (a[1] + a[3]) / 2
    return _far_apart(clear, a[2] < b[0] - 0.02 or a[0] > b[2] + 0.02 or a[3] < b[1])


RELATIONS: dict[str, Callable[[Box, Box], bool | None]] = {
    "left of": _left_of,
    "right of": lambda a, b: _left_of(_mirror(a), _mirror(b)),
    "above": _above,
    "below": lambda a, b: _above(b, a),
    "beside": _beside,
    "on": _on,
    "with": _with,
    "in": _in,
    "covered by": _covered,
}
"""Relation -> whether box a stands so to box b: yes, no, or None for not plain."""


def _relation(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """Stands in a relation to the one thing that test.other names; the thing itself is not meant."""
    other = scene.only(test.other)
    if other is None:
        return set(), may
    holds, there = RELATIONS[test.value], scene.things[other].box
    return _filter(lambda i: i != other and holds(scene.things[i].box, there), sure, may)


def _nearest_to(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """The one nearest to the one thing that test.other names."""
    other = scene.only(test.other)
    if other is None:
        return set(), may
    there = scene.things[other].box
    named = {i for i in may if i != other}

    def near(i: int) -> float:
        box = scene.things[i].box
        return -_gap(box, there) - 0.5 * math.hypot(scene.x[i] - scene.x[other], scene.y[i] - scene.y[other])

    by_gap = _most(lambda i: -_gap(scene.things[i].box, there), 0.06, sure & named, named)
    both = _most(near, 0.15, sure & named, named)
    return by_gap[0] & both[0], by_gap[1] | both[1]


def _between(scene: Scene, test: Test, sure: set[int], may: set[int]) -> Sets:
    """Between the two things that test.other names ("a+b"), side by side."""
    ends = [scene.only(noun) for noun in test.other.split("+")]
    if len(ends) != 2 or None in ends or ends[0] == ends[1]:
        return set(), may
    low, high = sorted((scene.things[k].box for k in ends if k is not None), key=lambda box: box[0] + box[2])
    named = {i for i in may if i not in ends}

    def verdict(i: int) -> bool | None:
        box, x = scene.things[i].box, scene.x[i]
        level = _shared(box, low, 1) > 0.3 and _shared(box, high, 1) > 0.3
        clear = level and low[2] - 0.02 < x < high[0] + 0.02 and box[0] > low[0] and box[2] < high[2]
        return _far_apart(clear, x < (low[0] + low[2]) / 2 or x > (high[0] + high[2]) / 2)

    return _filter(verdict, sure & named, named)


TESTS: dict[str, Callable[[Scene, Test, set[int], set[int]], Sets]] = {
    "side": _side,
    "place": _place,
    "order": _order,
    "size": _size,
    "depth": _depth,
    "colour": _colour,
    "tone": _tone,
    "relation": _relation,
    "nearest to": _nearest_to,
    "between": _between,
}
"""What Test.what may be."""
