"""What the sources share: pictures by file name, long JSON lists one entry at a time, several boxes for one phrase."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ca2m.data.faults import EntryError
from ca2m.geometry import Box

_CHUNK = 1 << 20  # characters read at a time


class Folder:
    """The pictures of a data set by file name, wherever below a folder they lie: archives unpack into one folder here,
    into twenty there. look=False takes every name for a file right in the folder."""

    def __init__(self, root: str | os.PathLike[str], look: bool = True) -> None:
        self.root, self.look = Path(root).absolute(), look
        self._known: dict[str, str | None] = {}
        if look and not self.root.is_dir():
            raise FileNotFoundError(f"look for pictures in {root}: there is no such folder")

    def find(self, name: str) -> str:
        """Absolute path of the picture. EntryError when it is not there, or when two of that name are."""
        if name not in self._known:
            self._known[name] = self._find(name)
        path = self._known[name]
        if path is None:
            raise EntryError("missing picture", f"picture {name} is nowhere in {self.root}")
        if not path:
            raise EntryError("ambiguous picture", f"several pictures in {self.root} are called {Path(name).name}")
        return path

    def _find(self, name: str) -> str | None:
        direct = self.root / name
        if not self.look or direct.is_file():
            return str(direct)
        return self._tree.get(Path(name).name)

    @cached_property
    def _tree(self) -> dict[str, str]:
        """Path by base name, "" for a name that occurs twice."""
        tree: dict[str, str] = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                tree[name] = "" if name in tree else os.path.join(folder, name)
        return tree


def entries(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The entries of a file that is one JSON list, one after the other: a list of gigabytes need not fit into memory.
    ValueError says at which entry the file breaks off."""
    decoder, number, text, at = json.JSONDecoder(), 0, "", 0
    with open(path, encoding="utf-8") as file:
        while not text.strip():
            if not (more := file.read(_CHUNK)):
                raise ValueError(f"read {path}: empty, a JSON list is expected")
            text += more
        text = text.lstrip()
        if text[0] != "[":
            raise ValueError(f"read {path}: it begins with {text[0]!r}, a JSON list is expected")
        text = text[1:]
        while True:
            at = _skip(text, at, ",")
            if text.startswith("]", at):
                return
            try:
                entry, end = decoder.raw_decode(text, at)
            except ValueError as cause:
                more = file.read(max(_CHUNK, len(text) - at))  # doubled, so a long entry is not tried too often
                if not more:
                    raise ValueError(
                        f"read {path}: entry {number + 1} is broken off or no JSON ({cause}): copy the file anew"
                    ) from cause
                text, at = text[at:] + more, 0
                continue
            yield entry
            number, at = number + 1, end


def _skip(text: str, at: int, extra: str) -> int:
    """The first place from `at` on that holds neither white space nor extra."""
    while at < len(text) and (text[at].isspace() or text[at] in extra):
        at += 1
    return at


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return min(x1), min(y1), max(x2), max(y2)
