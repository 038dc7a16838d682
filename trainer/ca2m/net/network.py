"""CA²M: self-paced multi-grained cross-modal interaction modelling, from a picture and a phrase to a box.

Equation and table numbers are those of "Self-paced Multi-grained Cross-modal Interaction Modeling for Referring
Expression Comprehension". Shapes: N pictures, P phrases (N is 1 or P), T = G*G visual tokens, L word tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from ca2m.config import Network
from ca2m.language.names import COCO80
from ca2m.net import words
from ca2m.net.pointing import Pointing
from ca2m.net.sight import NanoDetSight, Perceived, ResNetSight


class CrossAttention(nn.Module):
    """MHCA (Eq. 1, 2): `x` asks, `other` answers; `seen` says which of the other's tokens exist."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, other: Tensor, values: Tensor, seen: Tensor | None) -> Tensor:
        """x (P, n, C), other and values (P, m, C), seen (P, 1, 1, m) bool to (P, n, C)."""
        q, k, v = self._split(self.q(x)), self._split(self.k(other)), self._split(self.v(values))
        if x.is_cuda:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        else:  # phrases are short: written out, this is several times faster on a processor
            close = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
            mixed = (close if seen is None else close.masked_fill(~seen, -1e4)).softmax(-1).to(v.dtype) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))

    def weights(self, x: Tensor, other: Tensor) -> Tensor:
        """Mean attention over heads, (P, n, m); rows sum to 1."""
        q, k = self._split(self.q(x)), self._split(self.k(other))
        return (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1).mean(1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Half(nn.Module):
    """One direction of the alternation: x asks the other, then a feed-forward layer (Eq. 3, 4 or 5, 6)."""

    def __init__(self, width: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.attend = CrossAttention(width, heads)
        self.ffn = nn.Sequential(nn.Linear(width, ffn * width), nn.ReLU(), nn.Linear(ffn * width, width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, place: Tensor, other: Tensor, other_place: Tensor, seen: Tensor | None) -> Tensor:
        x = self.norm1(x + self.drop(self.attend(x + place, other + other_place, other, seen)))
        return self.norm2(x + self.drop(self.ffn(x)))


class CA2MLayer(nn.Module):
    """Cross-modal alternate attention (Fig. 4): vision asks language, then language asks the updated vision.

    Eq. 5 prints F_v where the text says that the updated F'_v is asked; this follows the text.
    """

    def __init__(self, width: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.vision, self.language = (Half(width, heads, ffn, dropout) for _ in range(2))

    def forward(self, v: Tensor, l: Tensor, place: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:  # noqa: E741
        """v (P, T, C), l (P, L, C), place (1, T, C) of the visual tokens, seen (P, 1, 1, L) bool."""
        nowhere = torch.zeros_like(l[:, :1])
        v = self.vision(v, place, l, nowhere, seen)  # Eq. 3, 4
        l = self.language(l, nowhere, v, place, None)  # noqa: E741  Eq. 5, 6
        return v, l

    def last(self, v: Tensor, l: Tensor, place: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: E741
        """forward, and where [CLS] looks in this layer, (P, T) (Fig. 9)."""
        nowhere = torch.zeros_like(l[:, :1])
        v = self.vision(v, place, l, nowhere, seen)
        attention = self.language.attend.weights(l[:, :1], v + place)[:, 0]
        return v, self.language(l, nowhere, v, place, None), attention


class EncoderLayer(nn.Module):
    """Table V's other choice: a plain transformer encoder layer over both kinds of tokens together."""

    def __init__(self, width: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.both = Half(width, heads, ffn, dropout)

    def forward(self, v: Tensor, l: Tensor, place: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:  # noqa: E741
        x, places, all_seen = self._together(v, l, place, seen)
        x = self.both(x, places, x, places, all_seen)
        return x[:, : v.shape[1]], x[:, v.shape[1] :]

    def last(self, v: Tensor, l: Tensor, place: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: E741
        """forward, and where [CLS] looks in this layer, (P, T)."""
        attention = self.both.attend.weights(l[:, :1], v + place)[:, 0]
        return *self(v, l, place, seen), attention

    @staticmethod
    def _together(v: Tensor, l: Tensor, place: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: E741
        all_seen = torch.cat([torch.ones_like(v[:, :, 0], dtype=torch.bool)[:, None, None], seen], -1)
        places = torch.cat([place.expand_as(v), torch.zeros_like(l)], 1)
        return torch.cat([v, l], 1), places, all_seen


def sine_places(grid: int, width: int) -> Tensor:
    """(1, G*G, width): DETR's fixed two-dimensional sine code, half for y and half for x."""
    half = width // 2
    rate = 10000 ** (torch.arange(0, half, 2).float() / half)
    at = (torch.arange(grid).float() + 0.5) / grid * 2 * math.pi
    code = torch.stack([(at[:, None] / rate).sin(), (at[:, None] / rate).cos()], -1).flatten(1)[:, :half]
    y, x = code[:, None].expand(grid, grid, half), code[None].expand(grid, grid, half)
    return torch.cat([y, x], -1).reshape(1, grid * grid, width)


class Interaction(nn.Module):
    """Grouping and merging (Fig. 3): branches by grain of language, then all grains together."""

    place0: Tensor
    place1: Tensor
    group: Any  # lists of lists of layers, which torch's types cannot say
    merge: Any

    def __init__(self, c: Network, visual_width: int) -> None:
        super().__init__()
        layer = CA2MLayer if c.layer == "ca2m" else EncoderLayer
        width0, self.levels, self.checkpointing = c.c0, c.word_levels, False
        self.project_v = nn.ModuleList(nn.Linear(visual_width, width0) for _ in range(self.levels))
        self.project_l = nn.ModuleList(nn.Linear(c.words_width, width0) for _ in range(self.levels))
        self.group = nn.ModuleList(
            nn.ModuleList(layer(width0, c.heads0, c.ffn, c.dropout) for _ in range(c.group_layers))
            for _ in range(self.levels)
        )
        self.merge = nn.ModuleList(layer(c.c1, c.heads1, c.ffn, c.dropout) for _ in range(c.merge_layers))
        joined = width0 * self.levels
        self.join_v, self.join_l = (nn.Identity() if joined == c.c1 else nn.Linear(joined, c.c1) for _ in range(2))
        self.register_buffer("place0", sine_places(c.grid, width0), persistent=False)
        self.register_buffer("place1", sine_places(c.grid, c.c1), persistent=False)

    def forward(
        self, visual: Tensor, spoken: Tensor, mask: Tensor, place: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """F_v^0 (P, T, D), words (P, 3, L, W), mask (P, L) to F_v^3 (P, T, C_1), F_l^3 (P, L, C_1), [CLS] map (P, T);
        without merging layers the map is zero.

        place: where in the grid the tokens lie, int64 (P, T) or (1, T); None means all of the grid in its order.
        """
        seen = mask[:, None, None, :].bool()
        place0, place1 = self.place0, self.place1
        if place is not None:
            place0, place1 = place0[0][place], place1[0][place]
        vs, ls = [], []
        for i in range(self.levels):
            v = self.project_v[i](visual)
            l = self.project_l[i](spoken[:, spoken.shape[1] - self.levels + i])  # noqa: E741
            for layer in self.group[i]:
                v, l = self._through(layer, v, l, place0, seen)  # noqa: E741
            vs.append(v)
            ls.append(l)
        v, l = self.join_v(torch.cat(vs, -1)), self.join_l(torch.cat(ls, -1))  # noqa: E741  F_v^2, F_l^2
        if not len(self.merge):
            return v, l, v.new_zeros(v.shape[:2])
        for layer in self.merge[:-1]:
            v, l = self._through(layer, v, l, place1, seen)  # noqa: E741
        if self.training:  # nobody looks at the map
            return *self._through(self.merge[-1], v, l, place1, seen), v.new_zeros(v.shape[:2])
        return self.merge[-1].last(v, l, place1, seen)

    def _through(self, layer: nn.Module, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """A layer's outputs; with `checkpointing` what is inside it is not kept for the gradient but computed again."""
        if self.checkpointing and self.training:
            return checkpoint(layer, *inputs, use_reentrant=False)  # type: ignore[no-any-return]
        return layer(*inputs)


@dataclass
class Grounding:
    """What the network says of P phrases; the fields that a configuration lacks are None."""

    cls_box: Tensor  # (P, 4) corner form, the paper's answer
    attention: Tensor  # (P, G*G) of [CLS] over the picture
    scores: Tensor | None = None  # (P, 3 * T) a logit for every candidate: three boxes of each visual token
    boxes: Tensor | None = None  # (P, 3 * T, 4) corner form
    place: Tensor | None = None  # (P, T) int64, the visual tokens' places in the grid
    noun: Tensor | None = None  # (P, 81) logits over the encoder's classes; the last is none of these
    present: Tensor | None = None  # (P,) logit
    match: Tensor | None = None  # (P, 3 * T) a logit each: does this candidate fit the phrase, whatever others do?


class Net(nn.Module):
    """The whole network in the three steps of the bundle: see once a picture, read once a phrase, ground."""

    own_words = False
    """Whether the linguistic encoder learnt, and is kept with the network: its folder does not hold it."""

    def __init__(self, c: Network, encoder: words.Words | None = None) -> None:
        """encoder: the linguistic one, instead of that which c names."""
        super().__init__()
        self.c = c
        self.words = encoder or words.load(c.words)
        if self.words.width != c.words_width:
            raise ValueError(f"words {c.words}: {self.words.width} channels, but words_width is {c.words_width}")
        self.words.requires_grad_(False)
        if c.sight == "nanodet":
            names = words.of_names(self.words, words.tokenizer(c.words, c.phrase_len), COCO80)
            self.sight: Any = NanoDetSight(names, c.c0, c.grid, c.tokens, c.namer)
        else:
            self.sight = ResNetSight(c.sight, c.c0, c.visual_levels, c.grid)
        self.point = Pointing(c, self.sight) if c.pointing else None
        self.interact = Interaction(c, self.point.width if self.point else self.sight.width)
        self.box = nn.Sequential(nn.Linear(c.c1, c.c1), nn.ReLU(), nn.Linear(c.c1, c.c1), nn.ReLU(), nn.Linear(c.c1, 4))

    def train(self, mode: bool = True) -> Net:
        """As torch's, but a frozen linguistic encoder never drops anything out: nobody would learn to bear it."""
        super().train(mode)
        if not any(p.requires_grad for p in self.words.parameters()):
            self.words.eval()
        return self

    def see(self, image: Tensor | Perceived) -> Tensor:
        """uint8 RGB (N, S, S, 3), or what a frozen encoder made of it, to visual tokens (N, T, D)."""
        return self.sight(image) if isinstance(image, Tensor) else self.sight.tell(*image)

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids, mask int64 (P, L) to words (P, 3, L, W)."""
        return self.words(ids, mask)

    def ground(self, visual: Tensor, spoken: Tensor, mask: Tensor) -> Grounding:
        """visual (N, T, D), words (P, 3, L, W), mask (P, L)."""
        visual = visual.expand(spoken.shape[0], -1, -1)
        clue = self.point.clue(visual, spoken, mask) if self.point else None
        place = clue.place if clue and self.c.tokens else None
        v, l, attention = self.interact(clue.tokens if clue else visual, spoken, mask, place)  # noqa: E741
        if place is not None:
            nowhere = (attention[:, :1] * 0).expand(-1, self.c.grid**2)  # keeps P free in the graph
            attention = nowhere.scatter(1, place, attention)
        centre = self.box(l[:, 0]).float().sigmoid()
        cls_box = torch.cat([centre[:, :2] - centre[:, 2:] / 2, centre[:, :2] + centre[:, 2:] / 2], -1)
        said = Grounding(cls_box, attention)
        if self.point and clue:
            told = self.point(clue, v, l[:, 0])
            said.scores, said.boxes, said.noun = told.scores, told.boxes, told.noun
            said.present, said.match = told.present, told.match
            said.place = clue.place
        return said

    def forward(self, image: Tensor | Perceived, ids: Tensor, mask: Tensor, of: Tensor | None = None) -> Grounding:
        """N pictures and P phrases: image as `see` takes it, ids and mask (P, L), of int64 (P,) the picture of each
        phrase; None: each has its own, or all have the only one."""
        visual = self.see(image)
        return self.ground(visual if of is None else visual[of], self.read(ids, mask), mask)


def build(c: Network, encoder: words.Words | None = None) -> Net:
    """The network with its pre-trained linguistic encoder, or the one given; the visual one's weights come by
    ca2m.net.pretrained."""
    return Net(c, encoder)
