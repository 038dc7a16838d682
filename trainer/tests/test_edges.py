"""Which package of the trainer may import which. An import that is not listed fails, and so does a package that is not
listed: adding a line is a decision that one can see. Each may import what stands above it, so there is no circle."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import ca2m

EDGES: dict[str, set[str]] = {
    "sections": set(),
    "config": {"sections"},
    "device": set(),
    "geometry": set(),
    "language": {"geometry"},
    "data": {"config", "geometry", "language"},
    "net": {"config", "geometry", "language"},
    "infer": {"device", "net"},
    "measure": {"config", "data", "device", "geometry", "infer", "language", "net"},
    "learn": {"config", "data", "device", "geometry", "infer", "measure", "net"},
    "ship": {"config", "data", "geometry", "infer", "measure", "net"},
    "cli": {"ca2m_speech", "data", "infer", "learn", "measure", "net", "ship"},
}
ROOT = Path(ca2m.__file__).parent


def imported(file: Path) -> Iterator[str]:
    """Modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """ca2m.data.refs.Ref to data; ca2m_speech.folder to ca2m_speech; other people's to nothing."""
    first, _, rest = module.partition(".")
    return rest.split(".")[0] if first == "ca2m" else first if first.startswith("ca2m") else ""


def edges() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for file in ROOT.rglob("*.py"):
        own = file.relative_to(ROOT).with_suffix("").parts[0]
        if own != "__init__":
            found[own] |= {name for module in imported(file) if (name := room(module)) not in ("", own)}
    return found


def test_every_import_is_listed_and_every_listed_one_is_there() -> None:
    assert edges() == EDGES


def test_there_is_no_circle() -> None:
    known: set[str] = {"ca2m_speech"}
    for name, may in EDGES.items():
        assert may <= known, name
        known.add(name)


def test_speech_imports_nothing_of_the_trainer() -> None:
    found = {room(m) or m.split(".")[0] for f in (ROOT.parent / "ca2m_speech").glob("*.py") for m in imported(f)}
    assert "ca2m_speech" in found and not found & {*EDGES, "torch"}
