from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ca2m import config
from ca2m.config import Config, Network
from ca2m.geometry import pairwise_iou
from ca2m.net import nanodet, network, words
from ca2m.net.ca2m import CA2M
from ca2m.net.candidates import Candidates
from ca2m.net.network import Net, build, visual_encoder
from ca2m.net.pointing import counts

PHRASES = ["left", "the second person from the right with a red hat", "dog"]


def picture(c: Network, n: int = 1) -> torch.Tensor:
    rng = np.random.default_rng(3)
    return torch.from_numpy(rng.integers(0, 256, (n, c.image_size, c.image_size, 3), dtype=np.uint8))


@torch.no_grad()
def test_shapes(net: Net) -> None:
    c = net.c
    ids, mask = words.encode(words.tokenizer(c.words, c.phrase_len), PHRASES)
    visual, spoken = net.see(picture(c)), net.read(ids, mask)
    tokens = c.grid**2
    assert visual.shape == (1, tokens, net.sight.width)
    assert spoken.shape == (3, 3, ids.shape[1], c.words_width)
    said = net.ground(visual, spoken, mask)
    assert said.cls_box.shape == (3, 4)
    assert said.scores.shape == (3, 3 * tokens) and said.boxes.shape == (3, 3 * tokens, 4)
    assert said.noun.shape == (3, 81) and said.present.shape == (3,)
    torch.testing.assert_close(said.attention.sum(1), torch.ones(3))


@torch.no_grad()
@pytest.mark.parametrize("layer", ["ca2m", "encoder"])
def test_padding_never_changes_an_answer(small: Config, layer: str) -> None:
    net = build(replace(small.network, layer=layer)).eval()
    tok = words.tokenizer(net.c.words, net.c.phrase_len)
    visual = net.see(picture(net.c))
    ids, mask = words.encode(tok, PHRASES)
    together = net.ground(visual, net.read(ids, mask), mask)
    for i, phrase in enumerate(PHRASES):
        ids, mask = words.encode(tok, [phrase])
        alone = net.ground(visual, net.read(ids, mask), mask)
        for field in ("cls_box", "scores", "boxes", "noun", "present", "attention"):
            a, b = getattr(together, field)[i], getattr(alone, field)[0]
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5, msg=f"{phrase}: {field}")


def test_the_middle_of_a_row_is_told() -> None:
    for count in (3, 5):
        x = (torch.arange(count) + 0.5) / count
        box = torch.stack([x - 0.05, torch.full_like(x, 0.4), x + 0.05, torch.full_like(x, 0.7)], -1)[None]
        faint = torch.tensor([[[0.0, 0.1, 0.04, 0.2]]])  # half seen, far to the left
        box, hint = torch.cat([box, faint], 1), torch.cat([torch.full((1, count), 0.8), torch.full((1, 1), 0.3)], 1)
        middle = counts(hint, box, pairwise_iou(box).clamp(max=1))[0, :count, 14]
        assert middle.argmax() == count // 2 and middle.max() > 2 * middle.sort().values[-2]


def test_match_begins_as_if_it_were_not_there(small: Config) -> None:
    torch.manual_seed(0)
    plain = build(small.network).eval()
    net = build(replace(small.network, match=True)).eval()
    net.load_state_dict(plain.state_dict(), strict=False)
    ids, mask = words.encode(words.tokenizer("minilm-l6", 40), PHRASES)
    a, b = plain(picture(net.c), ids, mask), net(picture(net.c), ids, mask)
    torch.testing.assert_close(a.present, b.present)
    torch.testing.assert_close(a.scores, b.scores)
    assert a.match is None and b.match is not None and b.match.shape == b.scores.shape
    with pytest.raises(ValueError, match="presence"):
        replace(small.network, presence=False, match=True)


@pytest.mark.parametrize("off", ["rank", "second", "look", "presence", "noun"])
def test_each_path_can_be_switched_off(small: Config, off: str) -> None:
    changed = {off: False} | ({"rank": False, "second": False} if off == "noun" else {})
    net = build(replace(small.network, **changed)).eval()
    ids, mask = words.encode(words.tokenizer("minilm-l6", 40), ["dog"])
    said = net(picture(net.c), ids, mask)
    assert (said.present is None) == (off == "presence")
    assert (said.noun is None) == (off == "noun")
    assert torch.isfinite(said.scores).all()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"layer": "encoder"},
        {"visual_levels": 1},
        {"word_levels": 1},
        {"visual_levels": 2, "word_levels": 2},
        {"group_layers": 1, "merge_layers": 1},
        {"group_layers": 0, "merge_layers": 9},
    ],
)
def test_the_papers_network_and_its_ablations_are_configurations(changed: dict) -> None:
    c = replace(config.load("ca2m-r50").network, words="minilm-l6", words_width=384, image_size=64, **changed)
    net = build(c).eval()
    ids, mask = words.encode(words.tokenizer("minilm-l6", 40), ["a dog on the left"])
    said = net(picture(c), ids, mask)
    assert said.cls_box.shape == (1, 4) and said.scores is None and said.present is None
    said.cls_box.sum().backward()
    assert all(p.grad is not None for n, p in net.interact.named_parameters() if "vision" not in n or "merge" not in n)


def test_wrong_configurations_are_named() -> None:
    with pytest.raises(ValueError, match="unknown wdith"):
        config.from_dict({"network": {"wdith": 3}})
    with pytest.raises(ValueError, match="multiple of 32"):
        Network(image_size=300)
    with pytest.raises(ValueError, match="tokens 5: must be 100 to 400"):
        replace(config.load("ca2m-edge").network, tokens=5)
    with pytest.raises(ValueError, match="no configuration 'ca2m-none'"):
        config.load("ca2m-none")


@torch.no_grad()
def test_fewer_tokens_keep_the_best_of_every_four_neighbours(small: Config) -> None:
    torch.manual_seed(0)
    whole = build(small.network).eval()
    few = build(replace(small.network, tokens=12)).eval()
    few.load_state_dict(whole.state_dict())
    image = picture(small.network)
    every, chosen = whole.sight.candidates(whole.see(image)), few.sight.candidates(few.see(image))
    assert (every.index == torch.arange(36)).all() and chosen.index.unique().numel() == 12
    for part in ("features", "scores", "boxes", "colours"):
        rows = getattr(every, part)[0, chosen.index[0]]
        torch.testing.assert_close(getattr(chosen, part)[0], rows)
    best = every.scores.amax((2, 3)).view(3, 2, 3, 2)
    kept = torch.zeros(36, dtype=torch.bool).scatter(0, chosen.index[0], True).view(3, 2, 3, 2)
    assert ((best * kept).amax((1, 3)) == best.amax((1, 3))).all()


@torch.no_grad()
def test_attention_is_told_of_the_whole_grid(small: Config) -> None:
    net = build(replace(small.network, tokens=12)).eval()
    ids, mask = words.encode(words.tokenizer("minilm-l6", 40), PHRASES)
    said = net.ground(net.see(picture(net.c)), net.read(ids, mask), mask)
    assert said.attention.shape == (3, 36) and ((said.attention > 0).sum(1) == 12).all()
    torch.testing.assert_close(said.attention.sum(1), torch.ones(3))


@torch.no_grad()
def test_detector_equals_the_released_one(data: Path) -> None:
    detector = nanodet.load(data / "weights/nanodet-plus-m_416.safetensors")
    golden = np.load(data / "weights/nanodet-golden.npz")
    found = detector(torch.from_numpy(golden["input"].astype(np.float32)))
    for level, blob in zip(found, ("blob_1440", "blob_1465", "blob_1490"), strict=True):
        np.testing.assert_allclose(level.tower.numpy(), golden[blob].astype(np.float32), atol=0.05)
    outs = [torch.cat([level.out[:, :80].sigmoid(), level.out[:, 80:]], 1).flatten(2) for level in found]
    rows = torch.cat(outs, 2).transpose(1, 2)
    np.testing.assert_allclose(rows.numpy(), golden["output"][:, : rows.shape[1]].astype(np.float32), atol=0.1)


def test_frozen_words_drop_nothing_out(small: Config) -> None:
    net = build(small.network).train()
    ids, mask = words.encode(words.tokenizer("minilm-l6", 40), ["dog"])
    torch.testing.assert_close(net.read(ids, mask), net.read(ids, mask), rtol=0, atol=0)


@torch.no_grad()
def test_the_papers_network_alone_answers_as_in_the_whole_and_has_its_names() -> None:
    c = replace(config.load("ca2m-r50").network, words="minilm-l6", words_width=384, image_size=64)
    torch.manual_seed(0)
    net = build(c).eval()
    alone = CA2M(c, visual_encoder(c, net.words), words.load(c.words)).eval()
    assert [k for k, _ in alone.named_parameters()] == [k for k, _ in net.named_parameters()]
    alone.load_state_dict(net.state_dict())
    ids, mask = words.encode(words.tokenizer("minilm-l6", 40), PHRASES)
    image = picture(c, len(PHRASES))
    torch.testing.assert_close(alone(image, ids, mask), net(image, ids, mask).cls_box, rtol=0, atol=0)


class Guess(torch.nn.Module):
    """An encoder of five classes that says the same of every picture: who finds candidates may have a pointing head."""

    width = 7

    def __init__(self, c: Network) -> None:
        super().__init__()
        self.class_words, self.body = torch.nn.functional.normalize(torch.rand(5, c.words_width)), torch.nn.Identity()
        self.c0, self.tokens = c.c0, c.grid**2

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(image), self.tokens, self.width)

    def candidates(self, visual: torch.Tensor) -> Candidates:
        shape = (len(visual), self.tokens, 3)
        low, index = torch.full((*shape, 2), 0.25), torch.arange(self.tokens).expand(shape[:2])
        each = (
            torch.rand(*shape, self.c0),
            torch.rand(*shape, 5),
            torch.cat([low, low + 0.5], -1),
            torch.rand(*shape, 27),
        )
        return Candidates(*each, index)


def test_pointing_takes_any_encoder_that_finds_candidates(small: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "visual_encoder", lambda c, encoder: Guess(c))
    net = build(small.network).eval()
    ids, mask = words.encode(words.tokenizer("minilm-l6", 40), PHRASES)
    found = net(picture(small.network), ids, mask)
    assert found.noun is not None and found.noun.shape == (3, 6) and found.scores.shape == (3, 108)
    assert torch.isfinite(found.present).all()
