"""The network of a configuration: the paper's (ca2m.net.ca2m), and around it pointing and presence, each switchable.

Shapes: N pictures, P phrases (N is 1 or P), T visual tokens of a grid of G*G, L word tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ca2m.config import Network
from ca2m.language.names import COCO80
from ca2m.net import words
from ca2m.net.backbones import PREFIX, TimmEncoder
from ca2m.net.ca2m import CA2M, Maps
from ca2m.net.pointing import Pointing
from ca2m.net.sight import NanoDetEncoder, Perceived, ResNetEncoder
from ca2m.net.words import TextEncoder


@dataclass
class Grounding:
    """What the network says of P phrases; the fields that a configuration lacks are None."""

    cls_box: Tensor  # (P, 4) corner form, the paper's answer
    attention: Tensor  # (P, G*G) of [CLS] over the picture
    scores: Tensor | None = None  # (P, 3 * T) a logit for every candidate: three boxes of each visual token
    boxes: Tensor | None = None  # (P, 3 * T, 4) corner form
    index: Tensor | None = None  # (P, T) int64, the visual tokens' places in the grid
    noun: Tensor | None = None  # (P, 81) logits over the encoder's classes; the last is none of these
    present: Tensor | None = None  # (P,) logit
    match: Tensor | None = None  # (P, 3 * T) a logit each: does this candidate fit the phrase, whatever others do?


class Net(CA2M):
    """The whole network in the three steps of the bundle: see once a picture, read once a phrase, ground."""

    own_words = False
    """Whether the linguistic encoder learnt, and is kept with the network: its folder does not hold it."""

    def __init__(self, c: Network, encoder: TextEncoder | None = None) -> None:
        """encoder: the linguistic one, instead of that which c names."""
        encoder = encoder or words.load(c.words)
        if encoder.width != c.words_width:
            raise ValueError(f"words {c.words}: {encoder.width} channels, but words_width is {c.words_width}")
        encoder.requires_grad_(False)
        sight = visual_encoder(c, encoder)
        point = Pointing(c, sight) if c.pointing else None
        super().__init__(c, sight, encoder, point.width if point else sight.width)
        self.point = point

    def train(self, mode: bool = True) -> Net:
        """As torch's, but a frozen linguistic encoder never drops anything out: nobody would learn to bear it."""
        super().train(mode)
        if not any(p.requires_grad for p in self.words.parameters()):
            self.words.eval()
        return self

    def see(self, image: Tensor | Perceived) -> Tensor:
        """uint8 RGB (N, S, S, 3), or what a frozen encoder made of it, to visual tokens (N, T, D)."""
        return self.sight(image) if isinstance(image, Tensor) else self.sight.tokens_of(*image)  # type: ignore[no-any-return, operator]

    def ground(self, visual: Tensor, words: Tensor, mask: Tensor, maps: Maps | None = None) -> Grounding:
        """visual (N, T, D), words (P, 3, L, W), mask (P, L). maps: layers whose [CLS] maps are wanted, too."""
        visual = visual.expand(words.shape[0], -1, -1)
        clue = self.point.clue(visual, words, mask) if self.point else None
        index = clue.index if clue and self.c.tokens else None
        wanted = {} if maps is None else maps
        last = self.interact.merge[-1] if len(self.interact.merge) and not self.training else None
        if last is not None:
            wanted[last] = None  # in training nobody looks at it
        v, lang = self.interact(clue.tokens if clue else visual, words, mask, index, wanted)
        answer = Grounding(self.box(lang[:, 0]), self._on_grid(wanted.get(last) if last else None, v, index))
        if self.point and clue:
            pointed = self.point(clue, v, lang[:, 0])
            answer.scores, answer.boxes, answer.noun = pointed.scores, pointed.boxes, pointed.noun
            answer.present, answer.match = pointed.present, pointed.match
            answer.index = clue.index
        return answer

    def _on_grid(self, attention: Tensor | None, v: Tensor, index: Tensor | None) -> Tensor:
        """A map over the tokens as one over the grid, (P, G*G): zero where there is no token, or no map."""
        attention = v.new_zeros(v.shape[:2]) if attention is None else attention
        if index is None:
            return attention
        nothing = (attention[:, :1] * 0).expand(-1, self.c.grid**2)  # keeps P free in the graph
        return nothing.scatter(1, index, attention)

    def forward(  # type: ignore[override]  # pointing answers with more than the paper's box
        self, image: Tensor | Perceived, ids: Tensor, mask: Tensor, of: Tensor | None = None
    ) -> Grounding:
        """N pictures and P phrases: image as `see` takes it, ids and mask (P, L), of int64 (P,) the picture of each
        phrase; None: each has its own, or all have the only one."""
        visual = self.see(image)
        return self.ground(visual if of is None else visual[of], self.read(ids, mask), mask)


def visual_encoder(c: Network, encoder: TextEncoder) -> Any:
    """The visual encoder that c names, without its pre-trained weights. encoder: reads the names of its classes."""
    if c.sight == "nanodet":
        names = words.of_names(encoder, words.tokenizer(c.words, c.phrase_len), COCO80)
        return NanoDetEncoder(names, c.c0, c.grid, c.tokens, c.namer, c.classifies)
    if c.sight.startswith(PREFIX):
        return TimmEncoder(c.sight, c.c0, c.visual_levels, c.grid, c.image_size)
    return ResNetEncoder(c.sight, c.c0, c.visual_levels, c.grid)


def build(c: Network, encoder: TextEncoder | None = None) -> Net:
    """The network with its pre-trained linguistic encoder, or the one given; the visual one's weights come by
    ca2m.net.pretrained."""
    return Net(c, encoder)
