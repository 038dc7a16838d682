"""Figures of what a file of phrases is made of, each part by itself: folders of photos, and how boxes came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ca2m.measure.evaluate import Judged


def parts(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """By the folder that holds the photo; where a folder holds phrases with drawn boxes and others, both by
    themselves as well, as "FOLDER, drawn boxes" and "FOLDER, detector boxes", without the absent ones."""
    by_part: dict[str, list[Judged]] = defaultdict(list)
    for j in judged:
        by_part[Path(j.ref.image).parent.name].append(j)
    for folder, own in list(by_part.items()):
        there = [j for j in own if j.iou is not None]
        drawn = [j for j in there if j.ref.drawn]
        if 0 < len(drawn) < len(there):
            by_part[f"{folder}, drawn boxes"] = drawn
            by_part[f"{folder}, detector boxes"] = [j for j in there if not j.ref.drawn]
    return dict(sorted(by_part.items()))


def figures(judged: Sequence[Judged], threshold: float) -> dict[str, Any]:
    """Of one set: how many are there and absent, Acc@0.5, shares refused and pointed at though absent at the threshold,
    and the latter at the threshold that refuses 0.15 of this set's. None where there is nothing to count."""
    there = [j for j in judged if j.iou is not None]
    absent = [j for j in judged if j.iou is None]
    sure = sorted(j.pointed.present for j in there)
    at = sure[int(0.15 * len(sure))] if sure else 1.0
    return {
        "n": len(there),
        "acc50": _share([(j.iou or 0) > 0.5 for j in there]),
        "refused": _share([j.pointed.present < threshold for j in there]),
        "absent": len(absent),
        "false_pointing": _share([j.pointed.present >= threshold for j in absent]),
        "false_pointing_at_15": _share([j.pointed.present >= at for j in absent]) if there else None,
    }


def _share(yes: Sequence[bool]) -> float | None:
    return sum(yes) / len(yes) if yes else None


def table(by_name: Mapping[str, Mapping[str, Any]], what: str) -> str:
    """Rows of `figures` for people. what: stands over their names."""
    wide = max(len(what), *map(len, by_name)) + 2
    rows = [f"{what:<{wide}}     n  Acc@0.5  refused  absent  false pointing  at 0.15 refused"]
    for name, v in by_name.items():
        cells = (show(v[k]) for k in ("acc50", "refused", "false_pointing", "false_pointing_at_15"))
        acc, refused, false, at = cells
        rows.append(f"{name:<{wide}}{v['n']:>6}{acc:>9}{refused:>9}{v['absent']:>8}{false:>16}{at:>17}")
    return "\n".join(rows)


def show(x: float | None) -> str:
    return "-" if x is None else f"{x:.3f}"
