from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import Squares

from ca2m.config import Config
from ca2m.learn import begin, train
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed, Numbered, batches
from ca2m.learn.optim import rate
from ca2m.learn.train import Trainer
from ca2m.net import checkpoint
from ca2m.net.answers import pick
from ca2m.net.network import build

HERE = Feed(workers=0)


def losses(c: Config, trainer: Trainer, steps: int) -> list[float]:
    found = []
    for batch in batches(c, Squares(c.network.image_size), trainer.done, HERE, Crew()):
        found.append(float(trainer.step(batch)["loss"]))
        if len(found) == steps:
            break
    return found


def test_a_resumed_run_is_the_unbroken_run(small: Config, tmp_path: Path) -> None:
    c = replace(small, network=replace(small.network, tokens=12), run=replace(small.run, lr_words=1e-4))

    def fresh() -> Trainer:
        torch.manual_seed(1)
        return Trainer(c, build(c.network), torch.device("cpu"))

    whole = fresh()
    unbroken = losses(c, whole, 6)
    first = fresh()
    before = losses(c, first, 3)
    first.save(tmp_path / "last.pt")
    second = fresh()
    torch.manual_seed(99)
    second.resume(tmp_path / "last.pt")
    assert second.done == 3 * c.run.batch
    assert before + losses(c, second, 3) == pytest.approx(unbroken, rel=1e-5)
    for a, b in zip(whole.average.mean.values(), second.average.mean.values(), strict=True):
        torch.testing.assert_close(a, b)


def test_another_run_does_not_go_on(small: Config, tmp_path: Path) -> None:
    Trainer(small, build(small.network), torch.device("cpu")).save(tmp_path / "last.pt")
    for other in (
        replace(small, run=replace(small.run, seed=99)),
        replace(small, loss=replace(small.loss, box=9.0)),
        replace(small, mix=replace(small.mix, hand=0.5)),
    ):
        trainer = Trainer(other, build(other.network), torch.device("cpu"))
        with pytest.raises(ValueError, match="another run"):
            trainer.resume(tmp_path / "last.pt")


def test_a_start_may_lack_match_and_nothing_else(small: Config, tmp_path: Path) -> None:
    net = build(small.network)
    Trainer(small, net, torch.device("cpu")).save(tmp_path / "start.pt")
    grown = replace(small, network=replace(small.network, match=True))
    begun = begin.network(grown, None, tmp_path / "start.pt", False)
    assert begun.c == grown.network
    assert all(torch.equal(v, begun.state_dict()[k]) for k, v in net.state_dict().items())
    larger = replace(small, network=replace(small.network, image_size=128, tokens=20))
    begun = begin.network(larger, None, tmp_path / "start.pt", False)
    assert begun.c == larger.network, "no weight depends on the size of pictures"
    assert all(torch.equal(v, begun.state_dict()[k]) for k, v in net.state_dict().items())
    with pytest.raises(ValueError, match="another network"):
        begin.network(replace(small, network=replace(small.network, look=False)), None, tmp_path / "start.pt", False)


def test_the_mean_of_runs(small: Config, tmp_path: Path) -> None:
    paths = [tmp_path / "0.pt", tmp_path / "1.pt"]
    for k, path in enumerate(paths):
        trainer = Trainer(replace(small, run=replace(small.run, seed=k)), build(small.network), torch.device("cpu"))
        trainer.done = 8
        trainer.save(path)
    checkpoint.mean(paths, tmp_path / "mean.pt")
    one, two, both = (checkpoint.load(path)[1].state_dict() for path in (*paths, tmp_path / "mean.pt"))
    assert not torch.equal(one["box.0.weight"], two["box.0.weight"])
    assert all(torch.allclose((one[k] + two[k]) / 2, v) for k, v in both.items() if v.is_floating_point())
    assert torch.load(tmp_path / "mean.pt")["of"] == [{"seed": 0, "samples": 8}, {"seed": 1, "samples": 8}]
    other = replace(small, network=replace(small.network, look=False))
    Trainer(other, build(other.network), torch.device("cpu")).save(paths[1])
    with pytest.raises(ValueError, match="another network"):
        checkpoint.mean(paths, tmp_path / "mean.pt")


def test_it_learns_and_writes_checkpoint_and_curve(small: Config, tmp_path: Path) -> None:
    c = replace(small, run=replace(small.run, samples=240, batch=8, ema=0.0))
    seen: list[float] = []
    samples = Squares(c.network.image_size, kinds=8)

    def measure(net: torch.nn.Module, crew: Crew) -> dict[str, float]:
        right = 0
        for batch in batches(replace(c, run=replace(c.run, samples=8)), samples, 0, HERE, Crew()):
            with torch.no_grad():
                said = net(batch.image, batch.ids, batch.mask, batch.of)
            best = pick(said.scores, said.boxes, 1, 1.0)[0][:, 0]
            right += int(((best - batch.truth.box).abs().amax(1) < 0.15).sum())
        seen.append(right / 8)
        return {"acc": right / 8}

    train.fit(c, samples, tmp_path, None, measure, feed=HERE, measure_every=120, keep=True)
    assert {p.name for p in tmp_path.glob("at-*.pt")} == {"at-120.pt", "at-240.pt"}
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert best["best"] == {"value": max(seen), "done": 120 if seen[0] >= seen[1] else 240}
    assert best["done"] == best["best"]["done"]
    assert torch.load(tmp_path / "last.pt", weights_only=True)["best"] == best["best"]
    assert (tmp_path / "last.pt").exists() and len((tmp_path / "curve.txt").read_text().splitlines()) == 2
    loaded = checkpoint.load(tmp_path / "last.pt")
    assert loaded[0] == c
    torch.manual_seed(0)
    first, last = losses_of(c, build(c.network)), losses_of(c, loaded[1])
    assert last < 0.8 * first


def test_a_last_measurement_that_fails_loses_nothing(small: Config, tmp_path: Path) -> None:
    c = replace(small, run=replace(small.run, samples=16, batch=8))

    def measure(net: torch.nn.Module, crew: Crew) -> dict[str, float]:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        train.fit(c, Squares(c.network.image_size), tmp_path, None, measure, feed=HERE, measure_every=1000)
    assert torch.load(tmp_path / "last.pt", weights_only=True)["done"] == 16


def losses_of(c: Config, net: torch.nn.Module) -> float:
    trainer = Trainer(c, net, torch.device("cpu"))  # type: ignore[arg-type]
    trainer.net.eval()
    batch = next(batches(c, Squares(c.network.image_size, kinds=8), 0, HERE, Crew()))
    with torch.no_grad():
        return float(trainer.task(batch, "fp32")[1]["point"])


def test_the_crew_shares_every_batch() -> None:
    class Count:
        def sample(self, index: int) -> int:
            return index

    parts = [Numbered(Count(), 8, 24, 8, Crew(r, 2)) for r in (0, 1)]  # type: ignore[arg-type]
    together = [[p[k] for k in range(len(p))] for p in parts]
    assert together == [[8, 9, 10, 11, 16, 17, 18, 19], [12, 13, 14, 15, 20, 21, 22, 23]]


def test_rate_falls_as_configured(small: Config) -> None:
    linear = replace(small, run=replace(small.run, drop_at=0.5))
    assert [round(rate(linear, x), 3) for x in (0.4, 0.75, 1.0)] == [1.0, 0.525, 0.05]
    step = replace(small, run=replace(small.run, drop="step", drop_at=0.5))
    assert [rate(step, x) for x in (0.4, 0.6)] == [1.0, 0.1]


def test_a_batch_that_does_not_divide_is_named(small: Config) -> None:
    with pytest.raises(ValueError, match="batch 4 does not divide among 3"):
        next(batches(small, Squares(96), 0, HERE, Crew(0, 3)))


def test_eyes_in_the_loader_change_nothing(small: Config, tmp_path: Path) -> None:
    c = replace(small, run=replace(small.run, samples=16, micro_batch=3))
    found = []
    for workers in (0, 1):
        net = train.fit(c, Squares(c.network.image_size), tmp_path / str(workers), None, feed=Feed(workers=workers))
        found.append(net.state_dict())
    torch.manual_seed(c.run.seed)
    first = build(c.network).state_dict()
    learnt = [k for k, value in found[0].items() if value.is_floating_point() and (value != first[k]).any()]
    went, apart = (sum(float((a[k] - b[k]).abs().sum()) for k in learnt) for a, b in ((found[0], first), found))
    assert learnt and apart < 0.02 * went  # rounding turns single steps of AdamW around
