"""A frozen visual encoder at work in the loader's processes, so that a processor's cores need not wait."""

from __future__ import annotations

import io
import warnings
from contextlib import AbstractContextManager

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from ca2m.net.candidates import Candidates
from ca2m.net.sight import NanoDetEncoder, Perceived


class Eyes:
    """Pictures uint8 (B, S, S, 3) to what the network goes on with, by torch in the run's own precision."""

    def __init__(self, sight: NanoDetEncoder, mixed: AbstractContextManager[None]) -> None:
        """mixed: the precision that it sees with."""
        self.sight, self.mixed = sight, mixed

    def __call__(self, image: Tensor) -> Perceived:
        with self.mixed:
            return self.sight.perceive(image)


class _Graph(nn.Module):
    """What the encoder perceives, as the flat outputs of a graph."""

    def __init__(self, sight: NanoDetEncoder) -> None:
        super().__init__()
        self.sight = sight

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        raw, candidates = self.sight.perceive(image)
        return *raw, candidates.scores, candidates.boxes, candidates.colours, candidates.index


class SwiftEyes:
    """The same in float32 by ONNX Runtime on one thread, which is half as fast again as torch."""

    def __init__(self, sight: NanoDetEncoder, side: int) -> None:
        """side: of the pictures."""
        kept = io.BytesIO()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            one = torch.zeros((1, side, side, 3), dtype=torch.uint8)
            graph = _Graph(sight).eval()
            torch.onnx.export(graph, (one,), kept, input_names=["image"], opset_version=18, dynamo=False)  # type: ignore[arg-type]
        self.graph = kept.getvalue()
        self.session: ort.InferenceSession | None = None

    def __call__(self, image: Tensor) -> Perceived:
        if self.session is None:  # in the process that uses it: threads do not outlive a fork
            options = ort.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 3
            self.session = ort.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])
        each = [self.session.run(None, {"image": one[None].numpy()}) for one in image]
        *raw, scores, boxes, colours, index = (torch.from_numpy(np.concatenate(x)) for x in zip(*each, strict=True))
        return raw, Candidates(raw[0].new_empty((*scores.shape[:3], 0)), scores, boxes, colours, index)
