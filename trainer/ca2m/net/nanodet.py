"""NanoDet-Plus-m: ShuffleNetV2 1.0x, Ghost-PAN and head towers, batch norm folded into the convolutions.

Source: the Apache-2.0 project RangiLyu/nanodet (nanodet-plus-m_416, COCO). The weights are a safetensors file whose
convolutions stand in the order in which this network calls them (the order of the released ncnn graph).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 80  # COCO's
BINS = 8  # a side's distance is the mean of a distribution over 0..7 strides
CHANNELS = 96  # of the neck and the head towers
STRIDES = (8, 16, 32)
STAGES = (116, 232, 464)  # channels of the backbone at these strides


class Conv(nn.Conv2d):
    """A convolution with padding that keeps the size, and LeakyReLU(0.1) behind it where `act`."""

    def __init__(self, cin: int, cout: int, k: int = 1, stride: int = 1, groups: int = 1, act: bool = True) -> None:
        super().__init__(cin, cout, k, stride, k // 2, groups=groups)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return F.leaky_relu(y, 0.1) if self.act else y


def depthwise(c: int, k: int, stride: int = 1, act: bool = False) -> Conv:
    return Conv(c, c, k, stride, groups=c, act=act)


class Shuffle(nn.Module):
    """A ShuffleNetV2 unit. With stride 2 both halves see the whole input, and the channels grow."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        half = cout // 2
        self.stride = stride
        self.left = nn.Sequential(depthwise(cin, 3, 2), Conv(cin, half)) if stride == 2 else nn.Identity()
        right_in = cin if stride == 2 else half
        self.right = nn.Sequential(Conv(right_in, half), depthwise(half, 3, stride), Conv(half, half))

    def forward(self, x: Tensor) -> Tensor:
        a, b = (x, x) if self.stride == 2 else x.chunk(2, 1)
        both = torch.cat([self.left(a), self.right(b)], 1)
        return both.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)  # the channels of both halves in turn


class Ghost(nn.Module):
    """A Ghost bottleneck of the neck: half of the channels are computed, half are cheap copies."""

    def __init__(self) -> None:
        super().__init__()
        c, half = CHANNELS, CHANNELS // 2
        self.point1, self.cheap1 = Conv(2 * c, half), depthwise(half, 3, act=True)
        self.point2, self.cheap2 = Conv(2 * half, half, act=False), depthwise(half, 3)
        self.short = nn.Sequential(depthwise(2 * c, 5), Conv(2 * c, c, act=False))

    def forward(self, x: Tensor) -> Tensor:
        a = self.point1(x)
        b = self.point2(torch.cat([a, self.cheap1(a)], 1))
        return torch.cat([b, self.cheap2(b)], 1) + self.short(x)


def separable(stride: int = 1) -> nn.Sequential:
    return nn.Sequential(depthwise(CHANNELS, 5, stride, act=True), Conv(CHANNELS, CHANNELS))


class Level(NamedTuple):
    """What the detector makes of a picture at one stride."""

    stage: Tensor  # (N, 116, 232 or 464, h, h) the backbone's
    neck: Tensor  # (N, 96, h, h)
    tower: Tensor  # (N, 96, h, h) the head's
    out: Tensor  # (N, 112, h, h) class logits and distance bins


class NanoDet(nn.Module):
    """A picture to features and raw outputs at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        # The order of these lines is the order of the weights.
        self.stem = Conv(3, 24, 3, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(Shuffle(cin, cout, 2), *(Shuffle(cout, cout, 1) for _ in range(more)))
            for cin, cout, more in zip((24, *STAGES), STAGES, (3, 7, 3), strict=False)
        )
        self.lateral = nn.ModuleList(Conv(c, CHANNELS) for c in STAGES)
        self.down16, self.down8 = Ghost(), Ghost()
        self.to16, self.up16 = separable(2), Ghost()
        self.to32, self.up32 = separable(2), Ghost()
        self.towers = nn.ModuleList(nn.Sequential(separable(), separable()) for _ in STRIDES)
        self.outs = nn.ModuleList(Conv(CHANNELS, CLASSES + 4 * BINS, act=False) for _ in STRIDES)

    def forward(self, x: Tensor) -> list[Level]:
        """(N, 3, S, S) BGR, normalised, to strides 8, 16, 32."""
        x = F.max_pool2d(self.stem(x), 3, 2, 1)
        stages = []
        for stage in self.stages:
            x = stage(x)
            stages.append(x)
        p8, p16, p32 = (lateral(x) for lateral, x in zip(self.lateral, stages, strict=True))
        p16 = self.down16(torch.cat([_twice(p32), p16], 1))
        p8 = self.down8(torch.cat([_twice(p16), p8], 1))
        n16 = self.up16(torch.cat([self.to16(p8), p16], 1))
        n32 = self.up32(torch.cat([self.to32(n16), p32], 1))
        neck = (p8, n16, n32)
        towers = [tower(p) for tower, p in zip(self.towers, neck, strict=True)]
        outs = [out(t) for t, out in zip(towers, self.outs, strict=True)]
        return [Level(*parts) for parts in zip(stages, neck, towers, outs, strict=True)]

    def called(self) -> list[Conv]:
        """Its convolutions in the order of the released graph, which runs a tower and its output together."""
        first = [m for n, m in self.named_modules() if isinstance(m, Conv) and not n.startswith(("towers", "outs"))]
        for tower, out in zip(self.towers, self.outs, strict=True):
            first += [m for m in (*tower.modules(), out) if isinstance(m, Conv)]
        return first


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def normalise(image: Tensor) -> Tensor:
    """uint8 RGB (N, S, S, 3) to BGR float (N, 3, S, S) as the detector was trained on."""
    mean = torch.tensor([103.53, 116.28, 123.675], device=image.device).view(1, 3, 1, 1)
    scale = torch.tensor([0.017429, 0.017507, 0.017125], device=image.device).view(1, 3, 1, 1)
    return (image.permute(0, 3, 1, 2).flip(1).float() - mean) * scale


def load(path: Path) -> NanoDet:
    """The network with the weights of a safetensors file keyed `Conv_<n>.weight`, `Conv_<n>.bias`.

    The released graph also has a fourth level (stride 64), which is not read here. A file with other shapes is an
    error that names the first layer which does not fit.
    """
    weights = load_file(path)
    # The number in a layer's name is its place in the released graph.
    layers = sorted({key.rsplit(".", 1)[0] for key in weights}, key=lambda name: int(name.split("_")[1]))
    extra = {"Conv_436", "Conv_438", "Conv_440", "Conv_442"} | {f"Conv_{n}" for n in (505, 507, 509, 511, 513)}
    # The graph writes the left half of a stride-2 unit after or before the right one; both follow the names' numbers.
    layers = [name for name in layers if name not in extra]
    net = NanoDet()
    convs = net.called()
    if len(convs) != len(layers):
        raise ValueError(f"load {path}: {len(layers)} layers, the network has {len(convs)}")
    with torch.no_grad():
        for conv, layer in zip(convs, layers, strict=True):
            weight, bias = weights[f"{layer}.weight"].float(), weights[f"{layer}.bias"].float()
            if weight.numel() != conv.weight.numel():
                raise ValueError(
                    f"load {path}: {layer} has shape {tuple(weight.shape)}, not {tuple(conv.weight.shape)}"
                )
            conv.weight.copy_(weight.view_as(conv.weight))
            assert conv.bias is not None
            conv.bias.copy_(bias)
    return net.eval()
