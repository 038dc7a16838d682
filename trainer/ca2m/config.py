"""Configurations: their sections together, read from YAML and checked (ca2m.sections says what each key means)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from ca2m.sections import Augment, DataSet, Loss, Mix, Network, Run


@dataclass(frozen=True)
class Config:
    """Everything that shapes a run. Saved in every checkpoint."""

    network: Network = field(default_factory=Network)
    loss: Loss = field(default_factory=Loss)
    run: Run = field(default_factory=Run)
    augment: Augment = field(default_factory=Augment)
    mix: Mix = field(default_factory=Mix)
    data: tuple[DataSet, ...] = ()  # what it is trained on, where --refs does not say

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


SECTIONS = tuple(f.name for f in fields(Config))


def _section(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise ValueError(f"{where}: is {values!r}, not a mapping of names to values")
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    if strange := sorted(set(map(str, values)) - set(known)):
        raise ValueError(f"{where}: unknown {', '.join(strange)}; known are {', '.join(sorted(known))}")
    return kind(**{k: _typed(v, hints[k], f"{where}.{k}") for k, v in values.items()})


def _typed(value: Any, kind: Any, where: str) -> Any:
    """The value as its field's type. YAML reads 1e-4 as text, so numbers may come as such."""
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise ValueError(f"{where}: is {value!r}; one of {', '.join(map(str, get_args(kind)))} is meant")
    if get_origin(kind) is tuple:
        if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
            return tuple(value)
        raise ValueError(f"{where}: is {value!r}, not a list of words")
    if isinstance(value, kind) and not (kind is not bool and isinstance(value, bool)):
        return value
    if kind in (int, float) and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and (kind is float or number.is_integer()):
            return kind(number)
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    raise ValueError(f"{where}: is {value!r}, not {names.get(kind, kind)}")


def from_dict(values: Any, where: str = "config") -> Config:
    """Config from nested mappings; an unknown name or a value of another kind is an error that says which."""
    if not isinstance(values, dict):
        raise ValueError(f"{where}: is not a mapping with the sections {', '.join(SECTIONS)}")
    if strange := sorted(set(map(str, values)) - set(SECTIONS)):
        raise ValueError(f"{where}: unknown section {', '.join(strange)}; known are {', '.join(SECTIONS)}")
    return Config(
        network=_section(Network, values.get("network") or {}, f"{where}: network"),
        loss=_section(Loss, values.get("loss") or {}, f"{where}: loss"),
        run=_section(Run, values.get("run") or {}, f"{where}: run"),
        augment=_section(Augment, values.get("augment") or {}, f"{where}: augment"),
        mix=_section(Mix, values.get("mix") or {}, f"{where}: mix"),
        data=_data(values.get("data") or (), f"{where}: data"),
    )


def _data(values: Any, where: str) -> tuple[DataSet, ...]:
    if not isinstance(values, (list, tuple)):
        raise ValueError(f"{where}: is {values!r}, not a list such as [{{refs: vg.jsonl, weight: 2}}]")
    for k, entry in enumerate(values):
        if not (isinstance(entry, dict) and "refs" in entry):
            raise ValueError(f"{where}[{k}]: is {entry!r}, not a mapping such as {{refs: vg.jsonl, weight: 2}}")
    return tuple(_section(DataSet, entry, f"{where}[{k}]") for k, entry in enumerate(values))


def _beside(data: Any, folder: Path) -> Any:
    """The entries of `data` with their files looked for from the folder of the configuration that names them."""
    if not isinstance(data, list):
        return data
    return [
        {**e, "refs": str(folder / e["refs"])} if isinstance(e, dict) and isinstance(e.get("refs"), str) else e
        for e in data
    ]


TABLES = "tables"  # the file of many configurations, `tables/NAME` each


def names() -> list[str]:
    """Configurations that come with the package; those of a sub-folder or of a file of many as `tables/NAME`."""
    folder = files("ca2m") / "configs"
    return sorted([*(n for n in _walk(folder, "") if n != TABLES), *(f"{TABLES}/{n}" for n in _tables())])


def _walk(folder: Traversable, before: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{before}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield before + entry.name.removesuffix(".yaml")


@cache
def _tables() -> dict[str, dict[str, Any]]:
    """What each row of the paper's tables changes, by its name, and of what (`base`)."""
    rows = _yaml((files("ca2m") / "configs" / f"{TABLES}.yaml").read_text(encoding="utf-8"), TABLES)
    base = rows.pop("base")
    return {
        name: {"base": base, **row, "network": {"name": name, **row.get("network", {})}} for name, row in rows.items()
    }


def load(name: str, changes: Sequence[str] = ()) -> Config:
    """A configuration by name (`ca2m-edge`, `tables/table4-grouping3-merging1`) or by path of a YAML file.

    A file holds what differs from the paper's own, or from its `base:`, a name or a path beside itself. Where base is a
    list, each goes over those before it: [ca2m-r101, recipes/pretrain]. changes: `section.key=value` each, with the
    value in YAML, put over the file's; run.samples among them counts instead of the file's epochs.
    """
    values = _read(name, ())
    for change in changes:
        key, equals, text = change.partition("=")
        section, dot, entry = key.strip().partition(".")
        if not (equals and dot and entry):
            raise ValueError(f"--set {change}: not of the form section.key=value, e.g. run.batch=96")
        _merge(values, {section: {entry: _yaml(text, f"--set {change}")}}, f"--set {change}")
    keys = {change.partition("=")[0].strip() for change in changes}
    if "run.samples" in keys and "run.epochs" not in keys:
        values["run"]["epochs"] = 0  # which would set them otherwise
    c = from_dict(values, where=name)
    _all_used(c, name)
    return c


def _all_used(c: Config, where: str) -> None:
    """ValueError names the numbers of `augment` that were changed and that its recipe does not take."""
    if c.augment.recipe != "plain":
        return
    usual = Augment("plain", c.augment.flip)
    if idle := [f.name for f in fields(Augment) if getattr(c.augment, f.name) != getattr(usual, f.name)]:
        raise ValueError(
            f"{where}: augment.{', augment.'.join(idle)}: the recipe plain takes flip alone; set augment.recipe: "
            "torchvision, or leave the others as they are"
        )


def _read(name: str, within: tuple[str, ...]) -> dict[str, Any]:
    """The mapping of a file over that of its base."""
    if name in within:
        raise ValueError(f"{within[0]}: base goes in a circle: {' -> '.join((*within, name))}")
    values = _values(name)
    base = values.pop("base", [])
    bases, under = base if isinstance(base, list) else [base], dict[str, Any]()
    for one in bases:
        if not isinstance(one, str):
            raise ValueError(f"{name}: base is {base!r}, not the name or path of a configuration, nor a list of them")
        if one.endswith((".yaml", ".yml")):
            one = str(Path(name).parent / one)
        under = _merge(under, _read(one, (*within, name)), one)
    return _merge(under, values, name)


def _values(name: str) -> dict[str, Any]:
    """What a file or a row of the tables says itself."""
    folder, _, row = name.partition("/")
    if folder == TABLES and row in _tables():
        return dict(_tables()[row])
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        text = path.read_text(encoding="utf-8")
    else:
        file = files("ca2m").joinpath("configs", f"{name}.yaml")
        if not file.is_file() or name == TABLES:
            raise ValueError(f"no configuration {name!r}: give a .yaml file or one of {', '.join(names())}")
        text = file.read_text(encoding="utf-8")
    values = _yaml(text, name) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{name}: is not a mapping with the sections {', '.join(SECTIONS)}")
    if "data" in values:
        values["data"] = _beside(values["data"], path.parent)
    return values


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as cause:
        raise ValueError(f"{where}: not YAML: {' '.join(str(cause).split())}") from cause


def _merge(under: dict[str, Any], over: dict[str, Any], where: str) -> dict[str, Any]:
    """Puts the sections of `over` over those of `under`, key by key."""
    for section, values in over.items():
        if section == "data":  # a list, which is taken whole
            under[section] = values
            continue
        if values is not None and not isinstance(values, dict):
            raise ValueError(f"{where}: {section} is {values!r}, not a mapping of names to values")
        under[section] = {**(under.get(section) or {}), **(values or {})}
    return under


def fit_to(c: Config, phrases: int) -> Config:
    """The configuration with `epochs` turned into samples, for a training set of so many phrases. ValueError where the
    samples make no whole batch."""
    if not c.run.epochs:
        if c.run.samples < c.run.batch:
            raise ValueError(
                f"run.samples {c.run.samples}: less than one batch of {c.run.batch}, so that nothing would be learnt; "
                f"give more, or --set run.batch={c.run.samples} or less"
            )
        return c
    steps = max(1, round(c.run.epochs * phrases / c.run.batch))
    return replace(c, run=replace(c.run, samples=steps * c.run.batch))
