"""A second pair of eyes: what an ImageNet classifier sees in each candidate box, so that names beyond the detector's 80
classes can be learnt, or are known from its own class names. It stays as it was released."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ca2m.net import efficientnet

NAMES = 256  # directions of the classifier that are kept
AT = (1 / 6, 1 / 2, 5 / 6)  # places of a box that are looked at, each way


class Namer(nn.Module):
    """Pictures and boxes to features: of stride 16, and of the classifier along the directions that tell its classes
    apart best (singular value decomposition of its 1000 x 1280 weights), each normalised by itself.

    With words it also classifies: the class names' words, each as much as the box shows of its class."""

    class_words: Tensor

    def __init__(self, name: str, words_width: int = 0) -> None:
        """words_width: channels of the class names' words; 0: it does not classify."""
        super().__init__()
        self.name = name
        self.body = efficientnet.EfficientNetLite(efficientnet.STAGES[name])
        self.tell = nn.Conv2d(efficientnet.HEAD, NAMES, 1, bias=False)
        widths = self.body.width, NAMES
        self.even = nn.ModuleList(nn.LayerNorm(c, elementwise_affine=False) for c in widths)
        self.width = sum(widths)
        self.words_width = words_width
        if words_width:
            self.classify = nn.Conv2d(efficientnet.HEAD, efficientnet.CLASSES, 1)
            self.register_buffer("class_words", torch.zeros(efficientnet.CLASSES, words_width))
        self.requires_grad_(False)

    def fill(self, class_words: Tensor | None = None) -> None:
        """Takes the released weights, from the package that holds them. class_words (1000, W): of efficientnet.names,
        where it classifies."""
        body, weight, bias = efficientnet.load(self.name, efficientnet.released(self.name))
        self.body.load_state_dict(body.state_dict())
        _, size, ways = torch.linalg.svd(weight - weight.mean(0), full_matrices=False)
        with torch.no_grad():
            self.tell.weight.copy_((size[:NAMES, None] * ways[:NAMES])[:, :, None, None])
            if self.words_width:
                assert class_words is not None
                self.classify.weight.copy_(weight[:, :, None, None])
                self.classify.bias.copy_(bias)  # type: ignore[union-attr]
                self.class_words.copy_(class_words)

    def forward(self, image: Tensor, boxes: Tensor) -> list[Tensor]:
        """Pictures uint8 RGB (N, S, S, 3), boxes (N, T, K, 4) corner form in 0..1 to features (N, T, K, width) and,
        where it classifies, words (N, T, K, W)."""
        x = efficientnet.normalise(image).contiguous(memory_format=torch.channels_last)
        middle, last = self.body(x)
        maps, spans = (middle, self.tell(last)), boxes.flatten(1, 2)
        each = [even(pooled(m.float(), spans)) for even, m in zip(self.even, maps, strict=True)]
        told = [torch.cat(each, -1)]
        if self.words_width:
            shown = pooled(self.classify(last).float(), spans).softmax(-1)  # of mean logits: what all places show
            told.append(shown @ self.class_words * 8)
        return [x.unflatten(1, boxes.shape[1:3]) for x in told]


def pooled(maps: Tensor, boxes: Tensor) -> Tensor:
    """Maps (N, C, h, w) and boxes (N, M, 4) to (N, M, C): the mean over 3x3 places inside each box, bilinear between
    cells and constant beyond the border. As one product of matrices: a bilinear weight is a product of both axes'."""
    across, down = (_weights(boxes[..., k::2], maps.shape[3 - k]) for k in (0, 1))
    weight = (down[..., :, None] * across[..., None, :]).flatten(2)
    return weight @ maps.flatten(2).transpose(1, 2)


def _weights(span: Tensor, cells: int) -> Tensor:
    """Begin and end (N, M, 2) in 0..1 of an axis to the mean weight of each of its cells, (N, M, cells)."""
    at = torch.tensor(AT, device=span.device)
    place = (span[..., :1] + (span[..., 1:] - span[..., :1]) * at) * cells - 0.5
    apart = place.clamp(0, cells - 1)[..., None] - torch.arange(cells, device=span.device)
    return (1 - apart.abs()).clamp(min=0).mean(-2)
