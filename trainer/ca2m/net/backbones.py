"""Visual encoders by timm's names: `sight: timm/convnext_tiny`. timm is an optional package (`trainer[lab]`), and is
imported where it is used."""

from __future__ import annotations

import difflib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ca2m.net.sight import Pyramid

log = logging.getLogger("ca2m")

PREFIX = "timm/"


class TimmEncoder(Pyramid):
    """The pyramid over the last stages of any timm model that gives its intermediate maps; of a plain vision
    transformer over its last blocks. Batch norm stays frozen, as in the ResNets."""

    def __init__(self, name: str, c0: int, levels: int, grid: int, side: int) -> None:
        """name: with `timm/` before it. side: of the pictures, pixels. ValueError where timm is not installed, does not
        know the name, or the model cannot be used."""
        import_timm(name)
        from timm.utils.model import freeze_batch_norm_2d

        short = name.removeprefix(PREFIX)
        try:  # "getter" keeps the names of the model's own weights
            body = _made(short, side, features_only=True, feature_cls="getter", out_indices=tuple(range(-levels, 0)))
        except (RuntimeError, ValueError, AttributeError, AssertionError, TypeError) as cause:
            why = " ".join(str(cause).split())[:200]
            raise ValueError(f"network.sight {name}: cannot be used at {side} x {side} pixels: {why}") from cause
        about = _about(short)
        super().__init__(freeze_batch_norm_2d(body), body.feature_info.channels(), c0, grid, about.mean, about.std)
        self.name, self.side = short, side

    def of_file(self, state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
        """Of a file's tensors those of the body, by the body's names. What it holds beside is counted in the log."""
        whole = _made(self.name, self.side)
        if suit := getattr(sys.modules[type(whole).__module__], "checkpoint_filter_fn", None):
            state = suit(dict(state), whole)  # older names, and places of a transformer for another size
        known = whole.state_dict().keys() - {k.removeprefix("model.") for k in self.body.state_dict()}
        kept = {k: v for k, v in state.items() if k not in known and not k.endswith("num_batches_tracked")}
        log.info("%s: timm layout, %d tensors taken, not needed: %d", path, len(kept), len(state) - len(kept))
        return {f"model.{k}": v for k, v in kept.items()}


def import_timm(name: str) -> None:
    """ValueError where timm is not installed, or knows no model of the name."""
    try:
        import timm
    except ImportError as cause:
        raise ValueError(f"network.sight {name}: timm is not installed: pip install -e 'trainer[lab]'") from cause
    short = name.removeprefix(PREFIX)
    if not timm.is_model(short):
        near = difflib.get_close_matches(short, timm.list_models(), 4, 0.5)
        hint = f"near are {', '.join(near)}" if near else "timm.list_models() lists them"
        raise ValueError(f"network.sight {name}: timm knows no such model; {hint}")


def _about(name: str) -> Any:
    import timm

    return timm.get_pretrained_cfg(name)


def _made(name: str, side: int, **how: Any) -> Any:
    """A model with random weights, for pictures of that side."""
    import timm

    if _about(name).fixed_input_size:
        how["img_size"] = side
    return timm.create_model(name, pretrained=False, **how)
