"""The pointing head: every visual token scores three candidate boxes, helped by what is known without learning.

Noun: which of the encoder's classes is meant. Rank: how many other named things stand left, right, above, below.
Second: where the phrase's second thing is. Look: what the thing looks like. Each can be switched off, and is not built
then. It needs an encoder that finds candidates (ca2m.net.candidates), whichever it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ca2m.config import Network
from ca2m.geometry import areas, pairwise_iou
from ca2m.net.candidates import COLOURS, LEVELS, LOOK, NamesCandidates

COUNTS, BESIDE = 20, 6  # numbers that `counts` and `beside` tell of a token


class Pool(nn.Module):
    """Attention pooling of a phrase's words."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(width, 1)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """(P, L, W), mask (P, L) to (P, W)."""
        weight = self.weigh(words).float().squeeze(-1).masked_fill(mask == 0, -1e4).softmax(1)
        return (words.float() * weight[..., None]).sum(1)


class Noun(nn.Module):
    """Words to classes: cosine with the class names' own words, so that it answers before any training."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.pool = Pool(width)
        self.turn = nn.Linear(width, width)
        nn.init.eye_(self.turn.weight)
        nn.init.zeros_(self.turn.bias)
        self.other = nn.Linear(width, 1)  # "none of these"
        self.scale = nn.Parameter(torch.tensor(8.0))
        self.bias = nn.Parameter(torch.zeros(classes + 1))

    def forward(self, words: Tensor, mask: Tensor, names: Tensor) -> Tensor:
        """The last word layer (P, L, W), mask (P, L), names (classes, W) to logits (P, classes + 1)."""
        z = self.pool(words, mask)
        close = self.scale * F.normalize(self.turn(z), dim=1) @ names.T
        return torch.cat([close, self.other(z)], 1) + self.bias


@dataclass
class Clue:
    """What is known of every token before the network looks; rows are tokens."""

    tokens: Tensor  # (P, T, width) the visual tokens that CA²M gets
    looks: Tensor  # (P, T, 3, C_0 + 27) what a token looks like, by stride
    hints: Tensor  # (P, T, 3) how much of the named thing is here, 0..1
    boxes: Tensor  # (P, T, 3, 4) candidate boxes
    ranks: Tensor  # (P, T, 26) counts and the second thing; zero where switched off
    noun: Tensor | None  # (P, classes + 1) logits
    second: Tensor  # (P,) best hint of the second thing
    last: Tensor  # (P, L, W) the last word layer
    mask: Tensor  # (P, L)
    index: Tensor  # (P, T) int64, in the grid
    named: Tensor | None  # (P, T, 3, LOOK) what the namer says of it


@dataclass
class Pointed:
    """What the head says of P phrases; three candidates of each token."""

    scores: Tensor  # (P, 3T)
    boxes: Tensor  # (P, 3T, 4) corner form
    noun: Tensor | None  # (P, classes + 1) logits
    present: Tensor | None = None  # (P,) logit
    match: Tensor | None = None  # (P, 3T) a logit each, whatever the other candidates' are


class Pointing(nn.Module):
    """Scores and boxes for all candidates, three a token, from clues and from what CA²M made of the tokens."""

    names: Tensor

    def __init__(self, c: Network, encoder: NamesCandidates) -> None:
        super().__init__()
        self.c = c
        self.candidates = encoder.candidates
        self.register_buffer("names", encoder.class_words, persistent=False)
        self.width = LEVELS * (c.c0 + COLOURS + 1 + 4) + COUNTS + BESIDE
        self.classes = len(encoder.class_words)
        wide = c.words_width
        if c.noun or c.presence:  # presence reads "none of these"
            self.noun = Noun(wide, self.classes)
        if c.second or c.presence:  # and how surely the second thing is there
            self.noun2 = Noun(wide, self.classes)
        if c.noun:
            self.hint_weight = nn.Parameter(torch.tensor(1.0))
        self.skip = nn.Linear(self.width, c.c1)
        self.dense = nn.Sequential(nn.Linear(2 * c.c1, c.c1), nn.ReLU())
        self.dense_out = _zero(nn.Linear(c.c1, LEVELS * 5))
        if c.rank or c.second:
            self.rank_pool = Pool(wide)
            self.rank_read = nn.Sequential(nn.Linear(wide, 128), nn.ReLU(), _zero(nn.Linear(128, COUNTS + BESIDE)))
        if c.look:
            self.look_pool = Pool(wide)
            self.look_read = nn.Linear(wide, LOOK)
            self.look_see = nn.Sequential(nn.Linear(c.c0 + COLOURS, 192), nn.ReLU(), nn.Linear(192, LOOK))
            self.look_weight = nn.Parameter(torch.tensor(0.1))
        if c.presence:
            self.present = nn.Sequential(nn.Linear(2 * c.c1 + 5, 64), nn.ReLU(), nn.Linear(64, 1))
        if c.match:
            self.fit = _zero(nn.Linear(c.c1, LEVELS))
            self.fit_weight = nn.Parameter(torch.tensor([0.0, 0.0, 0.3]))  # of look, of the hint and in presence

    def clue(self, visual: Tensor, words: Tensor, mask: Tensor) -> Clue:
        """visual (P, T, D), words (P, 3, L, W), mask (P, L)."""
        candidates = self.candidates(visual)
        last = words[:, -1]
        noun = self.noun(last, mask, self.names) if self.c.noun or self.c.presence else None
        hints = candidates.scores.amax(-1) if noun is None or not self.c.noun else self._hints(candidates.scores, noun)
        hint, level = hints.max(-1)  # (P, T)
        box = candidates.boxes.gather(2, level[..., None, None].expand(-1, -1, 1, 4))[:, :, 0]
        second = torch.zeros_like(hint)
        if self.c.second or self.c.presence:
            second = self._hints(candidates.scores, self.noun2(last, mask, self.names)).amax(-1)
        ranks = self._ranks(hint, box, second)
        known = (candidates.features, candidates.colours, hints[..., None] * 6, candidates.boxes * 4 - 2)
        tokens = torch.cat([*(k.flatten(2) for k in known), ranks], -1)
        looks = torch.cat([candidates.features, candidates.colours], -1)
        best = second.amax(1)
        return Clue(
            tokens, looks, hints, candidates.boxes, ranks, noun, best, last, mask, candidates.index, candidates.named
        )

    def _hints(self, scores: Tensor, noun: Tensor) -> Tensor:
        """Class scores (P, T, 3, classes), logits (P, classes + 1) to (P, T, 3): how much of the class is here."""
        return torch.einsum("ptkc,pc->ptk", scores, noun.softmax(1)[:, : self.classes])

    def _ranks(self, hint: Tensor, box: Tensor, second: Tensor) -> Tensor:
        """Best hints (P, T), their boxes (P, T, 4) and the second thing's hints (P, T) to (P, T, 26)."""
        if not (self.c.rank or self.c.second):
            return hint.new_zeros((*hint.shape, COUNTS + BESIDE))
        with torch.no_grad():
            iou = pairwise_iou(box).clamp(max=1)
            counted = counts(hint, box, iou) if self.c.rank else hint.new_zeros((*hint.shape, COUNTS))
        apart = beside(box, iou, second) if self.c.second else hint.new_zeros((*hint.shape, BESIDE))
        return torch.cat([counted, apart], -1)

    def forward(self, clue: Clue, v: Tensor, cls: Tensor) -> Pointed:
        """F_v^3 (P, T, C_1), [CLS] (P, C_1)."""
        hidden = self.dense(torch.cat([v, self.skip(clue.tokens)], -1))
        dense = self.dense_out(hidden).float().unflatten(-1, (LEVELS, 5))
        size = (clue.boxes[..., 2:] - clue.boxes[..., :2]).clamp(min=0.04)
        boxes = clue.boxes + 0.25 * dense[..., 1:] * torch.cat([size, size], -1)
        scores, look = dense[..., 0], None
        if self.c.noun:
            scores = scores + self.hint_weight * (clue.hints + 0.02).log()
        if self.c.rank or self.c.second:
            wanted = self.rank_read(self.rank_pool(clue.last, clue.mask))
            scores = scores + torch.einsum("ptr,pr->pt", clue.ranks, wanted)[..., None]
        if self.c.look:
            look = self._look(clue)
            scores = scores + self.look_weight * look
        pointed = Pointed(scores.flatten(1), boxes.flatten(1, 2), clue.noun if self.c.noun else None)
        if self.c.presence:
            pointed.present = self._present(clue, scores, hidden, cls)
        if self.c.match:
            fit = self.fit(hidden).float() + self.fit_weight[1] * (clue.hints + 0.02).log()
            fit = fit if look is None else fit + self.fit_weight[0] * look
            pointed.match = fit.flatten(1)
            chosen = (scores.detach().flatten(1).softmax(1) * pointed.match).sum(1)
            pointed.present = pointed.present + self.fit_weight[2] * chosen
        return pointed

    def _look(self, clue: Clue) -> Tensor:
        """(P, T, 3): how much each candidate looks like what the phrase says."""
        wanted = self.look_read(self.look_pool(clue.last, clue.mask))
        looks = self.look_see(clue.looks) if clue.named is None else self.look_see(clue.looks) + clue.named
        return torch.einsum("ptkr,pr->ptk", looks, wanted).float()

    def _present(self, clue: Clue, scores: Tensor, hidden: Tensor, cls: Tensor) -> Tensor:
        """(P,) logit, from [CLS], the tokens pointed at, the best two scores, the best hints and "none of these"."""
        assert clue.noun is not None
        top = scores.detach().amax(2).topk(2, 1).values
        chosen = scores.detach().flatten(1).softmax(1).view_as(scores).sum(2)  # (P, T)
        best = torch.einsum("pt,ptc->pc", chosen, hidden.float())
        none, hint = clue.noun.softmax(1)[:, self.classes :].detach(), clue.hints.amax((1, 2)).detach()[:, None]
        known = [cls.float(), best, top, hint, none, clue.second.detach()[:, None]]
        return self.present(torch.cat(known, 1))[:, 0]  # type: ignore[no-any-return]


def counts(hint: Tensor, box: Tensor, iou: Tensor) -> Tensor:
    """What counting tells of each token, (P, T, 20), from hints (P, T), boxes (P, T, 4) and their IoU (P, T, T).

    Tokens that show one thing share its weight, so that every named thing counts about once, however many tokens
    it covers.
    """
    x, y = (box[..., 0] + box[..., 2]) / 2, (box[..., 1] + box[..., 3]) / 2
    size = areas(box).clamp(min=1e-4).log()
    sure = (hint / hint.amax(1, keepdim=True).clamp(min=0.05)).clamp(max=1) ** 2
    weight = sure * sure / torch.einsum("ptu,pu->pt", iou**3, sure).clamp(min=1e-4)
    apart = 1 - iou

    def count(value: Tensor, blur: float) -> Tensor:
        """How many things have a plainly lower value than each token."""
        lower = torch.sigmoid((value[:, :, None] - value[:, None]) / blur - 2)
        return torch.einsum("ptu,pu->pt", lower * apart, weight)

    n = [count(x, 0.02), count(-x, 0.02), count(y, 0.025), count(-y, 0.025), count(size, 0.12), count(-size, 0.12)]
    left, right = n[0], n[1]
    total = weight.sum(1, keepdim=True).expand_as(x)
    off = (left - right) / (left + right).clamp(min=1)  # a share: what is half seen makes a row no longer
    middle = (-6 * off**2).exp() * (1 - (-total.clamp(max=4) / 2).exp())
    rows = [(-1.5 * k).exp() for k in n] + [k.clamp(max=4) / 4 for k in n]
    rows += [(-4 * (left - 1) ** 2).exp(), (-4 * (right - 1) ** 2).exp(), middle, total.clamp(max=4) / 4]
    return torch.stack([*rows, x, y, size / 4 + 1, sure], -1)


def beside(box: Tensor, iou: Tensor, second: Tensor) -> Tensor:
    """Where each token is to the second thing, (P, T, 6), from boxes, their IoU and the second hints (P, T).

    The gradient goes through the hints: there are no labels for the second noun.
    """
    x, y = (box[..., 0] + box[..., 2]) / 2, (box[..., 1] + box[..., 3]) / 2
    there = (second / second.amax(1, keepdim=True).clamp(min=0.02)) ** 3
    there = there / there.sum(1, keepdim=True).clamp(min=1e-4)
    sure = second.amax(1, keepdim=True).expand_as(x)
    dx, dy = x - (there * x).sum(1, keepdim=True), y - (there * y).sum(1, keepdim=True)
    apart = (x[:, :, None] - x[:, None]) ** 2 + (y[:, :, None] - y[:, None]) ** 2
    near = torch.einsum("ptu,pu->pt", (-18 * apart).exp(), there)
    over = torch.einsum("ptu,pu->pt", iou, there)
    return torch.stack([dx * sure, dy * sure, (dx**2 + dy**2 + 1e-9).sqrt(), near, over, sure], -1)


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
