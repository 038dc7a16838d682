"""Does it matter how one asks? The same phrases in ten carrier forms: what is refused and what pointed at in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ca2m.data.refs import Ref
from ca2m.infer.pointer import Pointer
from ca2m.language import forms
from ca2m.measure import sets
from ca2m.measure.evaluate import judge


def asked(refs: Sequence[Ref]) -> Iterator[tuple[str, list[Ref]]]:
    """Each form's name, and those phrases in it that bear every form: not "two dogs", "his hat" or "left". The same
    words for the same photo count once."""
    own, known = [], set()
    for ref in refs:
        noun_phrase = forms.bare(ref.phrase)
        key = (ref.image, noun_phrase, ref.box)
        if forms.is_one(noun_phrase) and key not in known:
            known.add(key)
            own.append(ref)
    for form in forms.MEASURED:
        yield form.name, [replace(ref, phrase=form.of(ref.phrase)) for ref in own]


def measure(pointer: Pointer, refs: Sequence[Ref], threshold: float, batch: int = 0) -> dict[str, Any]:
    """Of each form the figures of `sets.figures`; `apart`: the difference between the forms with the largest and the
    smallest share, of what is refused and of false pointing; None without phrases to count. ValueError where no phrase
    bears all forms."""
    by_form = {}
    for name, own in asked(refs):
        if not own:
            raise ValueError("no phrase to ask in other forms: all begin with a number, a pronoun or a place")
        by_form[name] = sets.figures(list(judge(pointer, own, batch=batch)), threshold)
    return {
        "forms": by_form,
        "apart": {k: _apart([v[k] for v in by_form.values()]) for k in ("refused", "false_pointing")},
    }


def _apart(shares: Sequence[float | None]) -> float | None:
    known = [x for x in shares if x is not None]
    return max(known) - min(known) if known else None


def table(measured: dict[str, Any]) -> str:
    """The figures for people."""
    rows = {f"{name}{' *' if name in forms.UNTRAINED else ''}": v for name, v in measured["forms"].items()}
    refused, false = (sets.show(measured["apart"][k]) for k in ("refused", "false_pointing"))
    return f"{sets.table(rows, 'form')}\napart by {refused} refused, {false} false pointing; * not trained in"
