"""Visual encoders: a picture to one row a token. Each says in `width` how long its rows are."""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.feature_extraction import create_feature_extractor

from ca2m import nanodet

LEVELS = len(nanodet.STRIDES)
COLOURS = 27  # 3x3 places inside a box, three channels each


class ResNetSight(nn.Module):
    """The paper's: the last stages of a ResNet, each projected to C_0 and brought to the 1/16 grid.

    A 1x1 convolution projects, bilinear interpolation brings to the grid, and a 3x3 convolution follows, as in feature
    pyramids; the paper says no more than "down-sampling or up-sampling", and so its numbers of parameters and FLOPs
    are met best. Pre-trained weights go in afterwards (ca2m.pretrained); batch norm stays frozen.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, depth: str, c0: int, levels: int, grid: int) -> None:
        super().__init__()
        net = getattr(torchvision.models, depth)(weights=None, norm_layer=torchvision.ops.FrozenBatchNorm2d)
        stages = {"layer2": 512, "layer3": 1024, "layer4": 2048}
        used = dict(list(stages.items())[-levels:])
        self.body = create_feature_extractor(net, {name: name for name in used})
        self.project = nn.ModuleList(nn.Conv2d(c, c0, 1) for c in used.values())
        self.smooth = nn.ModuleList(nn.Conv2d(c0, c0, 3, padding=1) for _ in used)
        self.grid = grid
        self.width = c0 * levels
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("mean", mean.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", std.view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, S, S, 3) to F_v^0 (N, T, levels * C_0)."""
        x = (image.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std
        maps = self.body(x).values()
        size = (self.grid, self.grid)
        seen = [
            smooth(F.interpolate(project(m), size, mode="bilinear", align_corners=False))
            for project, smooth, m in zip(self.project, self.smooth, maps, strict=True)
        ]
        return torch.cat(seen, 1).flatten(2).transpose(1, 2)


class NanoDetSight(nn.Module):
    """Edge: a frozen detector's towers, class scores, boxes and the colours inside them, one row a 1/16 token.

    Of the four stride-8 cells inside a token the one with the highest class score is kept whole, so that small
    things survive; stride 32 is repeated. A row holds, for strides 8, 16, 32 in turn, C_0 projected channels; then
    80 class scores each; then a box each (corner form, 0..1 of the picture); then the colours.
    """

    class_words: Tensor

    def __init__(self, class_words: Tensor, c0: int, grid: int) -> None:
        """class_words (80, W): the class names in the linguistic encoder's space."""
        super().__init__()
        self.c0, self.grid = c0, grid
        self.body = nanodet.NanoDet().requires_grad_(False)
        self.register_buffer("class_words", class_words)
        self.project = nn.ModuleList(nn.Linear(nanodet.CHANNELS + class_words.shape[1] + 4, c0) for _ in range(LEVELS))
        self.width = LEVELS * (c0 + nanodet.CLASSES + 4) + COLOURS

    def split(self, visual: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, T, width) to features (N, T, 3 * C_0), class scores (N, T, 3, 80), boxes (N, T, 3, 4), colours."""
        f, p, b, col = visual.split([LEVELS * self.c0, LEVELS * nanodet.CLASSES, LEVELS * 4, COLOURS], -1)
        return f, p.unflatten(-1, (LEVELS, nanodet.CLASSES)), b.unflatten(-1, (LEVELS, 4)), col

    def forward(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, S, S, 3) to visual (N, T, width)."""
        with torch.no_grad():
            towers, scores, boxes = self.detect(image)
            colours = self.colours(image, scores, boxes)
        known = scores @ self.class_words * 8  # what stands here, as words
        parts = torch.cat([towers, known, boxes * 4 - 2], -1)  # (N, T, 3, ...)
        features = [p(parts[:, :, k]) for k, p in enumerate(self.project)]
        return torch.cat([*features, scores.flatten(2), boxes.flatten(2), colours], -1)

    def detect(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 RGB (N, S, S, 3) to towers (N, T, 3, 96), class scores (N, T, 3, 80), boxes (N, T, 3, 4)."""
        x = nanodet.normalise(image).contiguous(memory_format=torch.channels_last)
        side = image.shape[1]
        rows = []
        for k, (tower, out) in enumerate(self.body(x)):
            stride = nanodet.STRIDES[k]
            scores, bins = out[:, : nanodet.CLASSES].sigmoid(), out[:, nanodet.CLASSES :]
            row = torch.cat([tower, scores, _boxes(bins, stride, side)], 1)
            rows.append(self._to_grid(row, stride))
        return tuple(torch.stack(rows, 2).split([nanodet.CHANNELS, nanodet.CLASSES, 4], -1))  # type: ignore[return-value]

    def _to_grid(self, row: Tensor, stride: int) -> Tensor:
        """(N, C, h, h) at a stride to (N, T, C)."""
        c, g = row.shape[1], self.grid
        if stride == 16:
            return row.flatten(2).transpose(1, 2)
        if stride == 32:
            row = row[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
            row = row.reshape(-1, c, g, g)
            return row.flatten(2).transpose(1, 2)
        cells = row.reshape(-1, c, g, 2, g, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, g * g, 4, c)
        scores = cells[..., nanodet.CHANNELS : nanodet.CHANNELS + nanodet.CLASSES]
        best = scores.amax(-1).argmax(-1)  # (N, T)
        return cells.gather(2, best[..., None, None].expand(-1, -1, 1, c))[:, :, 0]

    def colours(self, image: Tensor, scores: Tensor, boxes: Tensor) -> Tensor:
        """(N, T, 27) in -1..1: the picture at 3x3 places of the box of each token's most certain stride."""
        best = scores.amax(-1).argmax(-1)[..., None, None].expand(-1, -1, 1, 4)
        box = boxes.gather(2, best)[:, :, 0]
        at = torch.tensor([0.25, 0.5, 0.75], device=image.device)
        x = box[..., 0:1] + (box[..., 2:3] - box[..., 0:1]) * at  # (N, T, 3)
        y = box[..., 1:2] + (box[..., 3:4] - box[..., 1:2]) * at
        places = torch.stack([x[:, :, None].expand(-1, -1, 3, 3), y[..., None].expand(-1, -1, 3, 3)], -1)
        t = self.grid**2
        small = F.avg_pool2d(image.permute(0, 3, 1, 2).float(), 8) / 128 - 1
        seen = F.grid_sample(small, places.reshape(-1, t, 9, 2) * 2 - 1, align_corners=False, padding_mode="border")
        return seen.permute(0, 2, 3, 1).reshape(-1, t, COLOURS)


def _boxes(bins: Tensor, stride: int, side: int) -> Tensor:
    """Distance distributions (N, 4*8, h, h) to corner-form boxes (N, 4, h, h) in 0..1 of the picture."""
    h, w = bins.shape[2:]
    steps = torch.arange(nanodet.BINS, device=bins.device, dtype=bins.dtype).view(1, 1, -1, 1, 1)
    reach = (bins.reshape(-1, 4, nanodet.BINS, h, w).softmax(2) * steps).sum(2) * (stride / side)
    x = torch.arange(w, device=bins.device).view(1, 1, 1, w) * (stride / side)
    y = torch.arange(h, device=bins.device).view(1, 1, h, 1) * (stride / side)
    left, top, right, bottom = reach.split(1, 1)
    return torch.cat([x - left, y - top, x + right, y + bottom], 1)
