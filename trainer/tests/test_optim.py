from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision
from conftest import Squares, paper, shallow_resnet, small_bert
from torch import nn

from ca2m.config import Config, Run
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed, batches
from ca2m.learn.optim import clip, groups
from ca2m.learn.train import Trainer
from ca2m.net import words
from ca2m.net.network import build


@pytest.mark.parametrize(("most", "want"), [(0.0, [3.0, 4.0]), (10.0, [3.0, 4.0]), (1.0, [0.6, 0.8])])
def test_gradients_are_clipped_by_their_norm_and_0_is_off(most: float, want: list[float]) -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.grad = torch.tensor([[3.0, 4.0]])
    assert clip(layer, most) == pytest.approx(5.0)
    torch.testing.assert_close(layer.weight.grad, torch.tensor([want]), rtol=1e-5, atol=0)


def test_a_run_without_clipping_learns_with_whole_gradients(small: Config) -> None:
    c = replace(small, run=replace(small.run, clip=0.0))
    torch.manual_seed(0)
    trainer = Trainer(c, build(c.network), torch.device("cpu"))
    before = trainer.net.state_dict()["box.0.weight"].clone()
    batch = next(batches(c, Squares(c.network.image_size), 0, Feed(workers=0), Crew()))
    told = float(trainer.step(batch)["norm"])
    assert told > 0
    left = torch.stack([p.grad.norm() for p in trainer.net.parameters() if p.grad is not None]).norm()
    assert float(left) == pytest.approx(told, rel=1e-4)
    assert not torch.equal(trainer.net.state_dict()["box.0.weight"], before)


@pytest.mark.parametrize(
    ("encoders", "layers", "want"),
    [
        (0.0, 0.0, {"embeddings": None, "layers": None, "body": None}),
        (0.0, 3e-5, {"embeddings": None, "layers": 3e-5, "body": None}),
        (1e-5, 0.0, {"embeddings": 1e-5, "layers": 1e-5, "body": 1e-5}),
        (1e-5, 3e-5, {"embeddings": 1e-5, "layers": 3e-5, "body": 1e-5}),
    ],
)
def test_the_words_learn_at_their_own_rate(
    small: Config, encoders: float, layers: float, want: dict[str, float | None]
) -> None:
    c = replace(small, run=replace(small.run, lr_encoders=encoders, lr_words=layers))
    net = build(c.network)
    found = groups(c, net, nn.Linear(1, 1))
    rates = {id(p): g["lr"] for g in found for p in g["params"] if p.requires_grad}
    parts = {"embeddings": net.words.embeddings, "layers": net.words.layers, "body": net.sight.body}
    assert {k: {rates.get(id(p)) for p in part.parameters()} for k, part in parts.items()} == {
        k: {rate} for k, rate in want.items()
    }
    every = [id(p) for g in found for p in g["params"]]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("frozen", [False, True])
def test_the_stem_stays_where_it_is_frozen(frozen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "resnet50", shallow_resnet)
    c = paper(small_bert(tmp_path), f"run.freeze_stem={str(frozen).lower()}", "run.batch=2", "run.decay_sigma=0.5")
    torch.manual_seed(0)
    trainer = Trainer(c, build(c.network), torch.device("cpu"))
    assert [g["weight_decay"] for g in trainer.opt.param_groups] == [1e-4, 0.5, 1e-4]
    before = {k: v.clone() for k, v in trainer.net.sight.body.state_dict().items()}
    trainer.step(next(batches(c, Squares(64), 0, Feed(workers=0), Crew())))
    moved = {k.split(".")[0] for k, v in trainer.net.sight.body.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"layer2", "layer3", "layer4"} | (set() if frozen else {"conv1", "layer1"})


def test_the_words_attention_is_dropped_out_in_training_only(tmp_path: Path) -> None:
    encoder = words.load(str(small_bert(tmp_path)))
    for part in encoder.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0  # BERT's others
    ids = torch.tensor([[2, 5, 7, 3]])
    kept = encoder(ids, torch.ones_like(ids))
    torch.testing.assert_close(encoder.train()(ids, torch.ones_like(ids)), kept)
    encoder.attention_dropout = 0.5
    torch.manual_seed(0)
    one, two = (encoder(ids, torch.ones_like(ids)) for _ in range(2))
    assert not torch.equal(one, two) and not torch.equal(one, kept)
    torch.testing.assert_close(encoder.eval()(ids, torch.ones_like(ids)), kept)


def test_a_clip_below_0_is_named() -> None:
    with pytest.raises(ValueError, match=r"run.clip -1"):
        Run(clip=-1)
