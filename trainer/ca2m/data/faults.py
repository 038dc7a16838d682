"""What is wrong with a data set: every fault named by place and reason, then refused or counted and left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

log = logging.getLogger("ca2m")

BROKEN = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a broken entry raises; EntryError is one of them."""


class EntryError(ValueError):
    """One entry that cannot be used. reason: the few words it is counted under; the text says it in full."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Faults:
    """Faults of one data set. Without skip the first one becomes the error, which counts all and says where each sort
    begins; with skip this is said in one line of the log, and the rest is used. tell hears of every single one."""

    def __init__(self, skip: bool = False, tell: Callable[[str], None] | None = None) -> None:
        self.skip, self._tell = skip, tell
        self.reasons: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()  # sound entries that are not wanted, by reason
        self._firsts: dict[str, tuple[int, str, str]] = {}  # of each reason: line, place, what is wrong

    def add(self, where: str, cause: Exception, line: int = 0) -> None:
        """Notes an entry that cannot be used. where: file and line, or file and entry; line: its number, where faults
        do not come in the order of the file."""
        reason, text = _reason(cause), _text(cause)
        self.reasons[reason] += 1
        self._firsts.setdefault(reason, (line, where, text))
        if self._tell is not None:
            self._tell(f"{where}: {text}")

    def settle(self) -> None:
        """Call once all is read: ValueError with the first fault unless they may be skipped, then one line in the log
        says how many were."""
        if self.left_out:
            log.info("left out: %s", ", ".join(f"{count} {reason}" for reason, count in self.left_out.most_common()))
        if not self.reasons:
            return
        listed = ", ".join(
            f"{n} {reason} (first {self._firsts[reason][1]})" for reason, n in self.reasons.most_common()
        )
        if self.skip:
            log.warning("skipped %d bad: %s", self.reasons.total(), listed)
            return
        _, where, text = min(self._firsts.values(), key=lambda first: first[0])
        what = f"in all {self.reasons.total()} bad: {listed}; " if self.reasons.total() > 1 else ""
        raise ValueError(f"{where}: {text} ({what}--skip-bad goes on without)")


def _reason(cause: Exception) -> str:
    if isinstance(cause, EntryError):
        return cause.reason
    if isinstance(cause, KeyError):
        return "missing key"
    return "wrong value"


def _text(cause: Exception) -> str:
    return f"no {cause}" if isinstance(cause, KeyError) else str(cause)
