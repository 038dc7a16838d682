"""How well a network points: Acc@0.5, by kind of phrase, and how often it points at what is not there."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch

from ca2m.data.augment import square
from ca2m.data.refs import Ref
from ca2m.data.sample import Sample
from ca2m.geometry import Box, iou, iou_giou
from ca2m.infer.pointer import Batched, Pointed, Pointer
from ca2m.net.answers import Calibration, pick

AHEAD = 4  # pictures that are read at a time beside the network


@dataclass
class Judged:
    """One phrase, judged. iou and cls_iou are None for a thing that is not there."""

    ref: Ref
    pointed: Pointed
    iou: float | None
    cls_iou: float | None
    truth: Box | None = None  # corner form, 0..1 of the picture


def read_picture(path: str) -> np.ndarray:
    """uint8 RGB (H, W, 3), turned as its EXIF says."""
    bgr = cv2.imread(path)
    if bgr is None:
        raise ValueError(f"read picture {path}: missing or not a picture")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


Asked = tuple[np.ndarray, list[str]]
"""A picture as the pointer wants it, and its phrases."""


def answers(pointer: Pointer, work: Iterable[Asked], batch: int = 0) -> Iterator[list[Pointed]]:
    """What is answered about each picture, in order; pictures are put together until they have `batch` phrases, where
    the pointer takes several. 0: as many as suit it."""
    if not isinstance(pointer, Batched):
        yield from (pointer.point(*asked) for asked in work)
        return
    waiting, batch = list[Asked](), batch or pointer.batch
    for asked in work:
        waiting.append(asked)
        if sum(len(phrases) for _, phrases in waiting) >= batch:
            yield from pointer.points(*zip(*waiting, strict=True))
            waiting = []
    if waiting:
        yield from pointer.points(*zip(*waiting, strict=True))


def judge(pointer: Pointer, refs: Iterable[Ref], most: int = 16, batch: int = 0) -> Iterator[Judged]:
    """Answers all phrases of a picture together, at most `most` in one call. batch: as in `answers`."""
    by_image: dict[str, list[Ref]] = defaultdict(list)
    for ref in refs:
        by_image[ref.image].append(ref)
    asked: deque[tuple[list[Ref], int, int]] = deque()

    def work() -> Iterator[Asked]:
        for (h, w), pixels, group in _pictures(by_image, pointer.size):
            for k in range(0, len(group), most):
                part = group[k : k + most]
                asked.append((part, w, h))
                yield pixels, [ref.phrase for ref in part]

    for answered in answers(pointer, work(), batch):
        part, w, h = asked.popleft()
        for ref, pointed in zip(part, answered, strict=True):
            yield _judged(ref, pointed, w, h)


def _pictures(by_image: Mapping[str, list[Ref]], side: int) -> Iterator[tuple[tuple[int, int], np.ndarray, list[Ref]]]:
    """Height and width, square pixels and refs of each picture, read ahead beside what is done with them."""

    def read(path: str) -> tuple[tuple[int, int], np.ndarray]:
        picture = read_picture(path)
        return (picture.shape[0], picture.shape[1]), square(picture, side)

    with ThreadPoolExecutor(AHEAD) as pool:
        coming: deque[tuple[Future[tuple[tuple[int, int], np.ndarray]], list[Ref]]] = deque()
        for path, group in by_image.items():
            coming.append((pool.submit(read, path), group))
            if len(coming) > 2 * AHEAD:
                done, own = coming.popleft()
                yield *done.result(), own
        for done, own in coming:
            yield *done.result(), own


def judge_samples(pointer: Pointer, samples: Iterable[Sample], batch: int = 0) -> Iterator[Judged]:
    """The same for pictures that are made, not read."""
    samples = list(samples)
    for s, pointed in zip(samples, answers(pointer, ((s.pixels, [s.phrase]) for s in samples), batch), strict=True):
        yield _judged(ref_of(s), pointed[0], 1, 1)


def ref_of(s: Sample) -> Ref:
    """A made sample as a ref; its box is in 0..1 of the picture."""
    return Ref(image="", phrase=s.phrase, box=s.box, kind=s.kind, split="val", source="", drawn=False)


def _judged(ref: Ref, pointed: Pointed, w: int, h: int) -> Judged:
    if ref.box is None:
        return Judged(ref, pointed, None, None)
    truth = (ref.box[0] / w, ref.box[1] / h, ref.box[2] / w, ref.box[3] / h)
    cls = None if pointed.cls_box is None else iou(pointed.cls_box, truth)
    return Judged(ref, pointed, iou(pointed.boxes[0], truth), cls, truth)


def report(judged: list[Judged], threshold: float, seconds: float = 0.0) -> dict[str, Any]:
    """The figures of `deixis eval --json`. Shares are None where there is nothing to count."""
    there = [j for j in judged if j.iou is not None]
    absent = [j for j in judged if j.iou is None]
    kinds: dict[str, list[bool]] = defaultdict(list)
    for j in there:
        if j.ref.kind:
            kinds[j.ref.kind].append((j.iou or 0) > 0.5)
    cls = [j.cls_iou > 0.5 for j in there if j.cls_iou is not None]
    return {
        "n": len(there),
        "acc50": _share([(j.iou or 0) > 0.5 for j in there]),
        "acc50_cls": _share(cls),
        "mean_iou": None if not there else float(np.mean([j.iou for j in there])),
        "kinds": {k: {"n": len(v), "acc50": _share(v)} for k, v in sorted(kinds.items())},
        "absent": {"n": len(absent), "false_pointing": _share([j.pointed.present >= threshold for j in absent])},
        "present_refused": _share([j.pointed.present < threshold for j in there]),
        "ms_per_ref": 1000 * seconds / max(len(judged), 1),
    }


def _share(yes: list[bool]) -> float | None:
    return float(np.mean(yes)) if yes else None


def evaluate(pointer: Pointer, refs: list[Ref], threshold: float) -> dict[str, Any]:
    """Judges all refs and reports."""
    began = perf_counter()
    judged = list(judge(pointer, refs))
    return report(judged, threshold, perf_counter() - began)


def calibrate(judged: list[Judged], refuse: float = 0.13) -> Calibration:
    """Temperature and presence by least log loss; the threshold refuses a share `refuse` of what is there.

    judged must come from a TorchPointer with raw=True, on photos kept out of training.
    """
    there = [j for j in judged if j.iou is not None and j.pointed.scores_raw is not None]
    scale, bias = _platt([(j.pointed.logit, j.iou is not None) for j in judged])
    best = (float("inf"), 1.0)
    if there:
        scores = torch.from_numpy(np.stack([np.asarray(j.pointed.scores_raw) for j in there]))
        boxes = torch.from_numpy(np.stack([np.asarray(j.pointed.boxes_raw) for j in there]))
        truth = torch.tensor([j.truth for j in there])
        for t in np.geomspace(0.4, 4.0, 25):
            box, p = (x[:, 0] for x in pick(scores, boxes, there[0].pointed.boxes.shape[0], float(t)))
            right, p = (iou_giou(box, truth)[0] > 0.5).float(), p.clamp(1e-4, 1 - 1e-4)
            best = min(best, (float(torch.nn.functional.binary_cross_entropy(p, right)), float(t)))
    present = [1 / (1 + np.exp(-(scale * j.pointed.logit + bias))) for j in judged if j.iou is not None]
    threshold = float(np.quantile(present, refuse)) if present else 0.5
    return Calibration(round(best[1], 3), round(scale, 4), round(bias, 4), round(threshold, 3))


def _platt(pairs: list[tuple[float, bool]]) -> tuple[float, float]:
    """Scale and bias of a logistic fit; classes weigh alike, so that 0.5 means as likely there as not."""
    x = torch.tensor([a for a, _ in pairs])
    y = torch.tensor([float(b) for _, b in pairs])
    if y.min() == y.max():
        return 1.0, 0.0
    weight = torch.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    fit = torch.tensor([1.0, 0.0], requires_grad=True)
    opt = torch.optim.LBFGS([fit], max_iter=100)

    def closure() -> torch.Tensor:
        opt.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(fit[0] * x + fit[1], y, weight)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    opt.step(closure)  # type: ignore[no-untyped-call]
    scale, bias = fit.detach().tolist()
    return scale, bias
