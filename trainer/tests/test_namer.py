"""The second encoder: the released network rebuilt, boxes pooled, nothing changed where it has not learnt yet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ca2m import config
from ca2m.config import Config
from ca2m.data.augment import Pictures, square
from ca2m.device import autocast
from ca2m.infer.runtime import session_of
from ca2m.learn import begin
from ca2m.learn.eyes import Eyes, SwiftEyes
from ca2m.learn.loss import Criterion
from ca2m.learn.optim import groups
from ca2m.learn.train import Trainer
from ca2m.net import checkpoint, efficientnet, pretrained
from ca2m.net.efficientnet import EfficientNetLite, Stage
from ca2m.net.namer import AT, Namer, pooled
from ca2m.net.network import Net, build
from ca2m.ship import export, quantise
from ca2m.ship.export import FrameGraph, example
from ca2m.ship.graphs import expanded, folded

LITE = "efficientnet-lite0"


@pytest.fixture(scope="module", params=["tells", "classifies"])
def named(request: pytest.FixtureRequest) -> Config:
    """ca2m-edge with a namer, narrow, on a small picture; and with one that classifies."""
    narrow = ("image_size=96", "tokens=0", "c0=16", "c1=48", "heads0=1", "group_layers=1", "merge_layers=1")
    changes = [*(f"network.{n}" for n in narrow), f"network.namer={LITE}", "run.samples=8", "run.batch=4"]
    changes.append(f"network.classifies={str(request.param == 'classifies').lower()}")
    return config.load("ca2m-edge", changes)


def adding(net: Net) -> list[nn.Linear]:
    """The layers that bring in what the namer says."""
    sight = net.sight
    return [m for m in (sight.adds, sight.named, sight.adds_words, sight.named_words) if m is not None]


@pytest.fixture(scope="module")
def filled(named: Config) -> Net:
    net = build(named.network).eval()
    pretrained.namer(net)
    return net


def test_convolutions_are_padded_as_tensorflow_does_and_batch_norm_is_folded() -> None:
    """Against plain layers with batch norm apart; TensorFlow's SAME gives an output of side/stride and pads the rest in
    halves, one more at the end."""
    torch.manual_seed(0)
    stages = (Stage(1, 3, 1, 1, 8), Stage(2, 5, 2, 6, 8), *(Stage(1, 3, 2, 6, 8),) * 2, *(Stage(1, 3, 1, 6, 8),) * 3)
    own, state = EfficientNetLite(stages), dict[str, Tensor]()
    for k, cin in ((k, 32 if k == 0 else 8) for k in range(8)):
        wide, size = cin * (1 if k == 0 else 6), 5 if k in (1, 2) else 3
        rows = [("_expand_conv", 0, (wide, cin, 1, 1))] if k else []
        rows += [("_depthwise_conv", 1, (wide, 1, size, size)), ("_project_conv", 2, (8, wide, 1, 1))]
        for name, n, shape in rows:
            _fill(state, f"_blocks.{k}.{name}", f"_blocks.{k}._bn{n}", shape)
    _fill(state, "_conv_stem", "_bn0", (32, 3, 3, 3))
    _fill(state, "_conv_head", "_bn1", (1280, 8, 1, 1))
    state |= {"_fc.weight": torch.randn(1000, 1280), "_fc.bias": torch.randn(1000)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(efficientnet.STAGES, LITE, stages)
        own, weight, _ = efficientnet.load(LITE, state)
        with pytest.raises(ValueError, match="more than the network: strange"):
            efficientnet.load(LITE, state | {"strange": torch.zeros(1)})
        with pytest.raises(ValueError, match="no tensor '_bn1.running_var'"):
            efficientnet.load(LITE, {k: v for k, v in state.items() if k != "_bn1.running_var"})
        with pytest.raises(ValueError, match="_conv_head has shape"):
            efficientnet.load(LITE, state | {"_conv_head.weight": torch.zeros(1280, 9, 1, 1)})
    assert weight is state["_fc.weight"]
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        middle, last = own(x)
        y = F.relu6(_plain(state, "_conv_stem", "_bn0", x, 2, 1))
        for k, stride in enumerate((1, 2, 1, 2, 2, 1, 1, 1)):
            z, name = y, f"_blocks.{k}"
            z = F.relu6(_plain(state, f"{name}._expand_conv", f"{name}._bn0", z, 1, 1)) if k else z
            z = F.relu6(_plain(state, f"{name}._depthwise_conv", f"{name}._bn1", z, stride, z.shape[1]))
            z = _plain(state, f"{name}._project_conv", f"{name}._bn2", z, 1, 1)
            y = y + z if stride == 1 and k else z
            if k == 5:
                torch.testing.assert_close(middle, y, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(last, F.relu6(_plain(state, "_conv_head", "_bn1", y, 1, 1)), rtol=1e-3, atol=1e-3)
    assert middle.shape[2:] == (4, 6)


def _fill(state: dict[str, Tensor], conv: str, norm: str, shape: tuple[int, ...]) -> None:
    state[f"{conv}.weight"] = torch.randn(shape) / np.sqrt(np.prod(shape[1:]))
    for name in ("weight", "bias", "running_mean", "running_var"):
        state[f"{norm}.{name}"] = torch.rand(shape[0]) + 0.5
    state[f"{norm}.num_batches_tracked"] = torch.tensor(1)


def _plain(state: dict[str, Tensor], conv: str, norm: str, x: Tensor, stride: int, groups: int) -> Tensor:
    weight = state[f"{conv}.weight"]
    pads = []
    for side in (x.shape[3], x.shape[2]):
        more = max((-(-side // stride) - 1) * stride + weight.shape[2] - side, 0)
        pads += [more // 2, more - more // 2]
    y = F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)
    gain, lift, mean, var = (state[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var"))
    return F.batch_norm(y, mean, var, gain, lift, eps=1e-3)


@pytest.mark.parametrize("name", sorted(efficientnet.STAGES))
def test_released_weights_know_their_classes(name: str, data: Path) -> None:
    """Of 60 ImageNet photos, whose class the data names, more than a half: the paper says 75 and 77 of 100, chance is 1
    of 1000."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES as NAMES

    images = json.loads((data / "photos" / "annotations.json").read_text())["images"]
    shown = [(i["file_name"], i["imagenet_class"]) for i in images if NAMES.count(i.get("imagenet_class")) == 1][:60]
    assert len(shown) == 60
    net, weight, bias = efficientnet.load(name, efficientnet.released(name))
    right = 0
    for file, said in shown:
        pixels = square(Pictures().get(str(data / "photos" / file)), 224)
        with torch.no_grad():
            seen = net(efficientnet.normalise(torch.from_numpy(pixels)[None]))[1].mean((2, 3))
        right += NAMES[int((seen @ weight.T + bias).argmax())] == said
    assert right > 30


def test_a_missing_package_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="install the package efficientnet-lite9-pytorch-model"):
        efficientnet.released("efficientnet-lite9")


def test_boxes_are_pooled_as_bilinear_samples() -> None:
    torch.manual_seed(1)
    seen, low = torch.randn(2, 5, 6, 9), torch.rand(2, 7, 2) * 1.4 - 0.3
    boxes = torch.cat([low, low + torch.rand(2, 7, 2)], -1)
    at = torch.tensor(AT)
    x, y = (boxes[..., k : k + 1] + (boxes[..., k + 2 : k + 3] - boxes[..., k : k + 1]) * at for k in (0, 1))
    places = torch.stack([x[..., None, :].expand(2, 7, 3, 3), y[..., None].expand(2, 7, 3, 3)], -1).flatten(2, 3)
    want = F.grid_sample(seen, places * 2 - 1, align_corners=False, padding_mode="border").mean(3).transpose(1, 2)
    torch.testing.assert_close(pooled(seen, boxes), want, rtol=1e-4, atol=1e-5)


def test_a_namer_that_has_not_learnt_changes_nothing(named: Config, filled: Net, tmp_path: Path) -> None:
    """A run with a namer begins with the answers of the weights that it starts from."""
    torch.manual_seed(3)
    plain = replace(named, network=replace(named.network, namer="", classifies=False))
    trainer = Trainer(plain, build(plain.network), torch.device("cpu"))
    trainer.save(tmp_path / "plain.pt")
    before = checkpoint.load(tmp_path / "plain.pt")[1]
    net = begin.network(named, None, tmp_path / "plain.pt", False).eval()
    inputs = example(named.network, net, ["the red cup", "dog"])
    with torch.no_grad():
        a, b = (n(inputs["frame"][0], *inputs["phrase"]) for n in (before, net))
        torch.testing.assert_close(a.boxes, b.boxes, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(a.scores, b.scores, rtol=1e-4, atol=1e-4)
    own, released = net.sight.namer.state_dict(), filled.sight.namer.state_dict()
    assert all(torch.equal(v, own[k]) for k, v in released.items()), "filled from the package"
    assert not named.network.classifies or net.sight.namer.class_words.norm(dim=1).min() > 0.9
    with pytest.raises(ValueError, match="namer is efficientnet-lite0 there and  here"):
        trainer = Trainer(named, net, torch.device("cpu"))
        trainer.save(tmp_path / "named.pt")
        begin.network(plain, None, tmp_path / "named.pt", False)
    again = checkpoint.load(tmp_path / "named.pt")[1]
    assert torch.equal(again.sight.namer.tell.weight, released["tell.weight"]), "a checkpoint holds it"


def test_what_a_box_shows_is_said_in_the_words_of_its_classes(named: Config, filled: Net) -> None:
    """Where all of a picture shows a class, its name's words are said; where two are as likely, the mean of both."""
    namer = filled.sight.namer
    if not namer.words_width:
        assert not hasattr(namer, "classify")
        return
    assert len(efficientnet.names()) == efficientnet.CLASSES == len(namer.class_words)
    two, of = torch.zeros(1000), namer.class_words
    two[[3, 7]] = 40.0
    weight, bias = namer.classify.weight.clone(), namer.classify.bias.clone()
    with torch.no_grad():
        namer.classify.weight.zero_()
        namer.classify.bias.copy_(two)
        words = namer(torch.zeros(1, 96, 96, 3, dtype=torch.uint8), torch.rand(1, 4, 3, 4))[1]
        namer.classify.weight.copy_(weight)
        namer.classify.bias.copy_(bias)
    torch.testing.assert_close(words, ((of[3] + of[7]) / 2 * 8).expand(1, 4, 3, -1), rtol=1e-4, atol=1e-5)


def test_the_namer_stays_and_what_it_adds_learns(named: Config, filled: Net) -> None:
    groups(named, filled, Criterion(named.loss, named.network.grid))
    learns = {n for n, p in filled.sight.named_parameters() if p.requires_grad}
    assert len(adding(filled)) == 2 + 2 * named.network.classifies
    assert {"adds.weight", "named.weight"} <= learns and ("named_words.weight" in learns) == named.network.classifies
    assert not [n for n in learns if n.startswith(("namer.", "body."))]
    inputs = example(named.network, filled, ["the red cup"])
    said = filled(inputs["frame"][0], *inputs["phrase"])
    assert said.scores is not None
    said.scores.square().sum().backward()
    for layer in adding(filled):
        assert layer.weight.grad is not None and layer.weight.grad.abs().sum() > 0
    filled.zero_grad()


def test_eyes_and_the_graph_see_what_the_network_sees(named: Config, filled: Net, tmp_path: Path) -> None:
    image = example(named.network, filled, ["cup"], pictures=2)["frame"][0]
    with torch.no_grad():
        for layer in adding(filled):
            nn.init.normal_(layer.weight, std=0.1)
        want = filled.see(image)
        assert want.shape[2] == filled.sight.width
        for eyes in (Eyes(filled.sight, autocast("fp32", torch.device("cpu"))), SwiftEyes(filled.sight, 96)):
            raw, seen = eyes(image)
            wide = [filled.sight.namer.width, 384][: 1 + named.network.classifies]
            assert [tuple(r.shape) for r in raw[3:]] == [(2, 36, 3, w) for w in wide]
            torch.testing.assert_close(filled.sight.tokens_of(raw, seen), want, rtol=1e-3, atol=1e-3)
        assert torch.equal(FrameGraph(filled)(image), want)
        for layer in adding(filled):
            nn.init.zeros_(layer.weight)


def test_pixels_go_in_as_the_classifier_knows_them(filled: Net) -> None:
    image = torch.full((1, 32, 32, 3), 255, dtype=torch.uint8)
    image[..., 1:] = 127
    x = efficientnet.normalise(image)
    assert x.shape == (1, 3, 32, 32) and (x[0, 0] == 1).all() and (x[0, 1:] == 0).all()
    assert isinstance(filled.sight.namer, Namer)


def test_eight_bits_are_for_the_namer_alone(named: Config, filled: Net, tmp_path: Path) -> None:
    """Boxes and scores of the detector stay as they are, to rounding; what the namer says moves a little: activations
    in 0..6 have steps of 6/255, and features normalised to a deviation of 1 stay well within a half of it."""
    inputs = example(named.network, filled, ["cup"])["frame"]
    with torch.no_grad():
        for layer in adding(filled):
            nn.init.eye_(layer.weight)
        export._write(FrameGraph(filled), inputs, ["image"], ["visual"], tmp_path / "frame.onnx", ({0: "N"},))
        want = filled.sight.candidates(filled.see(inputs[0]))
        for layer in adding(filled):
            nn.init.zeros_(layer.weight)
    nodes = quantise.inner(folded(expanded(tmp_path / "frame.onnx")))
    assert nodes and all("/namer/" in name for name in nodes)
    quantise.static(tmp_path / "frame.onnx", [inputs[0][0].numpy()], "minmax", tmp_path / "int8.onnx")
    (visual,) = session_of(tmp_path / "int8.onnx", 1).run(None, {"image": inputs[0].numpy()})
    got = filled.sight.candidates(torch.from_numpy(visual))
    for name in ("boxes", "scores", "colours"):
        torch.testing.assert_close(getattr(got, name), getattr(want, name), rtol=1e-3, atol=1e-3)
    assert got.named is not None and want.named is not None and not torch.equal(got.named, want.named)
    assert (got.named - want.named).abs().mean() < 0.5
