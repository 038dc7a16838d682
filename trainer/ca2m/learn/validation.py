"""What a training run measures on its way: named sets, in batches, on all of its processes, in its own precision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from ca2m.data import checks
from ca2m.data.refs import Ref
from ca2m.data.sample import Sample
from ca2m.infer.pointer import Pointed, TorchPointer
from ca2m.learn.crew import Crew
from ca2m.measure import evaluate
from ca2m.measure.evaluate import Judged
from ca2m.net.network import Net

BATCH = 32  # phrases in one pass


def named_set(option: str, skip_bad: bool = False) -> tuple[str, Sequence[Ref]]:
    """NAME=FILE or NAME=FILE:SPLIT to the name and the lines of that split, val if none is named."""
    name, equals, rest = option.partition("=")
    file, colon, split = rest.rpartition(":")
    if not colon or Path(rest).exists():
        file, split = rest, "val"
    if not (name and equals and file and split):
        raise ValueError(f"--val {option}: NAME=FILE or NAME=FILE:SPLIT is meant, e.g. testA=refcoco.jsonl:testA")
    refs = checks.load(file, skip_bad, split)
    if not refs:
        raise ValueError(f"--val {option}: {file} has no line of split {split}")
    return name, refs


class Validation:
    """Called with a network, it measures all sets and gives the figures of the curve, the first set's Acc@0.5 first.

    Every process answers about its share of the pictures and gets all figures.
    """

    def __init__(
        self,
        sets: Mapping[str, Sequence[Ref]],
        rule: Sequence[Sample] = (),
        precision: str = "fp32",
        batch: int = BATCH,
    ) -> None:
        """sets: by the name that their figures begin with. rule: rule-written samples, as the set `rule`."""
        self.sets, self.rule, self.precision, self.batch = sets, rule, precision, batch

    def __call__(self, net: Net, crew: Crew) -> dict[str, float]:
        pointer, curve = TorchPointer(net, precision=self.precision), dict[str, float]()
        for name, refs in self.sets.items():
            curve |= {f"{name}_{k}": v for k, v in figures(self._judged(pointer, refs, crew)).items()}
        judged = self._judged_samples(pointer, crew)
        return curve | {f"rule_{k}": v for k, v in figures(judged).items()}

    def _judged(self, pointer: TorchPointer, refs: Sequence[Ref], crew: Crew) -> list[Judged]:
        of_image: dict[str, list[int]] = defaultdict(list)
        for k, ref in enumerate(refs):
            of_image[ref.image].append(k)
        mine = [k for group in list(of_image.values())[crew.rank :: crew.size] for k in group]
        own = evaluate.judge(pointer, [refs[k] for k in mine], batch=self.batch)
        return together(refs, dict(zip(mine, own, strict=True)), pointer.device, crew)

    def _judged_samples(self, pointer: TorchPointer, crew: Crew) -> list[Judged]:
        mine = range(crew.rank, len(self.rule), crew.size)
        own = evaluate.judge_samples(pointer, [self.rule[k] for k in mine], batch=self.batch)
        refs = [evaluate.ref_of(s) for s in self.rule]
        return together(refs, dict(zip(mine, own, strict=True)), pointer.device, crew)


def together(refs: Sequence[Ref], own: Mapping[int, Judged], device: torch.device, crew: Crew) -> list[Judged]:
    """All refs judged, from what each process judged of them (by place in refs): figures without the boxes."""
    columns = torch.zeros(len(refs), 4, dtype=torch.float64, device=device)
    for k, j in own.items():
        ious = [-1.0 if x is None else x for x in (j.iou, j.cls_iou)]
        columns[k] = torch.tensor([*ious, j.pointed.present, j.pointed.logit], dtype=torch.float64)
    nothing, whole = np.zeros((0, 4)), []
    for ref, (iou, cls, present, logit) in zip(refs, crew.total(columns).tolist(), strict=True):
        pointed = Pointed(nothing, nothing[:, 0], present, None, logit)
        there = ref.box is not None
        whole.append(Judged(ref, pointed, iou if there else None, cls if there and cls >= 0 else None))
    return whole


def figures(judged: Sequence[Judged]) -> dict[str, float]:
    """The figures of the curve."""
    if not judged:
        return {}
    report = evaluate.report(list(judged), 0.5)
    curve = {k: report[k] for k in ("acc50", "acc50_cls", "mean_iou") if report[k] is not None}
    for name, drawn in (("drawn", True), ("detector", False)):
        part = [j for j in judged if j.ref.drawn is drawn and j.iou is not None]
        if part and len(part) < len(judged):
            curve[name] = _acc(part)
    curve |= {k: v["acc50"] for k, v in report["kinds"].items()}
    for name, part in _folders(judged).items():
        curve |= {
            f"{name}_{k}": v for k, v in figures(part).items() if k in ("acc50", "drawn", "detector", "false_pointing")
        }
    of_source: dict[str, list[Judged]] = defaultdict(list)
    for j in judged:
        if j.iou is not None:
            of_source[j.ref.source].append(j)
    if len(of_source) > 1:
        curve |= {f"from_{source or 'unnamed'}": _acc(part) for source, part in sorted(of_source.items())}
    there = sorted(j.pointed.logit for j in judged if j.iou is not None)
    absent = [j.pointed.logit for j in judged if j.iou is None]
    if there and absent:  # at the threshold that refuses 15 % of what is there
        curve["false_pointing"] = sum(x >= there[int(0.15 * len(there))] for x in absent) / len(absent)
    return curve


def _folders(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """By the folder of the photo, where there are several."""
    folders: dict[str, list[Judged]] = defaultdict(list)
    for j in judged:
        folders[Path(j.ref.image).parent.name].append(j)
    return dict(sorted(folders.items())) if len(folders) > 1 else {}


def _acc(part: Sequence[Judged]) -> float:
    return sum((j.iou or 0) > 0.5 for j in part) / len(part)
