"""Loggers for `ca2m train --logger`: copy this file beside you and give `--logger loggers:Wandb` or `loggers:Mlflow`.

Each needs its own package (`pip install wandb`, `pip install mlflow`), which the trainer does not ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class Wandb:
    """A run of Weights & Biases with the id of the run's folder, so that a run that goes on stays one run there."""

    def __init__(self, folder: Path, config: dict[str, Any], done: int) -> None:
        import wandb

        self.image = wandb.Image
        self.run = wandb.init(project="ca2m", id=folder.name, dir=folder, config=config, resume="allow")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self.run.log(dict(values), step=step)

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        self.run.log({name: self.image(pixels)}, step=step)

    def close(self) -> None:
        self.run.finish()


class Mlflow:
    """A run of MLflow; its id lies in the run's folder, so that a run that goes on stays one run there."""

    def __init__(self, folder: Path, config: dict[str, Any], done: int) -> None:
        import mlflow

        self.mlflow, kept = mlflow, folder / "mlflow.txt"
        run = mlflow.start_run(run_id=kept.read_text() if kept.exists() else None, run_name=folder.name)
        if not kept.exists():
            kept.write_text(run.info.run_id)
            flat = {
                f"{section}.{k}": v for section, of in config.items() if isinstance(of, dict) for k, v in of.items()
            }
            mlflow.log_params(flat)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self.mlflow.log_metrics(dict(values), step=step)

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        self.mlflow.log_image(pixels, key=name.replace("/", "-"), step=step)

    def close(self) -> None:
        self.mlflow.end_run()
