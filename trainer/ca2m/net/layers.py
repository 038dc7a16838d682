"""Cross-modal alternate attention (CA²M, Fig. 4) and what it is compared with, layer by layer.

Shapes: P phrases, T visual tokens, L word tokens, C channels. `pos` is the positional code of the visual tokens, added
where attention compares tokens, as in DETR; the words bear theirs from BERT. `pad_mask` is true for padding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CrossAttention(nn.Module):
    """Multi-head cross-attention, MHCA (Eq. 1, 2): `x` gives the queries, `other` the keys, `values` the values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, other: Tensor, values: Tensor, pad_mask: Tensor | None) -> Tensor:
        """x (P, n, C), other and values (P, m, C), pad_mask (P, 1, 1, m) bool or None to (P, n, C)."""
        q, k, v = self._split(self.q(x)), self._split(self.k(other)), self._split(self.v(values))  # Eq. 1
        if x.is_cuda:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=None if pad_mask is None else ~pad_mask)
        else:  # phrases are short: written out, this is several times faster on a processor
            close = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
            mixed = (close if pad_mask is None else close.masked_fill(pad_mask, -1e4)).softmax(-1).to(v.dtype) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))  # Eq. 2

    def weights(self, x: Tensor, other: Tensor) -> Tensor:
        """Mean attention over heads, (P, n, m); rows sum to 1."""
        q, k = self._split(self.q(x)), self._split(self.k(other))
        return (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1).mean(1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Half(nn.Module):
    """One direction of the alternation: x attends to the other, then a feed-forward layer (Eq. 3, 4 or 5, 6)."""

    def __init__(self, width: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.attend = CrossAttention(width, heads)
        self.ffn = nn.Sequential(nn.Linear(width, ffn * width), nn.ReLU(), nn.Linear(ffn * width, width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, pos: Tensor, other: Tensor, other_pos: Tensor, pad_mask: Tensor | None) -> Tensor:
        """x (P, n, C), other (P, m, C), each with its positional code, to (P, n, C)."""
        x = self.norm1(x + self.drop(self.attend(x + pos, other + other_pos, other, pad_mask)))  # Eq. 3 or 5
        return self.norm2(x + self.drop(self.ffn(x)))  # Eq. 4 or 6


class CA2MLayer(nn.Module):
    """Cross-modal alternate attention (Fig. 4): vision attends to language, then language to the updated vision.

    Eq. 5 prints F_v where the text says that the updated F'_v is attended to; this follows the text.
    """

    def __init__(self, width: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.vision, self.language = (Half(width, heads, ffn, dropout) for _ in range(2))

    def forward(self, v: Tensor, lang: Tensor, pos: Tensor, pad_mask: Tensor) -> tuple[Tensor, Tensor]:
        """v (P, T, C), lang (P, L, C), pos (1 or P, T, C), pad_mask (P, 1, 1, L) bool."""
        no_pos = torch.zeros_like(lang[:, :1])
        v = self.vision(v, pos, lang, no_pos, pad_mask)  # F'_v (P, T, C), Eq. 3, 4
        lang = self.language(lang, no_pos, v, pos, None)  # F'_l (P, L, C), Eq. 5, 6
        return v, lang

    def cls_map(self, v: Tensor, lang: Tensor, pos: Tensor, updated: Tensor) -> Tensor:
        """Where [CLS] looks in this layer, (P, T), from what came in and the updated visual tokens (Fig. 9)."""
        return self.language.attend.weights(lang[:, :1], updated + pos)[:, 0]


class EncoderLayer(nn.Module):
    """Table V's other choice: a plain transformer encoder layer over both kinds of tokens together."""

    def __init__(self, width: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.both = Half(width, heads, ffn, dropout)

    def forward(self, v: Tensor, lang: Tensor, pos: Tensor, pad_mask: Tensor) -> tuple[Tensor, Tensor]:
        """As CA2MLayer's."""
        x = torch.cat([v, lang], 1)  # (P, T + L, C)
        x_pos = torch.cat([pos.expand_as(v), torch.zeros_like(lang)], 1)
        no_pad = torch.zeros_like(v[:, :, 0], dtype=torch.bool)[:, None, None]
        x = self.both(x, x_pos, x, x_pos, torch.cat([no_pad, pad_mask], -1))
        return x[:, : v.shape[1]], x[:, v.shape[1] :]

    def cls_map(self, v: Tensor, lang: Tensor, pos: Tensor, updated: Tensor) -> Tensor:
        """As CA2MLayer's; only what came in counts."""
        return self.both.attend.weights(lang[:, :1], v + pos)[:, 0]


Layer = CA2MLayer | EncoderLayer


def sine_pos(grid: int, width: int) -> Tensor:
    """(1, G*G, width): DETR's fixed two-dimensional sine code, half for y and half for x."""
    half = width // 2
    rate = 10000 ** (torch.arange(0, half, 2).float() / half)
    at = (torch.arange(grid).float() + 0.5) / grid * 2 * math.pi
    code = torch.stack([(at[:, None] / rate).sin(), (at[:, None] / rate).cos()], -1).flatten(1)[:, :half]
    y, x = code[:, None].expand(grid, grid, half), code[None].expand(grid, grid, half)
    return torch.cat([y, x], -1).reshape(1, grid * grid, width)
