"""Configuration files: what they build on, what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_a_file_builds_on_another(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text("base: ca2m-r50\nnetwork: {c0: 64}\nrun: {lr: 1e-4, epochs: 2}\n")
    (tmp_path / "second.yaml").write_text("base: first.yaml\nrun:\n  batch: 96\n")
    c = config.load(str(tmp_path / "second.yaml"), ["run.lr_encoders=2e-5", "loss.self_paced=no"])
    assert (c.network.c0, c.network.image_size) == (64, 512)
    assert (c.run.batch, c.run.lr, c.run.lr_encoders, c.run.drop) == (96, 1e-4, 2e-5, "step")
    assert not c.loss.self_paced
    assert config.fit_to(c, 1000).run.samples == round(2 * 1000 / 96) * 96
    assert config.fit_to(config.load("ca2m-edge"), 1000) == config.load("ca2m-edge")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run: {lr: fast}", r"bad.yaml: run.lr: is 'fast', not a number"),
        ("run: {batch: 1.5}", "run.batch: is 1.5, not a whole number"),
        ("run: {drop: never}", "run.drop: is 'never'; one of linear, step is meant"),
        ("run: {leaning: 1}", "run: unknown leaning; known are anchor, batch"),
        ("loss: {self_paced: 3}", "loss.self_paced: is 3, not true or false"),
        ("network: [1, 2]", "network: is .1, 2., not a mapping"),
        ("base: ca2m-r50\nnetwork: 3", "network is 3, not a mapping"),
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
