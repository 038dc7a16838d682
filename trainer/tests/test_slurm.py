"""The SLURM example: it is sound shell, and what it would start is a command that torchrun and `ca2m train` take."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from ca2m import cli

SCRIPT = Path(__file__).parent.parent / "examples" / "slurm.sh"


def started(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the script with a `srun` that tells what it is asked to start, and SLURM's own variables."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, does in (("srun", 'printf "%s\\n" "$@"'), ("scontrol", "printf 'first\\nsecond\\n'")):
        (folder / "bin" / name).write_text(f"#!/bin/bash\n{does}\n")
        (folder / "bin" / name).chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "42"}
    path = f"{folder}/bin:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", str(SCRIPT), *args], env={"PATH": path, **slurm, **env}, capture_output=True, text=True, check=False
    )


def test_it_is_sound_shell() -> None:
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0
    told = SCRIPT.read_text().splitlines()
    first = next(k for k, line in enumerate(told) if line and not line.startswith("#"))
    assert all(k < first for k, line in enumerate(told) if line.startswith("#SBATCH")), "sbatch reads the head only"


def test_what_it_starts_is_understood(tmp_path: Path) -> None:
    asked = ["refs one.jsonl", "bert", "detr.pth", "runs/a", "--set", "run.micro_batch=12", "--logger", "a:B"]
    found = started(tmp_path, *asked, SLURM_GPUS_ON_NODE="4", SLURM_CPUS_PER_TASK="32")
    assert found.returncode == 0, found.stderr
    program, *words = found.stdout.splitlines()
    assert program == ".venv/bin/torchrun"
    run = get_args_parser().parse_args(words)
    assert (run.nnodes, run.nproc_per_node, run.rdzv_backend, run.rdzv_endpoint) == ("2", "4", "c10d", "first:29500")
    assert run.module and run.training_script == "ca2m.cli"
    args = cli._parser().parse_args(run.training_script_args)
    assert args.command == "train" and args.refs == ["refs one.jsonl"] and str(args.out) == "runs/a"
    assert args.set == ["run.precision=bf16", "run.micro_batch=12"] and args.logger == "a:B"
    assert args.workers == 7, "with its GPU's own process as many as processors"


@pytest.mark.parametrize("args", [(), ("refs.jsonl", "bert", "detr.pth")])
def test_too_few_words_are_refused(args: tuple[str, ...], tmp_path: Path) -> None:
    found = started(tmp_path, *args)
    assert found.returncode == 2 and "usage: sbatch" in found.stderr and not found.stdout
