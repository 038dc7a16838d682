"""Every number that shapes a network or a run, with its unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml


@dataclass(frozen=True)
class Network:
    """What the network is. Stored in every checkpoint and bundle. Defaults are the paper's, with ResNet-50."""

    name: str = "ca2m-r50"
    sight: Literal["resnet50", "resnet101", "nanodet"] = "resnet50"  # visual encoder
    words: str = "bert-base-uncased"  # linguistic encoder: "minilm-l6", or a local Hugging Face BERT folder
    words_width: int = 768  # channels of the linguistic encoder
    image_size: int = 512  # side of the square the network sees, pixels; a multiple of 32
    phrase_len: int = 40  # most tokens of a phrase, [CLS] and [SEP] included
    c0: int = 256  # C_0, channels while grouping
    c1: int = 768  # C_1, channels while merging
    heads0: int = 8  # attention heads while grouping
    heads1: int = 12  # attention heads while merging
    ffn: int = 4  # width of a feed-forward layer, times its channels
    visual_levels: int = 3  # last stages of the visual encoder that are used, 1 to 3 (Table III)
    word_levels: int = 3  # last blocks of the linguistic encoder that are used, 1 to 3 (Table III)
    group_layers: int = 2  # CA²M layers in each grouping branch (Table IV: 3 x this)
    merge_layers: int = 3  # CA²M layers after merging (Table IV)
    layer: Literal["ca2m", "encoder"] = "ca2m"  # Table V compares CA²M with plain transformer encoder layers
    dropout: float = 0.1
    pointing: bool = False  # every visual token gets a score and a box
    noun: bool = False  # pointing: which of the encoder's classes is meant
    rank: bool = False  # pointing: how many other named things stand where
    second: bool = False  # pointing: where the phrase's second thing is
    look: bool = False  # pointing: what the thing looks like
    presence: bool = False  # is it there at all?
    answers: int = 1  # K, boxes of one answer, best first

    @property
    def grid(self) -> int:
        """Visual tokens a side."""
        return self.image_size // 16

    def __post_init__(self) -> None:
        if self.image_size % 32:
            raise ValueError(f"image_size {self.image_size}: must be a multiple of 32")
        if (self.noun or self.look) and self.sight != "nanodet":
            raise ValueError("noun and look need the class scores of the nanodet encoder")
        if (self.rank or self.second) and not self.noun:
            raise ValueError("rank and second count what noun names: switch noun on")
        if (self.noun or self.look or self.presence) and not self.pointing:
            raise ValueError("noun, look and presence are parts of pointing: switch pointing on")


@dataclass(frozen=True)
class Loss:
    """Weights of the losses. The paper's is self-paced alone."""

    self_paced: bool = True
    sigma: float = 2.5  # sigma_0 and sigma_1 at the start (Eq. 10)
    penalty: float = 0.75  # lambda (Eq. 11)
    cls: float = 1.0  # the paper's loss on the [CLS] box
    point: float = 1.0  # cross-entropy over tokens
    box: float = 2.0  # L1 and GIoU of the tokens in the middle of the thing
    noun: float = 0.5
    present: float = 0.5


@dataclass(frozen=True)
class Run:
    """How it is trained."""

    seed: int = 5
    samples: int = 80_000  # pictures with a phrase, in all
    batch: int = 32
    lr: float = 6e-4  # all but the encoders and sigmas
    lr_encoders: float = 0.0  # 0: both encoders are frozen
    lr_sigma: float = 5e-5
    weight_decay: float = 2e-3
    warmup: int = 200  # steps
    drop_at: float = 0.6  # share of the run after which the rate falls
    drop: Literal["linear", "step"] = "linear"  # to 5 % at the end, or at once to a tenth
    clip: float = 1.0  # gradient norm
    ema: float = 0.998  # of the weights, kept beside them; 0: none
    tokens: float = 1.0  # share of the visual tokens that a training step looks at
    tokens_until: float = 0.75  # share of the run after which it looks at all of them
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"


@dataclass(frozen=True)
class Config:
    """Everything that shapes a run. Saved in every checkpoint."""

    network: Network = field(default_factory=Network)
    loss: Loss = field(default_factory=Loss)
    run: Run = field(default_factory=Run)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _section(kind: type, values: dict[str, Any], where: str) -> Any:
    known = {f.name for f in fields(kind)}
    if strange := sorted(set(values) - known):
        raise ValueError(f"{where}: unknown {', '.join(strange)}; known are {', '.join(sorted(known))}")
    return kind(**values)


def from_dict(values: dict[str, Any], where: str = "config") -> Config:
    """Config from nested mappings; an unknown name is an error that lists the known ones."""
    if strange := sorted(set(values) - {"network", "loss", "run"}):
        raise ValueError(f"{where}: unknown section {', '.join(strange)}; known are network, loss, run")
    return Config(
        network=_section(Network, values.get("network") or {}, f"{where}: network"),
        loss=_section(Loss, values.get("loss") or {}, f"{where}: loss"),
        run=_section(Run, values.get("run") or {}, f"{where}: run"),
    )


def names() -> list[str]:
    """Configurations that come with the package."""
    return sorted(p.name.removesuffix(".yaml") for p in (files("ca2m") / "configs").iterdir())


def load(name: str) -> Config:
    """A configuration by name (`ca2m-edge`) or by path of a YAML file."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        text = path.read_text()
    else:
        found = files("ca2m") / "configs" / f"{name}.yaml"
        if not found.is_file():
            raise ValueError(f"no configuration {name!r}: give a .yaml file or one of {', '.join(names())}")
        text = found.read_text()
    return from_dict(yaml.safe_load(text) or {}, where=name)
