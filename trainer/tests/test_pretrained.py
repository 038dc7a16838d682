"""Pre-trained parts from files in the layouts that people have."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import BertConfig, BertForPreTraining, BertModel

from ca2m import config
from ca2m.config import Config
from ca2m.net import nanodet, network, pretrained, words
from ca2m.net.network import Net


@pytest.fixture(scope="module")
def net() -> Net:
    """ca2m-r50 in small, with a linguistic encoder that needs no files."""
    changes = {"words_width": 32, "image_size": 64, "c0": 16, "c1": 48, "heads0": 2, "heads1": 2, "group_layers": 1}
    c = replace(config.load("ca2m-r50").network, **changes)  # type: ignore[arg-type]
    tiny = BertConfig(vocab_size=20, hidden_size=32, num_hidden_layers=6, num_attention_heads=2, intermediate_size=32)
    return Net(c, words.TextEncoder(BertModel(tiny, add_pooling_layer=False)))


@pytest.fixture(scope="module")
def resnet() -> dict[str, Tensor]:
    """torchvision's names: fc and num_batches_tracked with them."""
    torch.manual_seed(7)
    return torchvision.models.resnet50(weights=None).state_dict()


def detr_of(resnet: dict[str, Tensor]) -> dict[str, Any]:
    """The layout of detr-r50-e632da11.pth; of the transformer a few tensors."""
    own = {k: v for k, v in resnet.items() if not k.startswith("fc.") and not k.endswith("num_batches_tracked")}
    beside = ["transformer.encoder.layers.0.linear1.weight", "class_embed.weight", "bbox_embed.layers.2.bias"]
    beside += ["query_embed.weight", "input_proj.bias"]
    return {"model": {f"backbone.0.body.{k}": v for k, v in own.items()} | {k: torch.zeros(2) for k in beside}}


def saved(kind: str, resnet: dict[str, Tensor], folder: Path) -> Path:
    path = folder / "weights.pth"
    if kind == "safetensors":
        path = folder / "weights.safetensors"
        save_file(resnet, path)
    elif kind == "detr":
        torch.save(detr_of(resnet), path)
    elif kind == "detr, in training":
        torch.save(detr_of(resnet) | {"args": argparse.Namespace(lr=1e-4), "epoch": 3}, path)
    else:
        torch.save({"state_dict": {f"module.{k}": v for k, v in resnet.items()}} if "nested" in kind else resnet, path)
    return path


@pytest.mark.parametrize("kind", ["torchvision", "torchvision, nested", "safetensors", "detr", "detr, in training"])
def test_a_resnet_sees_as_its_file_does(
    net: Net, resnet: dict[str, Tensor], tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    with torch.no_grad():
        for p in net.sight.parameters():
            p.fill_(0.01)
    with caplog.at_level(logging.INFO, "ca2m"):
        pretrained.sight(net, saved(kind, resnet, tmp_path))
    whole = torchvision.models.resnet50(weights=None).eval()
    whole.load_state_dict(resnet)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        want = whole.layer4(
            whole.layer3(whole.layer2(whole.layer1(whole.maxpool(whole.relu(whole.bn1(whole.conv1(x)))))))
        )
        torch.testing.assert_close(net.sight.body(x)["layer4"], want, rtol=1e-4, atol=1e-4)
    said = caplog.messages[-1]
    assert "265 tensors taken" in said
    assert ("transformer (1), class_embed (1)" if "detr" in kind else "fc (2)") in said


def test_what_does_not_fit_is_listed(net: Net, resnet: dict[str, Tensor], tmp_path: Path) -> None:
    state = dict(resnet)
    del state["layer3.1.conv2.weight"]
    state["layer4.0.bn1.bias"] = torch.zeros(3)
    state["layer5.conv.weight"] = torch.zeros(1, 2)
    torch.save(state, tmp_path / "bad.pth")
    with pytest.raises(ValueError) as told:
        pretrained.sight(net, tmp_path / "bad.pth")
    assert str(told.value).split("\n  ")[1:] == [
        "missing layer3.1.conv2.weight 256x256x3x3",
        "layer4.0.bn1.bias is 3, not 512",
        "unknown layer5.conv.weight 1x2",
    ]
    deeper = torchvision.models.resnet101(weights=None).state_dict()
    torch.save(deeper, tmp_path / "deeper.pth")
    with pytest.raises(ValueError, match="unknown layer3.22.bn3.running_var 1024"):
        pretrained.sight(net, tmp_path / "deeper.pth")


def test_files_of_another_kind_are_named(net: Net, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"not a checkpoint")
    (tmp_path / "a.safetensors").write_bytes(b"neither")
    torch.save({"epoch": 3}, tmp_path / "b.pth")
    torch.save({"stem.weight": torch.zeros(1)}, tmp_path / "c.pth")
    for name, said in (
        ("a.pth", "not weights that can be read safely"),
        ("a.safetensors", "not weights that can be read safely"),
        ("b.pth", "holds no state dict"),
        ("c.pth", "neither DETR's names .* nor torchvision's, but stem.weight"),
    ):
        with pytest.raises(ValueError, match=said):
            pretrained.sight(net, tmp_path / name)
    with pytest.raises(FileNotFoundError):
        pretrained.sight(net, tmp_path / "none.pth")


@pytest.fixture()
def bert(tmp_path: Path) -> Path:
    """A twelve-layer BERT as pre-training leaves it, in a Hugging Face folder."""
    torch.manual_seed(3)
    c = BertConfig(vocab_size=40, hidden_size=48, num_hidden_layers=12, num_attention_heads=4, intermediate_size=96)
    BertForPreTraining(c).save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "dog", "##s"]))
    return tmp_path


def test_the_first_six_layers_of_a_bert_are_taken(bert: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ca2m"):
        found = words.load(str(bert))
    assert "first 6 of 12 layers taken" in caplog.text
    theirs = load_file(bert / "model.safetensors")
    assert len(found.layers) == 6
    for k, v in found.layers.state_dict().items():
        torch.testing.assert_close(v, theirs[f"bert.encoder.layer.{k}"])
    whole = BertForPreTraining.from_pretrained(bert).bert.eval()
    ids, mask = words.encode(words.tokenizer(str(bert), 10), ["Red dogs", "dog"])
    assert ids.tolist() == [[2, 5, 6, 7, 3], [2, 6, 3, 0, 0]]
    with torch.no_grad():
        want = whole(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for k in range(3):
            torch.testing.assert_close(found(ids, mask)[0, k], want[2 * k + 2][0], rtol=1e-4, atol=1e-5)


def test_a_broken_bert_is_named(bert: Path, small: Config) -> None:
    state = load_file(bert / "model.safetensors")
    del state["bert.encoder.layer.3.output.dense.weight"]
    state["bert.encoder.layer.2.output.dense.bias"] = torch.zeros(3)
    state["bert.encoder.strange"] = torch.zeros(3)
    save_file(state, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError) as told:
        words.load(str(bert))
    assert str(told.value).split("\n  ")[1:] == [
        "missing encoder.layer.3.output.dense.weight",
        "encoder.layer.2.output.dense.bias is (3,), not (48,)",
        "unknown bert.encoder.strange",
    ]
    (bert / "config.json").write_text('{"model_type": "bert", "num_hidden_layers": 2}')
    with pytest.raises(ValueError, match="bert with 2 layers"):
        words.load(str(bert))
    (bert / "config.json").unlink()
    with pytest.raises(ValueError, match=r"no config.json"):
        words.load(str(bert))
    with pytest.raises(ValueError, match="384 channels, but words_width is 768"):
        network.build(replace(small.network, words_width=768))


def test_nanodet_goes_into_the_edge_encoder(net: Net, small: Config, tmp_path: Path) -> None:
    with pytest.raises((ValueError, KeyError)):
        save_file({"Conv_1.weight": torch.zeros(1), "Conv_1.bias": torch.zeros(1)}, tmp_path / "w.safetensors")
        pretrained.sight(network.build(small.network), tmp_path / "w.safetensors")
    torch.manual_seed(9)
    theirs = nanodet.NanoDet()
    numbers = iter(n for n in range(1, 600) if n not in (436, 438, 440, 442, 505, 507, 509, 511, 513))
    state = {}
    for conv in theirs.called():
        n = next(numbers)
        assert conv.bias is not None
        state[f"Conv_{n}.weight"], state[f"Conv_{n}.bias"] = conv.weight.data, conv.bias.data
    save_file(state, tmp_path / "w.safetensors")
    edge = network.build(small.network)
    pretrained.sight(edge, tmp_path / "w.safetensors")
    torch.testing.assert_close(dict(edge.sight.body.state_dict()), dict(theirs.state_dict()))
