"""The paper's network, alone: a picture and a phrase to a box (Fig. 3).

Equation, figure and table numbers are those of "Self-paced Multi-grained Cross-modal Interaction Modeling for Referring
Expression Comprehension". Shapes: P phrases, each with its picture, T = G*G visual tokens, L word tokens with [CLS]
first, C_0 channels while grouping and C_1 while merging, W of the linguistic encoder.

| Fig. 3 | here |
|---|---|
| visual encoder: last three stages of a ResNet, F_v^0 | `see`: ca2m.net.sight |
| linguistic encoder: a six-layer BERT in three blocks, F_l,1 F_l,2 F_l,3 | `read`: ca2m.net.words |
| multi-grained cross-modal attention: grouping, then merging | `interact`: Interaction |
| CA²M (Fig. 4, Eq. 1-6) | ca2m.net.layers |
| multi-layer perceptron on [CLS] | `box`: BoxHead |
| self-paced sample informativeness learning (Eq. 7-11) | ca2m.learn.loss.SelfPaced |
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ca2m.config import Network
from ca2m.geometry import corners
from ca2m.net.layers import CA2MLayer, EncoderLayer, Layer, sine_pos
from ca2m.net.sight import VisualEncoder
from ca2m.net.words import TextEncoder

Maps = dict[Layer, Tensor | None]
"""Layers whose attention of [CLS] over the visual tokens is wanted; filled in with (P, T) each as they run (Fig. 9)."""


class Interaction(nn.Module):
    """Multi-grained cross-modal attention (Fig. 3): grouping in a branch for each grain of language, then merging."""

    pos0: Tensor
    pos1: Tensor
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
        self.register_buffer("pos0", sine_pos(c.grid, width0), persistent=False)
        self.register_buffer("pos1", sine_pos(c.grid, c.c1), persistent=False)

    def forward(
        self, visual: Tensor, words: Tensor, mask: Tensor, index: Tensor | None = None, maps: Maps | None = None
    ) -> tuple[Tensor, Tensor]:
        """F_v^0 (P, T, D), F_l,i (P, 3, L, W), mask (P, L), 0 for padding, to F_v^3 (P, T, C_1), F_l^3 (P, L, C_1).

        index: where in the grid the visual tokens lie, int64 (P or 1, T); None means all of the grid in its order.
        """
        pad_mask = (mask == 0)[:, None, None, :]  # (P, 1, 1, L)
        pos0, pos1 = (p if index is None else p[0][index] for p in (self.pos0, self.pos1))  # (1 or P, T, C_0), ... C_1
        vs, langs = [], []
        for i, branch in enumerate(self.group):  # grouping: visual tokens of all grains with one grain of words each
            v = self.project_v[i](visual)  # (P, T, C_0)
            lang = self.project_l[i](words[:, words.shape[1] - self.levels + i])  # F_l,i^0 (P, L, C_0)
            for layer in branch:
                v, lang = self._through(layer, v, lang, pos0, pad_mask, maps)  # F_v,i^1, F_l,i^1: (P, T or L, C_0)
            vs.append(v)
            langs.append(lang)
        v = self.join_v(torch.cat(vs, -1))  # F_v^2 (P, T, C_1), all grains side by side
        lang = self.join_l(torch.cat(langs, -1))  # F_l^2 (P, L, C_1)
        for layer in self.merge:  # merging
            v, lang = self._through(layer, v, lang, pos1, pad_mask, maps)  # F_v^3, F_l^3: (P, T or L, C_1)
        return v, lang

    def _through(
        self, layer: Layer, v: Tensor, lang: Tensor, pos: Tensor, pad_mask: Tensor, maps: Maps | None
    ) -> tuple[Tensor, Tensor]:
        """A layer's outputs; with `checkpointing` what is inside it is not kept for the gradient but computed again."""
        if self.checkpointing and self.training:
            return checkpoint(layer, v, lang, pos, pad_mask, use_reentrant=False)  # type: ignore[no-any-return]
        updated, read = layer(v, lang, pos, pad_mask)
        if maps is not None and layer in maps:
            maps[layer] = layer.cls_map(v, lang, pos, updated)
        return updated, read


class BoxHead(nn.Sequential):
    """The final [CLS] state through a three-layer perceptron to the box (Section III-B)."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4))

    def forward(self, cls: Tensor) -> Tensor:
        """(P, C_1) to corner form (P, 4); (x, y, w, h) is within 0..1 of the picture."""
        return corners(super().forward(cls).float().sigmoid())


class CA2M(nn.Module):
    """The paper's network: one box, from [CLS]."""

    def __init__(self, c: Network, sight: VisualEncoder, words: TextEncoder, visual_width: int = 0) -> None:
        """visual_width: of the tokens that `interact` gets, where these are not the encoder's own."""
        super().__init__()
        self.c = c
        self.words = words
        self.sight = sight
        self.interact = Interaction(c, visual_width or sight.width)
        self.box = BoxHead(c.c1)

    def forward(self, image: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Pictures uint8 RGB (P, S, S, 3), ids and mask int64 (P, L) to boxes (P, 4) in corner form, 0..1."""
        visual = self.see(image)  # F_v^0 (P, T, 3 * C_0)
        words = self.read(ids, mask)  # F_l,1 F_l,2 F_l,3 (P, 3, L, W)
        v, lang = self.interact(visual, words, mask)  # F_v^3 (P, T, C_1), F_l^3 (P, L, C_1)
        return self.box(lang[:, 0])  # type: ignore[no-any-return]  # (x, y, w, h) from [CLS], (P, 4)

    def see(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, S, S, 3) to visual tokens (N, T, D)."""
        return self.sight(image)  # type: ignore[no-any-return]

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids, mask int64 (P, L) to words (P, 3, L, W)."""
        return self.words(ids, mask)  # type: ignore[no-any-return]
