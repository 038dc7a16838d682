"""Visual encoders: a picture to one row a token."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ca2m.net import nanodet
from ca2m.net.candidates import COLOURS, LEVELS, LOOK, Candidates
from ca2m.net.namer import Namer


class VisualEncoder(nn.Module):
    """A picture uint8 RGB (N, S, S, 3) to visual tokens (N, T, width)."""

    width: int
    body: nn.Module
    """The part with pre-trained weights, which learns at `run.lr_encoders`."""


class Pyramid(VisualEncoder):
    """The paper's: the last stages of a convolutional body, each projected to C_0 and brought to the 1/16 grid.

    A 1x1 convolution projects, bilinear interpolation brings to the grid, and a 3x3 convolution follows, as in feature
    pyramids; the paper says no more than "down-sampling or up-sampling", and so its numbers of parameters and FLOPs
    are met best.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, body: nn.Module, channels: Sequence[int], c0: int, grid: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        """body: pictures (N, 3, S, S) to one map (N, channels[k], h, w) a stage, as a list or by name. mean, std: of
        the pictures that it was trained with, 0..1 RGB."""
        super().__init__()
        self.body = body
        self.project = nn.ModuleList(nn.Conv2d(c, c0, 1) for c in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(c0, c0, 3, padding=1) for _ in channels)
        self.grid = grid
        self.width = c0 * len(channels)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, S, S, 3) to F_v^0 (N, T, levels * C_0)."""
        maps = self.body((image.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std)
        maps = maps.values() if isinstance(maps, dict) else maps
        size = (self.grid, self.grid)
        levels = [
            smooth(F.interpolate(project(m), size, mode="bilinear", align_corners=False))
            for project, smooth, m in zip(self.project, self.smooth, maps, strict=True)
        ]
        return torch.cat(levels, 1).flatten(2).transpose(1, 2)


class ResNetEncoder(Pyramid):
    """The pyramid over a ResNet. Pre-trained weights go in later (ca2m.net.pretrained); batch norm stays frozen."""

    def __init__(self, depth: str, c0: int, levels: int, grid: int) -> None:
        import torchvision  # here, since it takes seconds and the detector does without
        from torchvision.models.feature_extraction import create_feature_extractor

        net = getattr(torchvision.models, depth)(weights=None, norm_layer=torchvision.ops.FrozenBatchNorm2d)
        stages = {"layer2": 512, "layer3": 1024, "layer4": 2048}
        used = dict(list(stages.items())[-levels:])
        body = create_feature_extractor(net, {name: name for name in used})
        super().__init__(body, list(used.values()), c0, grid, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


Perceived = tuple[list[Tensor], Candidates]
"""What a frozen NanoDetEncoder makes of pictures: raw features 3 x (N, T, ...), behind them the namer's (N, T, 3, ...)
where there is one, and candidates without features yet."""


class NanoDetEncoder(VisualEncoder):
    """Edge: what a frozen detector sees, one row a token: features, class scores, boxes and the colours inside them.

    Of the four stride-8 cells inside a 1/16 token the one with the highest class score is kept whole, so that small
    things survive; stride 32 is repeated. Where `tokens` is less than the grid holds, the best of every four
    neighbours stay, then those with the highest class scores.

    A row holds, for strides 8, 16, 32 in turn, C_0 projected channels; then 80 class scores each; then a box each
    (corner form, 0..1 of the picture); then the colours inside each box; then, with a namer, LOOK channels each of what
    it says; then the token's place in the grid.
    """

    class_words: Tensor

    def __init__(
        self, class_words: Tensor, c0: int, grid: int, tokens: int = 0, namer: str = "", classifies: bool = False
    ) -> None:
        """class_words (80, W): the class names in the linguistic encoder's space. tokens: 0 for all. namer: name of the
        second encoder, which classifies or not; what it adds begins as zero."""
        super().__init__()
        self.c0, self.grid, self.tokens = c0, grid, tokens or grid**2
        self.body = nanodet.NanoDet().requires_grad_(False)
        self.register_buffer("class_words", class_words)
        raw = [stage + 2 * nanodet.CHANNELS for stage in nanodet.STAGES]  # backbone, neck and tower
        self.even = nn.ModuleList(nn.LayerNorm(c, elementwise_affine=False) for c in raw)
        self.project = nn.ModuleList(nn.Linear(c + class_words.shape[1] + 4, c0) for c in raw)
        self.parts: tuple[int, ...] = (c0, nanodet.CLASSES, 4, COLOURS)
        self.namer = Namer(namer, class_words.shape[1] if classifies else 0) if namer else None
        if self.namer:
            self.parts = (*self.parts, LOOK)
            self.adds, self.named = (nn.Linear(self.namer.width, n, bias=False) for n in (c0, LOOK))
            wide = self.namer.words_width
            self.adds_words, self.named_words = (nn.Linear(wide, n, bias=False) if wide else None for n in (c0, LOOK))
            for layer in (self.adds, self.named, self.adds_words, self.named_words):
                if layer is not None:
                    nn.init.zeros_(layer.weight)
        self.width = LEVELS * sum(self.parts) + 1

    def candidates(self, visual: Tensor) -> Candidates:
        """(N, T, width) to its parts."""
        *parts, index = visual.split([*(LEVELS * n for n in self.parts), 1], -1)
        each = [p.unflatten(-1, (LEVELS, n)) for p, n in zip(parts, self.parts, strict=True)]
        features, scores, boxes, colours, *named = each
        return Candidates(features, scores, boxes, colours, index[..., 0].round().long(), *named)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, S, S, 3) to visual (N, T, width)."""
        return self.tokens_of(*self.perceive(image))

    @torch.no_grad()
    def perceive(self, image: Tensor) -> Perceived:
        """The part that training leaves as it is, of pictures uint8 RGB (N, S, S, 3)."""
        raw, scores, boxes = self.detect(image)
        if self.tokens < self.grid**2:
            index = self.choose(scores)
            raw, scores, boxes = [_rows(r, index) for r in raw], _rows(scores, index), _rows(boxes, index)
        else:
            index = torch.arange(self.tokens, device=image.device).expand(image.shape[0], -1)
        raw = [even(r) for even, r in zip(self.even, raw, strict=True)]
        raw += self.namer(image, boxes) if self.namer else []
        return raw, Candidates(raw[0][:, :, :0], scores, boxes, self.colours(image, boxes), index)

    def tokens_of(self, raw: list[Tensor], candidates: Candidates) -> Tensor:
        """What `perceive` gave, features projected, as visual (N, T, width)."""
        known = candidates.scores @ self.class_words * 8  # what stands here, as words
        features = [
            project(torch.cat([raw[k], known[:, :, k], candidates.boxes[:, :, k] * 4 - 2], -1))
            for k, project in enumerate(self.project)
        ]
        parts = [candidates.scores.flatten(2), candidates.boxes.flatten(2), candidates.colours.flatten(2)]
        if self.namer:
            adds, named = self.adds(raw[LEVELS]), self.named(raw[LEVELS])
            if self.adds_words is not None and self.named_words is not None:
                adds, named = adds + self.adds_words(raw[-1]), named + self.named_words(raw[-1])
            features = [f + more for f, more in zip(features, adds.unbind(2), strict=True)]
            parts.append(named.flatten(2))
        return torch.cat([*features, *parts, candidates.index[..., None].to(candidates.scores.dtype)], -1)

    def detect(self, image: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """uint8 RGB (N, S, S, 3) to raw features 3 x (N, T, ...), class scores (N, T, 3, 80), boxes (N, T, 3, 4)."""
        x = nanodet.normalise(image).contiguous(memory_format=torch.channels_last)
        rows = []
        for stride, level in zip(nanodet.STRIDES, self.body(x), strict=True):
            out = level.out.float()
            scores, bins = out[:, : nanodet.CLASSES].sigmoid(), out[:, nanodet.CLASSES :]
            known = torch.cat([scores, _boxes(bins, stride, image.shape[1])], 1)
            rows.append(self._to_grid(torch.cat([known, level.stage, level.neck, level.tower], 1), stride))
        known = torch.stack([r[..., : nanodet.CLASSES + 4] for r in rows], 2)
        scores, boxes = known.split([nanodet.CLASSES, 4], -1)
        return [r[..., nanodet.CLASSES + 4 :] for r in rows], scores, boxes

    def _to_grid(self, row: Tensor, stride: int) -> Tensor:
        """(N, C, h, h) at a stride, class scores first, to (N, T, C)."""
        c, g = row.shape[1], self.grid
        if stride == 16:
            return row.flatten(2).transpose(1, 2)
        if stride == 32:
            row = row[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
            row = row.reshape(-1, c, g, g)
            return row.flatten(2).transpose(1, 2)
        cells = row.reshape(-1, c, g, 2, g, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, g * g, 4, c)
        best = cells[..., : nanodet.CLASSES].amax(-1).argmax(-1)  # (N, T)
        return cells.gather(2, best[..., None, None].expand(-1, -1, 1, c))[:, :, 0]

    def choose(self, scores: Tensor) -> Tensor:
        """Class scores (N, G*G, 3, 80) to the places in the grid of the tokens that stay, int64 (N, T)."""
        best, g = scores[:, :, :2].amax((2, 3)), self.grid  # stride 32 says the same of all four
        four = best.reshape(-1, g // 2, 2, g // 2, 2)
        first = (four >= four.amax((2, 4), keepdim=True)).to(best.dtype).reshape(-1, g * g)
        return (best + 2 * first).topk(self.tokens, 1).indices.sort(1).values

    def colours(self, image: Tensor, boxes: Tensor) -> Tensor:
        """(N, T, 3, 27) in -1..1: the picture at 3x3 places of each box of (N, T, 3, 4)."""
        at = torch.tensor([0.25, 0.5, 0.75], device=image.device)
        low, high = boxes[..., :2, None], boxes[..., 2:, None]
        x, y = (low + (high - low) * at).unbind(-2)  # (N, T, 3, 3) each
        places = torch.stack([x[..., None, :].expand(*x.shape, 3), y[..., None].expand(*y.shape, 3)], -1)
        small = F.avg_pool2d(image.permute(0, 3, 1, 2).float(), 8) / 128 - 1
        sampled = F.grid_sample(
            small, places.reshape(-1, self.tokens * LEVELS, 9, 2) * 2 - 1, align_corners=False, padding_mode="border"
        )
        return sampled.permute(0, 2, 3, 1).reshape(-1, self.tokens, LEVELS, COLOURS)


def _rows(of: Tensor, index: Tensor) -> Tensor:
    """(N, G*G, ...) to its rows at index (N, T)."""
    flat = of.flatten(2)
    return flat.gather(1, index[..., None].expand(-1, -1, flat.shape[2])).unflatten(2, of.shape[2:])


def _boxes(bins: Tensor, stride: int, side: int) -> Tensor:
    """Distance distributions (N, 4*8, h, h) to corner-form boxes (N, 4, h, h) in 0..1 of the picture."""
    h, w = bins.shape[2:]
    steps = torch.arange(nanodet.BINS, device=bins.device, dtype=bins.dtype).view(1, 1, -1, 1, 1)
    reach = (bins.reshape(-1, 4, nanodet.BINS, h, w).softmax(2) * steps).sum(2) * (stride / side)
    x = torch.arange(w, device=bins.device).view(1, 1, 1, w) * (stride / side)
    y = torch.arange(h, device=bins.device).view(1, 1, h, 1) * (stride / side)
    left, top, right, bottom = reach.split(1, 1)
    return torch.cat([x - left, y - top, x + right, y + bottom], 1)
