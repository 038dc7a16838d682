"""Encoders by name: backbones of timm and BERT or RoBERTa folders, with random weights, from the first step to ONNX."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch
from conftest import Squares, small_bert
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, RobertaConfig, RobertaForMaskedLM

from ca2m import cli, config
from ca2m.config import Config
from ca2m.learn.loss import Criterion
from ca2m.learn.optim import groups
from ca2m.net import pretrained, words
from ca2m.net.answers import Calibration
from ca2m.net.network import Net, build
from ca2m.ship import export

timm = pytest.importorskip("timm")


def narrow(sight: str, bert: Path, *changes: str) -> Config:
    """The paper's configuration with a timm backbone, narrow, on a small picture."""
    width = words.width_of(str(bert))
    small = ("image_size=64", f"words_width={width}", "c0=16", "c1=48", "heads0=2", "heads1=2", f"words={bert}")
    few = ("group_layers=1", "merge_layers=1", f"sight={sight}")
    return config.load("ca2m-r50", [*(f"network.{change}" for change in (*small, *few)), *changes])


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RoBERTa of seven layers as its pre-training leaves it, with its byte-level BPE, in a Hugging Face folder."""
    folder = tmp_path_factory.mktemp("roberta")
    torch.manual_seed(4)
    letters = [*sorted(pre_tokenizers.ByteLevel.alphabet())]
    vocab = {word: k for k, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters, "re", "red"])}
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[("r", "e"), ("re", "d")], unk_token="<unk>"))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tok.save(str(folder / "tokenizer.json"))
    c = RobertaConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=7,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        type_vocab_size=1,
    )
    RobertaForMaskedLM(c).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", ["test_convnext", "test_resnet", "test_vit", "test_efficientnet"])
def test_a_timm_backbone_gives_its_last_three_stages(name: str, bert: Path) -> None:
    c = narrow(f"timm/{name}", bert)
    torch.manual_seed(0)
    net = build(c.network).train()
    assert net.sight.width == 3 * 16
    image = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    assert net.see(image).shape == (2, 16, 48)
    own = {id(p) for p in net.sight.body.parameters()}
    learn = groups(c, net, Criterion(c.loss, c.network.grid))
    rates = {id(p): g["full"] for g in learn for p in g["params"]}
    assert {rates[k] for k in own} == {c.run.lr_encoders}, "the backbone learns at the encoders' rate"
    before = {k: v.clone() for k, v in net.sight.body.state_dict().items() if "running" in k}
    net.see(image)
    assert all(torch.equal(v, before[k]) for k, v in net.sight.body.state_dict().items() if k in before)


def test_fewer_stages_of_a_timm_backbone(bert: Path) -> None:
    net = build(narrow("timm/test_convnext", bert, "network.visual_levels=1").network)
    assert net.sight.body.feature_info.reduction() == [32] and net.sight.width == 16


@pytest.mark.parametrize("name", ["test_convnext", "test_vit"])
def test_weights_of_timm_go_in_by_file(name: str, bert: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(1)
    size = {"img_size": 64} if name == "test_vit" else {}
    whole = timm.create_model(name, pretrained=False, **size)
    save_file({k: v.contiguous() for k, v in whole.state_dict().items()}, tmp_path / "w.safetensors")
    torch.manual_seed(2)
    net = build(narrow(f"timm/{name}", bert).network)
    with caplog.at_level(logging.INFO, "ca2m"):
        pretrained.sight(net, tmp_path / "w.safetensors")
    assert "timm layout" in caplog.text
    theirs = whole.state_dict()
    assert all(torch.equal(v, theirs[k.removeprefix("model.")]) for k, v in net.sight.body.state_dict().items())
    body = whole.eval().forward_intermediates(torch.ones(1, 3, 64, 64), intermediates_only=True)[-1]
    torch.testing.assert_close(net.sight.body.eval()(torch.ones(1, 3, 64, 64))[-1], body)


def test_weights_that_do_not_fit_a_timm_backbone_are_listed(bert: Path, tmp_path: Path) -> None:
    net = build(narrow("timm/test_convnext", bert).network)
    state = {k.removeprefix("model."): v for k, v in net.sight.body.state_dict().items()}
    gone = next(k for k in state if k.startswith("stages.2."))
    del state[gone]
    save_file({**state, "strange": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError) as told:
        pretrained.sight(net, tmp_path / "w.safetensors")
    assert f"missing model.{gone}" in str(told.value) and "unknown model.strange 2" in str(told.value)


@pytest.mark.parametrize(
    ("sight", "says"),
    [
        ("timm/convnext_tin", "timm knows no such model; near are convnext_tiny"),
        ("timm/", "one of resnet50, resnet101, nanodet, timm/NAME"),
        ("resnet51", "'resnet51'; one of resnet50, resnet101, nanodet, timm/NAME"),
    ],
)
def test_backbones_that_are_not_there_are_named(sight: str, says: str, bert: Path) -> None:
    with pytest.raises(ValueError) as told:
        build(narrow(sight, bert).network)
    assert says in str(told.value)


def test_only_a_resnet_has_a_stem_to_freeze(bert: Path) -> None:
    for name in ("test_resnet", "test_convnext"):
        c = narrow(f"timm/{name}", bert, "run.freeze_stem=true")
        net = build(c.network)
        if name == "test_convnext":
            with pytest.raises(ValueError, match="has no stem of a ResNet"):
                groups(c, net, Criterion(c.loss, c.network.grid))
            continue
        groups(c, net, Criterion(c.loss, c.network.grid))
        frozen = {k for k, p in net.sight.body.named_parameters() if not p.requires_grad}
        assert "model.layer1.0.conv1.weight" in frozen and not any("layer2" in k for k in frozen)


def test_a_roberta_gives_three_groups_of_two_layers(roberta: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ca2m"):
        found = words.load(str(roberta))
    assert "first 6 of 7 layers taken" in caplog.text
    theirs = load_file(roberta / "model.safetensors")
    for k, v in found.layers.state_dict().items():
        assert torch.equal(v, theirs[f"roberta.encoder.layer.{k}"])
    ids, mask = words.encode(words.tokenizer(str(roberta), 40), ["red", "a red cup"])
    assert ids[0, :3].tolist()[::2] == [0, 2] and set(ids[0, 3:].tolist()) == {1}, "its own [CLS], [SEP] and padding"
    whole = RobertaForMaskedLM.from_pretrained(roberta).roberta.eval()
    with torch.no_grad():
        want = whole(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        got, alone = found(ids, mask), found(ids[:1, :3], mask[:1, :3])
    real = mask.bool()
    for k in range(3):
        torch.testing.assert_close(got[:, k][real], want[2 * k + 2][real], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got[0, :, :3], alone[0], rtol=1e-4, atol=1e-5)


def test_a_shallow_bert_gives_three_groups_of_one_layer(tmp_path: Path) -> None:
    c = BertConfig(vocab_size=12, hidden_size=24, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24)
    theirs = BertModel(c, add_pooling_layer=False).eval()
    theirs.save_pretrained(tmp_path)
    ids = torch.tensor([[2, 5, 3]])
    with torch.no_grad():
        want = theirs(input_ids=ids, output_hidden_states=True).hidden_states
        got = words.load(str(tmp_path))(ids, torch.ones_like(ids))
    torch.testing.assert_close(got[0], torch.cat(want[1:4]), rtol=1e-4, atol=1e-5)


def test_words_that_do_not_fit_the_network_are_named(roberta: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 64 places, and phrase_len is 65"):
        words.tokenizer(str(roberta), 65)
    for path in roberta.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    told = json.loads((roberta / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(told | {"vocab_size": 30}))
    with pytest.raises(ValueError, match=r"a tokenizer of \d+ words, an encoder of 30"):
        words.tokenizer(str(tmp_path), 40)
    (tmp_path / "config.json").write_text(json.dumps(told | {"model_type": "gpt2"}))
    with pytest.raises(ValueError, match="gpt2 with 7 layers; a BERT or RoBERTa"):
        words.load(str(tmp_path))


def photos(folder: Path) -> Path:
    """refs.jsonl over eight pictures of two squares."""
    lines = []
    for k in range(8):
        s = Squares(64).sample(k)
        cv2.imwrite(str(folder / f"{k}.png"), cv2.cvtColor(s.pixels, cv2.COLOR_RGB2BGR))
        assert s.box is not None
        x1, y1, x2, y2 = (64 * v for v in s.box)
        split = "val" if k > 5 else "train"
        line = {"image": f"{k}.png", "phrase": s.phrase, "box": [x1, y1, x2 - x1, y2 - y1], "split": split}
        lines.append(json.dumps(line))
    (folder / "refs.jsonl").write_text("\n".join(lines))
    return folder / "refs.jsonl"


def test_timm_and_roberta_from_the_command_to_a_bundle(
    roberta: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refs, out = photos(tmp_path), tmp_path / "run"
    said = ["train", "--config", "ca2m-r50", "--refs", str(refs), "--words", str(roberta), "--out", str(out)]
    said += ["--workers", "0", "--samples", "6", "--set", "run.batch=2", "--set", "network.sight=timm/test_convnext"]
    for change in ("image_size=64", "c0=16", "c1=48", "heads0=2", "heads1=2", "group_layers=1", "merge_layers=1"):
        said += ["--set", f"network.{change}"]
    assert cli.main(said) == 0, "words_width is the folder's"
    held = torch.load(out / "last.pt", weights_only=True)
    assert held["done"] == 6 and any(k.startswith("sight.body.model.stages") for k in held["net"])
    with caplog.at_level(logging.WARNING, "ca2m"):
        assert cli.main(["export", str(out / "last.pt"), "--out", str(tmp_path / "b"), "--refs", str(refs)]) == 0
    assert "deixis reads the tokenizer of an uncased BERT only" in caplog.text
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["measured"]["hand-written"]["n"] == 2
    assert cli.main(["eval", str(tmp_path / "b"), str(refs), "--split", "val"]) == 0


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet"])
def test_timm_backbones_export(name: str, bert: Path, tmp_path: Path) -> None:
    c = narrow(f"timm/{name}", bert, "network.phrase_len=12")
    torch.manual_seed(0)
    export.export(c, build(c.network).eval(), Calibration(), tmp_path)  # compares with the network, too


def test_a_backbone_that_onnx_cannot_hold_is_refused_in_a_line(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = narrow("timm/test_convnext", bert, "network.phrase_len=12")
    net: Net = build(c.network).eval()

    class Strange(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [torch.linalg.svd(x.mean(1, keepdim=True))[0].expand(-1, n, -1, -1) for n in (32, 48, 64)]

    net.sight.body = Strange()
    with pytest.raises(ValueError, match="export frame: timm/test_convnext cannot be written as ONNX"):
        export.export(replace(c), net, Calibration(), tmp_path)
