"""2,000 steps of the paper's configuration at tiny width, in fp32, bf16 and two processes; `make prove` runs it.

Random weights, generated pictures. A line each: the range of both sigmas, and what was ever not finite. It fails where
a loss or weight is not finite, or a sigma leaves its bounds. `python tests/long_run.py 200` takes fewer steps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from conftest import paper, small_bert

WORKER = Path(__file__).parent / "run_worker.py"


def run(folder: Path, precision: str, processes: int, steps: int) -> bool:
    c = paper(small_bert(folder / "bert"), f"run.precision={precision}", "run.batch=4")
    (folder / "c.json").write_text(json.dumps(c.to_dict()))
    launch = [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    files = (str(folder / "c.json"), str(folder / "out.pt"))
    command = [sys.executable, *launch, str(WORKER), "paced", *files, str(steps)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    told = torch.load(folder / "out.pt", weights_only=True)
    least, most = min(told["least"]), max(told["most"])
    good = not told["strange"] and c.loss.sigma_least <= least and most <= c.loss.sigma_most and told["steps"] == steps
    print(
        f"{precision}, {processes} process(es): {told['steps']} steps at {c.network.image_size} pixels a side, "
        f"sigma {least:.4f} to {most:.4f} of {c.loss.sigma_least} to {c.loss.sigma_most}, "
        f"not finite: {told['strange'] or 'nothing'}",
        flush=True,
    )
    return good


if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    good = []
    for precision, processes in (("fp32", 1), ("bf16", 1), ("fp32", 2)):
        with tempfile.TemporaryDirectory() as folder:
            good.append(run(Path(folder), precision, processes, steps))
    sys.exit(not all(good))
