"""Configuration files: what they build on, what a wrong one says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ca2m import config


def test_every_file_of_the_package_loads_under_a_name_of_its_own() -> None:
    loaded = {name: config.load(name) for name in config.names()}
    assert {"ca2m-edge", "ca2m-r50", "ca2m-r101", "tables/table5-encoder"} <= set(loaded)
    tables = {n: c.network.name for n, c in loaded.items() if n.startswith("tables/")}
    assert tables == {n: n.removeprefix("tables/") for n in tables}


def test_tables_have_the_layers_that_the_paper_counts() -> None:
    for name in config.names():
        if name.startswith("tables/table3"):
            c = config.load(name).network
            assert (c.word_levels * c.group_layers, c.merge_layers) == (6, 3)
            assert name.endswith(f"visual{c.visual_levels}-linguistic{c.word_levels}")
        if name.startswith("tables/table4"):
            c = config.load(name).network
            assert name.endswith(f"grouping{c.word_levels * c.group_layers}-merging{c.merge_layers}")
        if name.startswith(("tables/table3", "tables/table4")):
            assert not config.load(name).loss.self_paced


def test_the_edges_recipes_stay_what_they_are() -> None:
    said = yaml.safe_load((Path(__file__).parent / "edge_configs.yaml").read_text())
    whole = said["ca2m-edge"]
    for name, differs in said.items():
        want = {section: {**values, **differs.get(section, {})} for section, values in whole.items()}
        told = json.loads(json.dumps(config.load(name).to_dict()))
        assert told.pop("data") == [] and told == want, name


def test_an_empty_file_is_the_papers(tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text("")
    c = config.load(str(tmp_path / "bare.yaml"))
    assert c == config.load("ca2m-r50") == config.Config()
    r, a, m = c.run, c.augment, c.mix
    assert (r.epochs, r.batch, r.lr, r.lr_encoders, r.lr_sigma, r.weight_decay) == (120, 192, 1e-4, 1e-5, 5e-5, 1e-4)
    assert (r.drop, round(r.drop_at * r.epochs), r.ema, r.warmup) == ("step", 80, 0, 0)
    assert a.recipe == "torchvision" and (m.hand, m.absent, m.rows) == (1, 0, 0)
    assert (c.loss.self_paced, c.loss.sigma, c.loss.penalty) == (True, 2.5, 0.75)


def test_several_bases_combine_the_later_over_the_earlier(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: [ca2m-r101, recipes/pretrain]\nrun: {batch: 96}\n")
    c = config.load(str(tmp_path / "mine.yaml"))
    assert (c.network.sight, c.run.epochs, c.run.drop_at, c.run.batch) == ("resnet101", 40, 0.75, 96)
    assert config.load("recipes/pretrain-r101").network == c.network
    (tmp_path / "mine.yaml").write_text("base: [ca2m-r101, 3]")
    with pytest.raises(ValueError, match="base is .'ca2m-r101', 3., not the name"):
        config.load(str(tmp_path / "mine.yaml"))


def test_a_file_builds_on_another(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text("base: ca2m-r50\nnetwork: {c0: 64}\nrun: {lr: 1e-4, epochs: 2}\n")
    (tmp_path / "second.yaml").write_text("base: first.yaml\nrun:\n  batch: 96\n")
    c = config.load(str(tmp_path / "second.yaml"), ["run.lr_encoders=2e-5", "loss.self_paced=no"])
    assert (c.network.c0, c.network.image_size) == (64, 512)
    assert (c.run.batch, c.run.lr, c.run.lr_encoders, c.run.drop) == (96, 1e-4, 2e-5, "step")
    assert not c.loss.self_paced
    assert config.fit_to(c, 1000).run.samples == round(2 * 1000 / 96) * 96
    assert config.fit_to(config.load("ca2m-edge"), 1000) == config.load("ca2m-edge")


def test_a_file_names_what_it_is_trained_on(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    data = "data:\n  - {refs: vg.jsonl, weight: 2}\n  - {refs: /there/coco.jsonl, weight: 0.5}\n"
    (tmp_path / "sub" / "first.yaml").write_text(f"base: ca2m-r50\n{data}")
    (tmp_path / "second.yaml").write_text("base: sub/first.yaml\nrun: {batch: 96}\n")
    (tmp_path / "third.yaml").write_text("base: sub/first.yaml\ndata: [{refs: own.jsonl}]\n")
    c = config.load(str(tmp_path / "second.yaml"))
    assert [(d.refs, d.weight) for d in c.data] == [(f"{tmp_path}/sub/vg.jsonl", 2.0), ("/there/coco.jsonl", 0.5)]
    assert config.from_dict(c.to_dict()) == c
    assert [d.refs for d in config.load(str(tmp_path / "third.yaml")).data] == [f"{tmp_path}/own.jsonl"]


def test_samples_of_the_command_count_instead_of_epochs() -> None:
    assert config.load("ca2m-r50", ["run.samples=384"]).run.epochs == 0
    both = config.load("ca2m-r50", ["run.samples=384", "run.epochs=3"])
    assert config.fit_to(both, 128).run.samples == 384
    few = config.load("ca2m-r50", ["run.samples=32"])
    with pytest.raises(ValueError, match="run.samples 32: less than one batch of 192, .*run.batch=32 or less"):
        config.fit_to(few, 1000)
    assert config.fit_to(config.load("ca2m-r50", ["run.samples=32", "run.batch=8"]), 1000).run.samples == 32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run: {lr: fast}", r"bad.yaml: run.lr: is 'fast', not a number"),
        ("run: {batch: 1.5}", "run.batch: is 1.5, not a whole number"),
        ("run: {drop: never}", "run.drop: is 'never'; one of linear, step is meant"),
        ("run: {leaning: 1}", "run: unknown leaning; known are anchor, batch"),
        ("loss: {self_paced: 3}", "loss.self_paced: is 3, not true or false"),
        ("network: [1, 2]", "network is .1, 2., not a mapping"),
        ("base: ca2m-r50\nnetwork: 3", "network is 3, not a mapping"),
        ("data: vg.jsonl", "data: is 'vg.jsonl', not a list such as"),
        ("data: [vg.jsonl]", r"data.0.: is 'vg.jsonl', not a mapping such as"),
        ("data: [{refs: a, wait: 2}]", r"data.0.: unknown wait; known are refs, weight"),
        ("data: [{refs: a, weight: -1}]", r"data .*a: weight -1.0 must be above 0"),
        ("mix: {temperature: 0}", "mix.temperature 0.0: must be above 0"),
        ("base: bad.yaml", "base goes in a circle"),
        ("base: ca2m-r7", "no configuration 'ca2m-r7'"),
        ("run: {lr: [", "not YAML"),
        ("- 1", "not a mapping"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        config.load(str(path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["network.pointing=true"], "network.pointing: needs the boxes of the nanodet encoder, not resnet50"),
        (["network.c0=250"], "network.c0 250: must be even, and a multiple of its 8 heads"),
        (["network.word_levels=4"], "network.word_levels 4: must be 1 to 3"),
        (["augment.recipe=plain", "augment.turn=0", "augment.flip=0"], "augment.turn: the recipe plain takes flip"),
    ],
)
def test_what_does_not_go_together_is_named(changes: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        config.load("ca2m-r50", changes)


def test_a_wrong_change_is_named() -> None:
    for change in ("batch=3", "run.batch", "run.=3"):
        with pytest.raises(ValueError, match="not of the form"):
            config.load("ca2m-edge", [change])
