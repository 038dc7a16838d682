"""The command `ca2m data`: which public data sets a folder holds, and what is the next step to those that it lacks; and
photos of shapes, to try the trainer without any."""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from ca2m.data import counting, public, refs, shapes
from ca2m.data.public import Archive, DataSet, Part

log = logging.getLogger("ca2m")


def add_parser(sub: Any) -> None:
    """Adds the command."""
    top = sub.add_parser("data", help="which public data sets a folder holds; photos to try the trainer on")
    kinds = top.add_subparsers(dest="kind", required=True)
    p = kinds.add_parser("check", help="what of the public data sets is there, and the next step for what is not")
    p.add_argument("folder", type=Path)
    p.add_argument("--no-hash", action="store_true", help="do not read archives whose hash is published")
    p.set_defaults(run=_check)
    p = kinds.add_parser("shapes", help="write photos of coloured shapes and phrases for them")
    p.add_argument("folder", type=Path)
    p.add_argument("--count", type=int, default=24, help="photos; one in four is val")
    p.add_argument("--seed", type=int, default=7)
    p.set_defaults(run=_shapes)


def _shapes(args: argparse.Namespace) -> None:
    path = shapes.write(args.folder, args.count, args.seed)
    for line in counting.counts(refs.read(path)):
        print(line)
    log.info("wrote %s", path)


def _check(args: argparse.Namespace) -> None:
    held = Held.of(args.folder)
    hashes = {} if args.no_hash else dict(check_archives(held))
    for line in report(held, hashes):
        print(line)
    if wrong := [name for name, right in hashes.items() if not right]:
        raise ValueError(f"{', '.join(wrong)}: not as published; delete and download again")


@dataclass
class Held:
    """What lies in a folder, as far as the public data sets are concerned."""

    folder: Path
    firsts: dict[str, Path] = field(default_factory=dict)  # by pattern, its first file
    counts: Counter[str] = field(default_factory=Counter)  # by pattern
    archives: dict[str, Path] = field(default_factory=dict)  # by name

    @classmethod
    def of(cls, folder: Path) -> Held:
        """Looks through the folder once. FileNotFoundError where there is none."""
        if not folder.is_dir():
            raise FileNotFoundError(f"data check {folder}: there is no such folder")
        held, names = cls(folder), {a.name for a in _archives()}
        patterns = [pattern for part in _parts() for pattern in part.files]
        for place, folders, files in os.walk(folder):
            folders.sort()
            # Most patterns name a folder: few are left for each of a hundred thousand photos.
            own = [p for p in patterns if "/" not in p or _within(place, p)]
            for name in sorted(files):
                for pattern in own:
                    if fnmatchcase(name, PurePosixPath(pattern).name):
                        held.counts[pattern] += 1
                        held.firsts.setdefault(pattern, Path(place, name))
                if name in names:
                    held.archives.setdefault(name, Path(place, name))
        return held

    def lacks(self, part: Part) -> str:
        """What of a part is not there, or "" where all is."""
        missing = [p for p in part.files if not self.counts[p]]
        if missing:
            return f"no {', '.join(missing)}"
        if self.counts[part.files[0]] < part.count:
            return f"{self.counts[part.files[0]]:,} of {part.count:,} {part.files[0]}"
        return ""


def _within(place: str, pattern: str) -> bool:
    """Whether a folder is the one that a pattern of FOLDER/FILE speaks of, or lies below it."""
    wanted, parts = PurePosixPath(pattern).parent.parts, Path(place).parts
    starts = range(len(parts) - len(wanted) + 1)
    return any(all(fnmatchcase(parts[k + i], w) for i, w in enumerate(wanted)) for k in starts)


def _parts() -> Iterator[Part]:
    yield from dict.fromkeys(part for of in public.SETS for part in of.parts)


def _archives() -> Iterator[Archive]:
    yield from dict.fromkeys(archive for part in _parts() for archive in part.archives)


def check_archives(held: Held) -> Iterator[tuple[str, bool]]:
    """Of each archive that is there and whose hash is published, whether it is as published."""
    for archive in _archives():
        if archive.digest and archive.name in held.archives:
            kind, _, digest = archive.digest.partition(":")
            with open(held.archives[archive.name], "rb") as file:
                yield archive.name, hashlib.file_digest(file, kind).hexdigest() == digest


def report(held: Held, hashes: dict[str, bool]) -> Iterable[str]:
    """For people: what is there of each set, and the next step."""
    for of in public.SETS:
        lacking = [(part, what) for part in of.parts if (what := held.lacks(part))]
        yield f"{of.name}: {'ready' if not lacking else 'not yet'}"
        for part in of.parts:
            yield f"  {part.what}: {held.lacks(part) or _there(held, part)}"
        steps = [step for part, _ in lacking for step in next_steps(held, part)] or [_converts(held, of)]
        yield from (f"  next: {step}" for step in dict.fromkeys(steps))
    for name, path in sorted(held.archives.items()):
        verdicts = {True: "hash as published", False: "NOT as published", None: "no hash was looked at"}
        yield f"{path}: {verdicts[hashes.get(name)]}"


def _there(held: Held, part: Part) -> str:
    return f"{held.counts[part.files[0]]:,} at {held.firsts[part.files[0]].parent}"


def _converts(held: Held, of: DataSet) -> str:
    """The command with the places of the files, as a shell reads it."""
    first, last = of.parts[0], of.parts[-1]
    file = held.firsts[first.files[0]]
    places = {"refs": file, "root": _root(file, first.files[0])}
    places["images"] = _root(held.firsts[last.files[0]], last.files[0])
    return of.convert.format(**{name: shlex.quote(str(path)) for name, path in places.items()})


def _root(first: Path, pattern: str) -> Path:
    """The folder of a set: that which the pattern names, or of a set in several, the one around them."""
    parent = PurePosixPath(pattern).parent.name
    if parent in ("Sentences", "Annotations") or "*" in parent:
        return first.parent.parent
    inside = [k for k, part in enumerate(first.parts) if parent and fnmatchcase(part, parent)]
    return Path(*first.parts[: inside[-1] + 1]) if inside else first.parent


def next_steps(held: Held, part: Part) -> Iterator[str]:
    """What brings a part that is not there: downloads, or what unpacks those that are there."""
    here = shlex.quote(str(held.folder))
    for archive in part.archives:
        into = here if archive.into == "." else shlex.quote(str(held.folder / archive.into))
        path = shlex.quote(str(held.archives.get(archive.name, held.folder / archive.name)))
        unpack = f"unzip -q {path} -d {into}" if archive.name.endswith(".zip") else f"tar -xf {path} -C {into}"
        if archive.name in held.archives:
            yield unpack
        elif archive.source.endswith(".git"):
            yield f"git clone {archive.source} {into} && unzip -q {into}/{archive.name} -d {into}"
        elif archive.page and archive.packed:
            yield f"get {archive.name} into {here} as {archive.source} says, then {unpack}"
        elif archive.page:
            files = ", ".join(PurePosixPath(p).name for p in part.files)
            yield f"get {files} into {into}/{archive.name} as {archive.source} says"
        else:
            yield f"curl -fL -C - -o {path} {shlex.quote(archive.source)} && {unpack}"
