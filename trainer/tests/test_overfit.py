"""Learning itself: sixteen samples by heart, and self-pacing on what is hard."""

from __future__ import annotations

from dataclasses import replace

import torch
from conftest import Squares

from ca2m.config import Config
from ca2m.geometry import iou_giou
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Batch, Feed, batches
from ca2m.learn.loss import by_quarter
from ca2m.learn.train import Trainer
from ca2m.net.answers import pick
from ca2m.net.network import Net, build


def right(net: Net, batch: Batch) -> float:
    """Acc@0.5 of the best box."""
    with torch.no_grad():
        said = net.eval()(batch.image, batch.ids, batch.mask, batch.of)
    net.train()
    assert said.scores is not None and said.boxes is not None
    best = pick(said.scores, said.boxes, 1, 1.0)[0][:, 0]
    return float((iou_giou(best, batch.truth.box)[0] > 0.5).float().mean())


def test_sixteen_samples_are_learnt_by_heart_and_hard_ones_weigh_more(small: Config) -> None:
    run = replace(small.run, samples=16 * 90, batch=16, lr=4e-3, warmup=5)
    c = replace(small, network=replace(small.network, dropout=0.0), loss=replace(small.loss, cls=1.0), run=run)
    torch.manual_seed(0)
    trainer = Trainer(c, build(c.network), torch.device("cpu"))
    before, gap, batch = None, [], None
    for batch in batches(c, Squares(c.network.image_size, kinds=16), 0, Feed(workers=0), Crew()):
        before = right(trainer.net, batch) if before is None else before
        parts = trainer.step(batch)
        gap.append(float(parts["d_hard"] - parts["d_easy"]))
        if len(gap) % 15 == 0 and right(trainer.net, batch) == 1.0:
            break
    assert before is not None and before < 0.7 and batch is not None
    assert right(trainer.net, batch) == 1.0, f"not after {len(gap)} steps"
    assert min(gap) > 0

    # On the real losses of the samples: what is hard for this network weighs more, and pulls harder than it is.
    said = trainer.net(batch.image, batch.ids, batch.mask, batch.of)
    loss, d = trainer.criterion.paced(said.cls_box, batch.truth.box)
    hard, easy = by_quarter(loss, d)
    assert hard > easy >= 1
    plain = 1 - iou_giou(said.cls_box, batch.truth.box)[1]
    order = plain.argsort()
    assert (d[order[-4:], 1] > d[order[:4], 1]).all()
