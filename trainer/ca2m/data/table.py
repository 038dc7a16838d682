"""Many refs in little memory: columns of plain numbers and bytes.

Python objects carry a reference count each, which reading them changes, so that every forked worker would soon have a
copy of its own. Columns are read without being written, and all workers share them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

from ca2m.data.refs import Ref
from ca2m.geometry import Box

NOWHERE = (float("nan"),) * 4


class Texts:
    """Texts one after the other, as UTF-8."""

    def __init__(self, data: bytes | bytearray, lengths: array[int]) -> None:
        self.data = np.frombuffer(data, np.uint8)
        self.ends = np.cumsum(np.frombuffer(lengths, np.int32) if len(lengths) else np.zeros(0), dtype=np.int64)

    def __getitem__(self, k: int) -> str:
        begin = int(self.ends[k - 1]) if k else 0
        return self.data[begin : int(self.ends[k])].tobytes().decode("utf-8", "surrogatepass")

    def __len__(self) -> int:
        return len(self.ends)


class Writer:
    """Takes refs one at a time; `table` is what they are together."""

    def __init__(self) -> None:
        self._phrases, self._lengths = bytearray(), array("i")
        self._boxes, self._photo, self._label = array("d"), array("i"), array("i")
        self._photos: dict[tuple[str, ...], int] = {}
        self._labels: dict[tuple[str, str, str, bool], int] = {}

    def add(self, ref: Ref) -> None:
        """Puts a ref at the end."""
        text = ref.phrase.encode("utf-8", "surrogatepass")
        self._phrases += text
        self._lengths.append(len(text))
        self._boxes.extend(NOWHERE if ref.box is None else ref.box)
        self._photo.append(self._photos.setdefault((ref.image, *ref.ids), len(self._photos)))
        label = (ref.kind, ref.split, ref.source, ref.drawn)
        self._label.append(self._labels.setdefault(label, len(self._labels)))

    def table(self) -> Table:
        """All of them; nothing more can be added."""
        marks, lengths = bytearray(), array("i")
        for own in self._photos:
            joined = "\0".join(own).encode("utf-8", "surrogatepass")
            marks += joined
            lengths.append(len(joined))
        photo, label = (np.array(x, np.int32) for x in (self._photo, self._label))
        boxes = np.frombuffer(self._boxes).reshape(-1, 4) if len(self._boxes) else np.zeros((0, 4))
        texts, rows = Texts(self._phrases, self._lengths), np.arange(len(photo), dtype=np.int32)
        return Table(rows, texts, boxes, photo, label, Texts(marks, lengths), list(self._labels))


class Table(Sequence[Ref]):
    """Refs by place, made anew at each look. `take` gives some of them, over the same columns."""

    def __init__(
        self,
        rows: np.ndarray,
        phrases: Texts,
        boxes: np.ndarray,
        photo: np.ndarray,
        label: np.ndarray,
        photos: Texts,
        labels: list[tuple[str, str, str, bool]],
    ) -> None:
        """rows: which of the columns' entries these are. photos: path and public ids, with a zero between them."""
        self.rows, self._phrases, self._boxes, self._photo, self._label = rows, phrases, boxes, photo, label
        self._photos, self._labels = photos, labels

    @classmethod
    def of(cls, refs: Iterable[Ref]) -> Table:
        """The refs as a table, if they are none yet."""
        if isinstance(refs, Table):
            return refs
        writer = Writer()
        for ref in refs:
            writer.add(ref)
        return writer.table()

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, k: int) -> Ref: ...
    @overload
    def __getitem__(self, k: slice) -> Table: ...
    def __getitem__(self, k: int | slice) -> Ref | Table:
        if isinstance(k, slice):
            return self.take(np.arange(len(self))[k])
        row = int(self.rows[k])
        kind, split, source, drawn = self._labels[self._label[row]]
        image, *ids = self._photos[int(self._photo[row])].split("\0")
        x1, y1, x2, y2 = self._boxes[row].tolist()
        box: Box | None = None if x1 != x1 else (x1, y1, x2, y2)
        return Ref(image, self._phrases[row], box, kind, split, source, drawn, tuple(ids))

    def __eq__(self, other: object) -> bool:
        alike = isinstance(other, Sequence) and len(self) == len(other)
        return alike and all(a == b for a, b in zip(self, other, strict=True))  # type: ignore[call-overload]

    __hash__ = None  # type: ignore[assignment]

    def take(self, which: np.ndarray) -> Table:
        """Those at the places of `which`, int, or where `which` is true, in that order."""
        kept = (self._phrases, self._boxes, self._photo, self._label, self._photos, self._labels)
        return Table(self.rows[which], *kept)

    def of_split(self, name: str) -> Table:
        """Those of one split."""
        return self.take(self.in_split(name))

    def in_split(self, name: str) -> np.ndarray:
        """(len,) bool."""
        return np.array([split == name for _, split, _, _ in self._labels], bool)[self._label[self.rows]]

    @property
    def boxes(self) -> np.ndarray:
        """(len, 4) corners in pixels; NaN where there is none."""
        return np.asarray(self._boxes[self.rows])

    @property
    def photo(self) -> np.ndarray:
        """(len,) int: which of `photos` each speaks of."""
        return np.asarray(self._photo[self.rows])

    def photos(self) -> Iterator[tuple[str, ...]]:
        """Path and public ids of each photo; some of them, where these are not all refs of a file, nobody speaks of."""
        return (tuple(self._photos[k].split("\0")) for k in range(len(self._photos)))
