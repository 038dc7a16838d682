"""What answers phrases about a picture, and the network as such a one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from ca2m.device import autocast
from ca2m.net import words
from ca2m.net.answers import Calibration, answer
from ca2m.net.network import Grounding, Net


@dataclass
class Pointed:
    """One answer: boxes are corner form in 0..1 of the picture."""

    boxes: np.ndarray  # (K, 4) best first
    scores: np.ndarray  # (K,)
    present: float
    cls_box: np.ndarray | None = None  # (4,) the paper's
    logit: float = 0.0  # presence before calibration
    scores_raw: np.ndarray | None = field(default=None, repr=False)  # (T,) before calibration
    boxes_raw: np.ndarray | None = field(default=None, repr=False)  # (T, 4)


class Pointer(Protocol):
    """Answers phrases about a picture."""

    size: int  # side of its square, pixels

    def point(self, pixels: np.ndarray, phrases: list[str]) -> list[Pointed]: ...


@runtime_checkable
class Batched(Protocol):
    """A pointer that answers about several pictures in one pass."""

    batch: int  # phrases of one pass that suit where it computes

    def points(self, pictures: Sequence[np.ndarray], phrases: Sequence[list[str]]) -> list[list[Pointed]]: ...


class TorchPointer:
    """The network itself, where it lies. raw: keep what calibration needs. precision: fp32, bf16 or fp16."""

    def __init__(
        self, net: Net, calibration: Calibration | None = None, raw: bool = False, precision: str = "fp32"
    ) -> None:
        self.net, self.calibration, self.raw = net.eval(), calibration or Calibration(), raw
        self.size, self.precision, self.device = net.c.image_size, precision, next(net.parameters()).device
        self.batch = 1 if self.device.type == "cpu" else 32
        self.tok = words.tokenizer(net.c.words, net.c.phrase_len)

    def point(self, pixels: np.ndarray, phrases: list[str]) -> list[Pointed]:
        """pixels uint8 RGB (S, S, 3)."""
        return self.points([pixels], [phrases])[0]

    @torch.no_grad()
    def points(self, pictures: Sequence[np.ndarray], phrases: Sequence[list[str]]) -> list[list[Pointed]]:
        """Pictures uint8 RGB (S, S, 3) and the phrases of each to the answers of each."""
        ids, mask = (x.to(self.device) for x in words.encode(self.tok, [p for own in phrases for p in own]))
        image = torch.from_numpy(np.stack(pictures)).to(self.device)
        of = torch.tensor([k for k, own in enumerate(phrases) for _ in own], device=self.device)
        with autocast(self.precision, self.device):
            visual = self.net.see(image)
            visual = visual if len(pictures) == 1 else visual[of]
            grounding = self.net.ground(visual, self.net.read(ids, mask), mask)
        pointed = iter(self._pointed(grounding))
        return [[next(pointed) for _ in own] for own in phrases]

    def _pointed(self, grounding: Grounding) -> list[Pointed]:
        answers = answer(grounding, self.net.c.answers, self.calibration)
        boxes, scores, present, cls = (x.float().cpu().numpy() for x in (*answers, grounding.cls_box))
        logits = np.zeros(len(cls)) if grounding.present is None else grounding.present.float().cpu().numpy()
        out = [Pointed(boxes[i], scores[i], float(present[i]), cls[i], float(logits[i])) for i in range(len(cls))]
        if self.raw and grounding.scores is not None and grounding.boxes is not None:
            scores_raw, boxes_raw = (x.float().cpu().numpy() for x in (grounding.scores, grounding.boxes))
            for p, own_scores, own_boxes in zip(out, scores_raw, boxes_raw, strict=True):
                p.scores_raw, p.boxes_raw = own_scores, own_boxes
        return out
