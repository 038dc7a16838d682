"""What is wrong with a data set: every fault named by place and reason, then refused or counted and left out."""

from __future__ import annotations

import logging
from collections import Counter

log = logging.getLogger("ca2m")

BROKEN = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a broken entry raises; EntryError is one of them."""


class EntryError(ValueError):
    """One entry that cannot be used. reason: the few words it is counted under; the text says it in full."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(said)
        self.reason = reason


class Faults:
    """Faults of one data set. Without skip the first one becomes the error, with the count of all; with skip they are
    counted, said in one line, and the rest is used."""

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self.reasons: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()  # sound entries that are not wanted, by reason
        self._first = ""

    def add(self, where: str, cause: Exception) -> None:
        """Notes an entry that cannot be used. where: file and line, or file and entry."""
        self.reasons[_reason(cause)] += 1
        if not self._first:
            self._first = f"{where}: {_said(cause)}"

    def settle(self) -> None:
        """Call once all is read: ValueError with the first fault unless they may be skipped, then one line in the log
        says how many were."""
        if self.left_out:
            log.info("left out: %s", _listed(self.left_out))
        if not self.reasons:
            return
        if not self.skip:
            raise ValueError(f"{self._first} (in all: {_listed(self.reasons)}; --skip-bad goes on without)")
        log.warning("skipped %d bad: %s; the first: %s", self.reasons.total(), _listed(self.reasons), self._first)


def _reason(cause: Exception) -> str:
    if isinstance(cause, EntryError):
        return cause.reason
    if isinstance(cause, KeyError):
        return "missing key"
    return "wrong value"


def _said(cause: Exception) -> str:
    return f"no {cause}" if isinstance(cause, KeyError) else str(cause)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
