"""What refs hold, in numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from ca2m.data.refs import Ref


class Counts:
    """What refs hold, told while they pass by: of each split, how many phrases and photos and how many of each kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self._photos: dict[str, set[str]] = defaultdict(set)

    def of(self, refs: Iterable[Ref]) -> Iterator[Ref]:
        """The same refs, counted."""
        for ref in refs:
            self._kinds[ref.split][ref.kind or "no kind"] += 1
            self._photos[ref.split].add(ref.image)
            yield ref

    def lines(self) -> list[str]:
        """One line a split."""
        rows = []
        for split, kinds in sorted(self._kinds.items()):
            listed = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            rows.append(f"{split}: {kinds.total()} phrases over {len(self._photos[split])} photos ({listed})")
        return rows


def counts(refs: Iterable[Ref]) -> list[str]:
    """Lines that say what the refs hold: of each split, how many phrases and photos, and how many of each kind."""
    counted = Counts()
    for _ in counted.of(refs):
        pass
    return counted.lines()
