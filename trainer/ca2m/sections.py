"""The sections of a configuration: every number that shapes a network or a run, with its unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SIGHTS = ("resnet50", "resnet101", "nanodet")
"""Visual encoders beside those of timm."""


@dataclass(frozen=True)
class Network:
    """What the network is. Stored in every checkpoint and bundle. Defaults are the paper's, with ResNet-50."""

    name: str = "ca2m-r50"
    sight: str = "resnet50"  # visual encoder: resnet50, resnet101, nanodet, or timm/NAME of a model of timm
    namer: Literal["", "efficientnet-lite0", "efficientnet-lite2"] = ""  # beside nanodet: tells candidates' names
    classifies: bool = False  # namer: with the words of its own 1000 class names
    words: str = "bert-base-uncased"  # linguistic encoder: "minilm-l6", or a local Hugging Face BERT or RoBERTa folder
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
    merge_layers: int = 3  # CA²M layers after merging (Table IV; 0: none look, for ablation)
    layer: Literal["ca2m", "encoder"] = "ca2m"  # Table V compares CA²M with plain transformer encoder layers
    dropout: float = 0.1  # in every CA²M layer; the paper is silent, 0.1 is DETR's and TransVG's
    tokens: int = 0  # visual tokens that CA²M looks at, likeliest things first; 0: all of the grid
    pointing: bool = False  # every visual token gets a score and a box
    noun: bool = False  # pointing: which of the encoder's classes is meant
    rank: bool = False  # pointing: how many other named things stand where
    second: bool = False  # pointing: where the phrase's second thing is
    look: bool = False  # pointing: what the thing looks like
    presence: bool = False  # is it there at all?
    match: bool = False  # presence: does a candidate fit the phrase, whatever the others do?
    answers: int = 1  # K, boxes of one answer, best first

    @property
    def grid(self) -> int:
        """Visual tokens a side."""
        return self.image_size // 16

    def __post_init__(self) -> None:
        if self.sight not in SIGHTS and not (self.sight.startswith("timm/") and len(self.sight) > 5):
            raise ValueError(f"network.sight: is {self.sight!r}; one of {', '.join(SIGHTS)}, timm/NAME is meant")
        if self.image_size % 32:
            raise ValueError(f"image_size {self.image_size}: must be a multiple of 32")
        for name, heads in (("c0", self.heads0), ("c1", self.heads1)):
            width = getattr(self, name)
            if heads < 1 or width % heads or width % 2:
                raise ValueError(f"network.{name} {width}: must be even, and a multiple of its {heads} heads")
        for name in ("visual_levels", "word_levels"):
            if not 1 <= getattr(self, name) <= 3:
                raise ValueError(f"network.{name} {getattr(self, name)}: must be 1 to 3")
        if (self.noun or self.look or self.tokens) and self.sight != "nanodet":
            raise ValueError("noun, look and tokens need the class scores of the nanodet encoder")
        if self.namer and not (self.sight == "nanodet" and self.look):
            raise ValueError(f"network.namer {self.namer}: tells what nanodet's candidates look like: switch look on")
        if self.classifies and not self.namer:
            raise ValueError("network.classifies: what a namer does: give network.namer")
        if self.tokens and not self.grid**2 // 4 <= self.tokens <= self.grid**2:
            raise ValueError(f"tokens {self.tokens}: must be {self.grid**2 // 4} to {self.grid**2}, or 0 for all")
        if (self.rank or self.second) and not self.noun:
            raise ValueError("rank and second count what noun names: switch noun on")
        if self.match and not self.presence:
            raise ValueError("match is a part of presence: switch presence on")
        if (self.noun or self.look or self.presence) and not self.pointing:
            raise ValueError("noun, look and presence are parts of pointing: switch pointing on")
        if self.pointing and self.sight != "nanodet":
            raise ValueError(f"network.pointing: needs the boxes of the nanodet encoder, not {self.sight}")


@dataclass(frozen=True)
class Loss:
    """Weights of the losses. The paper's is self-paced alone."""

    self_paced: bool = True
    sigma: float = 2.5  # sigma_0 and sigma_1 at the start (Eq. 10)
    sigma_least: float = (
        1.0  # both stay at or above this: d is at most e^16, since L1 is at most 4 (the paper is silent)
    )
    sigma_most: float = 10.0  # and at or below this, where d is at most e^0.16 and nothing is paced
    penalty: float = 0.75  # lambda (Eq. 11)
    detach: bool = False  # no gradient of a loss through its own weight d (Eq. 10); sigmas learn alike either way
    cls: float = 1.0  # the paper's loss on the [CLS] box
    point: float = 1.0  # cross-entropy over tokens
    box: float = 2.0  # L1 and GIoU of the tokens in the middle of the thing
    noun: float = 0.5
    present: float = 0.5
    match: float = 0.5

    def __post_init__(self) -> None:
        if not 0.75 <= self.sigma_least <= self.sigma <= self.sigma_most:
            raise ValueError(
                f"loss.sigma {self.sigma}: must be sigma_least {self.sigma_least} to sigma_most {self.sigma_most}, and "
                "sigma_least 0.75 or more: below that gradients overflow"
            )


@dataclass(frozen=True)
class Run:
    """How it is trained. Defaults are the paper's schedule on one data set (Section IV-B)."""

    seed: int = 5
    samples: int = 80_000  # pictures with a phrase, in all, where epochs is 0
    epochs: float = 120.0  # rounds over the training phrases; where it is set, samples follow from the data
    batch: int = 192  # samples of one step, over all processes
    micro_batch: int = 0  # samples that a process learns from at a time, gradients added up; 0: its whole share
    lr: float = 1e-4  # all but the encoders and sigmas
    lr_encoders: float = 1e-5  # 0: both encoders are frozen, but for what lr_words says
    lr_words: float = 0.0  # of the linguistic encoder's layers; its embeddings learn at lr_encoders. 0: as lr_encoders
    lr_sigma: float = 5e-5
    weight_decay: float = 1e-4  # of all but the sigmas
    decay_sigma: float = 0.0  # of the sigmas: "a weight decay of 1e-4" of "the whole network" leaves it open
    words_attention_dropout: float = 0.1  # of BERT's attention where it learns; the paper is silent, 0.1 is BERT's own
    freeze_stem: bool = False  # a ResNet's stem and layer1, as DETR and TransVG do; the paper: "end-to-end optimized"
    warmup: int = 0  # steps
    drop_at: float = 0.6667  # share of the run after which the rate falls: epoch 80
    drop: Literal["linear", "step"] = "step"  # to 5 % at the end, or at once to a tenth
    clip: float = 0.1  # most that the gradient norm may be; 0: not clipped. The paper names none, 0.1 is DETR's
    ema: float = 0.0  # of the weights, kept beside them; 0: none
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    tf32: bool = True  # on a GPU: float32 products with ten bits of mantissa, several times faster
    deterministic: bool = False  # on a GPU: the same seed gives the same run wherever torch can, slower
    compile: bool = False  # torch.compile: minutes at the start, then faster or not (`ca2m speed` tells)
    checkpointing: bool = False  # layers are computed again for the gradient: far less memory, a third slower
    sight_weights: str = ""  # file of the visual encoder's pre-trained weights, for the first start
    leave_out: tuple[str, ...] = ()  # photos that hold a thing of these names are not trained on
    anchor: float = 0.0  # pull towards the weights that the run began with, as weight decay pulls towards zero

    def __post_init__(self) -> None:
        if self.clip < 0:
            raise ValueError(f"run.clip {self.clip}: must be above 0, or 0 for no clipping")
        if not 0 <= self.words_attention_dropout < 1:
            raise ValueError(f"run.words_attention_dropout {self.words_attention_dropout}: must be 0 to below 1")


@dataclass(frozen=True)
class Augment:
    """How training pictures vary. The paper names the transforms, not how far they go: the numbers are ours, and
    `ca2m show` draws what comes of them. `plain` crops, mirrors and lights as augment.py says, fast; of the numbers, it
    takes `flip`."""

    recipe: Literal["plain", "torchvision"] = "torchvision"
    flip: float = 0.5  # share that is mirrored, left and right in the phrase, too
    turn: float = 4.0  # degrees at most; half of this and of the next three where the phrase says a place
    shear: float = 2.0  # degrees at most
    zoom: float = 0.1  # larger or smaller by this share at most
    shift: float = 0.08  # of the picture's side at most, each way
    keep: float = 0.95  # share of the named box that stays in the picture at least
    brightness: float = 0.25  # times 1 - this to 1 + this; contrast and saturation likewise
    contrast: float = 0.25
    saturation: float = 0.25
    hue: float = 0.0  # of the colour circle at most; beyond 0.02 another colour word fits
    blur: float = 0.2  # share that is blurred
    sigma: float = 1.5  # of the blur at most, pixels

    def __post_init__(self) -> None:
        for name, most in (("flip", 1), ("blur", 1), ("keep", 1), ("zoom", 0.5), ("shift", 0.5), ("hue", 0.02)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"augment.{name} {getattr(self, name)}: must be 0 to {most}")
        for name, most in (("turn", 45), ("shear", 45), ("brightness", 1), ("contrast", 1), ("saturation", 1)):
            if not 0 <= getattr(self, name) < most:
                raise ValueError(f"augment.{name} {getattr(self, name)}: must be at least 0 and below {most}")


@dataclass(frozen=True)
class DataSet:
    """One file to train on, where there are several."""

    refs: str  # refs.jsonl
    weight: float = 0.0  # share of the samples, against the other files' weights; 0: none has one (mix.temperature)

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"data {self.refs}: weight {self.weight} must be above 0")


@dataclass(frozen=True)
class Mix:
    """Shares of the training samples where labelled photos are given; the rest is rule-written over mosaics. Without
    labelled photos nothing is written by rule, and no photo put beside another: hand-written phrases fill those shares.
    The paper knows hand-written phrases of what is there alone.
    """

    hand: float = 1.0  # hand-written phrases of what is there
    absent: float = 0.0  # phrases of what is not there
    rows: float = 0.0  # rule-written ones for the middle, the ends and the second or third of three and more alike
    beside: float = 0.0  # of the hand-written: a labelled photo, which lacks what they name, is put beside theirs
    temperature: float = 1.0  # several refs files without weights: shares as phrases ** (1 / temperature); 1: as merged
    alike: bool = False  # what is there and what is not are said in the same forms and words, as far as rules can tell

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"mix.temperature {self.temperature}: must be above 0")
        shares = (self.hand, self.absent, self.rows)
        if min(shares) < 0 or sum(shares) > 1 or self.absent > self.hand or not 0 <= self.beside <= 1:
            raise ValueError(
                f"mix: hand {self.hand}, absent {self.absent}, rows {self.rows}: 0 to 1 together, hand above absent; "
                f"beside {self.beside}: 0 to 1"
            )
