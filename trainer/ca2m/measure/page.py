"""The HTML report of `ca2m eval`: one file with figures, reliability and the worst misses; photos are inside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

from ca2m.measure.evaluate import Judged, read_picture

WIDE = 420  # pixels of a photo's longer side on the page
NOTHING = "–"  # for a figure where there is nothing to count


def write(title: str, report: dict[str, Any], judged: Sequence[Judged], threshold: float, worst: int = 24) -> str:
    """The page. found: `evaluate.report` and `breakdown` together."""
    kinds = [(k, v) for k, v in report["kinds"].items()]
    words = [(k, v) for k, v in report["words"].items() if v["n"]]
    lengths = [(_span(row["words"]), row) for row in report["lengths"]]
    parts = [
        _tiles(report),
        "<section class=two>",
        _bars("Kind of phrase", kinds),
        _bars("Length, words", lengths),
        _bars("What the phrase says", words),
        "</section><section class=two>",
        _reliability("Score: was the box right?", report["score"]),
        _reliability("Presence: was it there?", report["presence"]),
        "</section>",
        _misses("Worst misses", "surest first; <b class=t>truth</b>, <b class=a>answer</b>", missed(judged, worst)),
        _misses(
            "Pointed at what is not there",
            f"presence of at least {threshold:.2f}, surest first",
            pointed_at_nothing(judged, threshold, max(1, worst // 2)),
        ),
    ]
    return document(title, "\n".join(parts))


def document(title: str, body: str) -> str:
    """A page of its own: nothing in it is fetched from elsewhere."""
    style = (files("ca2m.measure") / "page.css").read_text(encoding="utf-8")
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<meta name=color-scheme content='light dark'>"
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n<main><h1>{escape(title)}</h1>\n"
        f"{body}\n</main></html>\n"
    )


def missed(judged: Sequence[Judged], most: int) -> list[Judged]:
    """The surest wrong answers, one a photo while there are enough photos."""
    wrong = [j for j in judged if j.iou is not None and j.iou <= 0.5]
    return _spread(sorted(wrong, key=lambda j: -float(j.pointed.scores[0])), most)


def pointed_at_nothing(judged: Sequence[Judged], threshold: float, most: int) -> list[Judged]:
    """Phrases of absent things that were believed most."""
    wrong = [j for j in judged if j.iou is None and j.pointed.present >= threshold]
    return _spread(sorted(wrong, key=lambda j: -j.pointed.present), most)


def _spread(ranked: list[Judged], most: int) -> list[Judged]:
    shown: set[str] = set()
    first: list[Judged] = []
    rest: list[Judged] = []
    for j in ranked:
        (rest if j.ref.image in shown else first).append(j)
        shown.add(j.ref.image)
    return (first + rest)[:most]


def _tiles(report: dict[str, Any]) -> str:
    presence = report["presence"]
    tiles = [
        ("Acc@0.5", _percent(report["acc50"]), f"{report['n']} phrases"),
        ("Acc@0.7", _percent(report["acc70"]), ""),
        ("Acc@0.9", _percent(report["acc90"]), ""),
        ("mean IoU", _percent(report["mean_iou"]), ""),
        ("[CLS] box", _percent(report["acc50_cls"]), "Acc@0.5"),
        ("N-acc", _percent(presence["n_acc"]), f"{report['absent']['n']} absent, refused"),
        ("T-acc", _percent(presence["t_acc"]), "present, not refused"),
        ("time", f"{report['ms_per_ref']:.1f}\u00a0ms", "a phrase"),
    ]
    rows = [
        f"<div><dt>{name}</dt><dd>{value}</dd><small>{note}</small></div>"
        for name, value, note in tiles
        if value != NOTHING
    ]
    return f"<dl class=tiles>{''.join(rows)}</dl>"


def _bars(title: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    if not rows:
        return ""
    body = "".join(
        f"<tr><th>{escape(name)}</th><td class=n>{row['n']}</td><td class=bar>"
        f"<div><i style='width:{100 * (row['acc50'] or 0):.1f}%'></i></div></td>"
        f"<td class=v>{_percent(row['acc50'])}</td></tr>"
        for name, row in rows
    )
    return f"<figure><figcaption>{title}</figcaption><table>{body}</table></figure>"


def _reliability(title: str, figures: dict[str, Any]) -> str:
    """Expression against true, a bar a bin; on the diagonal the probability is honest."""
    if not figures["bins"]:
        return ""
    bars = "".join(
        f"<rect x='{100 * row['from'] + 1:.1f}' y='{100 - 100 * row['true']:.1f}' width=8 "
        f"height='{100 * row['true']:.1f}'><title>said {row['said']:.2f}, true {row['true']:.2f}, n {row['n']}</title>"
        f"</rect><circle cx='{100 * row['said']:.1f}' cy='{100 - 100 * row['true']:.1f}' "
        f"r='{1 + 4 * row['share'] ** 0.5:.1f}'/>"
        for row in figures["bins"]
    )
    return (
        f"<figure><figcaption>{title} <small>error {_percent(figures['ece'])}</small></figcaption>"
        f"<svg class=rel viewBox='-14 -4 118 120' role=img aria-label='{escape(title)}'>"
        f"<path d='M0 0V100H100'/><path class=d d='M0 100L100 0'/>{bars}"
        "<text x=0 y=110>0</text><text x=92 y=110>1</text><text x=34 y=110>said</text>"
        "<text x=-6 y=4>1</text><text x=-6 y=100>0</text><text x=-46 y=-6 transform='rotate(-90)'>true</text>"
        "</svg></figure>"
    )


def _misses(title: str, note: str, chosen: Sequence[Judged]) -> str:
    if not chosen:
        return ""
    cards = "".join(_card(j) for j in chosen)
    return f"<h2>{title}</h2><p class=note>{note}</p><section class=cards>{cards}</section>"


def _card(j: Judged) -> str:
    verdict = f"presence {j.pointed.present:.2f}" if j.iou is None else f"IoU {j.iou:.2f}"
    note = f"{verdict}, score {float(j.pointed.scores[0]):.2f}" + (f", {j.ref.kind}" if j.ref.kind else "")
    return card(read_picture(j.ref.image), [(j.pointed.boxes[0], "a"), (j.truth, "t")], j.ref.phrase, note)


def card(
    picture: np.ndarray, boxes: Sequence[tuple[Sequence[float] | np.ndarray | None, str]], phrase: str, note: str
) -> str:
    """A picture (H, W, 3) RGB with its phrase. boxes: corners, 0..1 of the picture, and "a" (answer) or "t" (truth)."""
    h, w = picture.shape[:2]
    scale = min(1.0, WIDE / max(h, w))
    small = cv2.resize(picture, (max(1, round(w * scale)), max(1, round(h * scale))), interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 78])
    if not ok:
        raise ValueError(f"write the picture of {phrase!r} into the page: OpenCV cannot encode it")
    sh, sw = small.shape[:2]
    rects = "".join(_rect(box, sw, sh, kind) for box, kind in boxes if box is not None)
    return (
        f"<article><svg viewBox='0 0 {sw} {sh}' role=img aria-label='{escape(phrase, quote=True)}'>"
        f"<image width={sw} height={sh} href='data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'/>"
        f"{rects}</svg><p>{escape(phrase)}</p><small>{escape(note)}</small></article>"
    )


def _rect(box: Sequence[float] | np.ndarray, w: int, h: int, kind: str) -> str:
    x1, y1, x2, y2 = (float(v) for v in box)
    place = f"x='{x1 * w:.1f}' y='{y1 * h:.1f}' width='{max(0, x2 - x1) * w:.1f}' height='{max(0, y2 - y1) * h:.1f}'"
    return f"<rect class=o {place} rx=3 /><rect class={kind} {place} rx=3 />"


def _span(words: Sequence[int]) -> str:
    return str(words[0]) if words[0] == words[1] else f"{words[0]} to {words[1]}"


def _percent(x: float | None) -> str:
    return NOTHING if x is None else f"{100 * x:.1f}\u00a0%"
