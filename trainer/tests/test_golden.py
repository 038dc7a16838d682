"""The golden phrases and the Python loop that the Go program is measured against."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from ca2m.net import words
from ca2m.ship import golden, loop

ROOT = Path(__file__).parents[2]


def test_phrases_are_many_and_distinct() -> None:
    texts = golden.phrases()
    assert len(texts) >= 500
    assert len(set(texts)) == len(texts)
    assert texts == golden.phrases()
    assert "".join(texts).encode("utf-8")  # no lone surrogates: JSON and Go could not hold them


def test_written_phrases_are_those_in_assets(tmp_path: Path) -> None:
    kept = ROOT / "assets" / "golden" / "phrases.json"
    if not kept.exists():
        pytest.skip("no assets/golden/phrases.json")
    golden.write(tmp_path / "phrases.json", words.folder("minilm-l6") / "tokenizer.json")
    assert json.loads((tmp_path / "phrases.json").read_text()) == json.loads(kept.read_text())


def test_pattern_moves_and_begins_anew() -> None:
    drawn = list(islice(loop.frames("pattern://64x48@30?frames=3"), 4))
    assert all(f.shape == (48, 64, 3) and f.dtype == np.uint8 for f in drawn)
    assert (drawn[0] != drawn[2]).any()
    assert (drawn[0] == drawn[3]).all()


@pytest.mark.parametrize("source", ["gone.mp4", "gone.jpg"])
def test_missing_source_ends_with_a_line(source: str) -> None:
    with pytest.raises(SystemExit, match="gone"):
        next(loop.frames(source))


def test_loop_answers_inside_the_frame() -> None:
    bundle = ROOT / "assets" / "models" / "ca2m-edge"
    if not (bundle / "bundle.json").exists():
        pytest.skip("no model bundle")
    frame = next(loop.frames("pattern://160x120"))
    box = loop.Loop(bundle, "red square", "cpu", ["int8", "fp32"], 1).box(frame)
    assert box.shape == (4,) and (box >= 0).all() and (box <= (160, 120, 160, 120)).all()
