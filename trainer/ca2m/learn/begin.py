"""What a run begins with, or goes on from: which networks and settings fit each other, and which must not differ."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path

from ca2m.config import Config, Mix, Network
from ca2m.net import checkpoint, pretrained, words
from ca2m.net.network import Net, build

log = logging.getLogger("ca2m")


def network(c: Config, sight: Path | None, start: Path | None, resumes: bool) -> Net:
    """The network that a run begins with: the start's weights, else the encoders' own.

    sight: file of the visual encoder's weights, instead of `run.sight_weights`.
    resumes: a checkpoint of this very run is put over it later.
    """
    if start is None or resumes:
        net = build(c.network)
        if sight is None and c.run.sight_weights:
            sight = Path(c.run.sight_weights)
        if not resumes:
            pretrained.namer(net)
        if sight is not None and not resumes:
            pretrained.sight(net, sight)
        elif not resumes:
            log.warning("the visual encoder begins with random weights: --sight FILE gives it trained ones")
        return net
    return _started(c.network, start)


def _started(c: Network, start: Path) -> Net:
    """A network of c with the weights of a checkpoint or bundle, which may lack `match`, the namer and its words: what
    these add then begins as zero. With the detector the size of pictures and the number of tokens may be others, too:
    no weight depends on them."""
    was = checkpoint.network_of(start)
    added = {k for k in ("match", "namer", "classifies") if getattr(c, k) and not getattr(was, k)}
    sizes = {"image_size", "tokens"} if was.sight == c.sight == "nanodet" else set()
    if apart := [k for k in differing(was, c) if k not in added | sizes]:
        raise ValueError(f"start from {start}: another network: {_differences(was, c, apart)}; give its own --config")
    holds = checkpoint.holds_words(start)
    if not holds and was.words != c.words and not words.same(was.words, c.words):
        raise ValueError(
            f"start from {start}: it was trained with the words of {was.words}, which it does not hold, and those of "
            f"{c.words} are others; give --words {was.words}"
        )
    begun = checkpoint.began(start, c.words)
    net = build(c, words.unfilled(c.words) if holds else None)
    net.load_state_dict(begun.state_dict(), strict=False)
    if added & {"namer", "classifies"}:
        pretrained.namer(net)
    net.own_words = begun.own_words
    return net


def differing(a: Network, b: Network) -> list[str]:
    """Keys in which two networks differ, so that one's weights are not for the other. The name, dropout and where the
    linguistic encoder's folder lies do not count: weights fit all the same."""
    one, other = (asdict(replace(c, name="", dropout=0.0, words="")) for c in (a, b))
    return [k for k in one if one[k] != other[k]]


def check_resume(was: Config, c: Config, weights: Collection[str], path: Path) -> None:
    """Whether a run of `was` may go on as c says. ValueError where it would be another run; whatever else was changed,
    as the rate, counts from here on and is said in the log. weights: names of what the checkpoint holds."""
    apart = differing(was.network, c.network)
    apart += ["dropout"] if was.network.dropout != c.network.dropout else []
    if not any(k.startswith("words.") for k in weights):
        apart += ["words"] if was.network.words != c.network.words else []
    if apart:
        what = _differences(was.network, c.network, apart)
        raise ValueError(f"resume {path}: another network: {what}; give another --out or its own --config")
    fixed = [("run.seed", was.run.seed, c.run.seed), ("loss", was.loss, c.loss), ("mix", _mix(was, c), c.mix)]
    fixed.append(("data", _sets(was), _sets(c)))
    fixed.append(("run.anchor", bool(was.run.anchor), bool(c.run.anchor)))
    if other := [name for name, a, b in fixed if a != b]:
        raise ValueError(f"resume {path}: another run, since {', '.join(other)} was changed; give another --out")
    for section in ("run", "augment"):
        old, new = (asdict(getattr(x, section)) for x in (was, c))
        for key in (k for k in old if old[k] != new[k]):
            log.info("resume: %s.%s was %s, and is %s from here on", section, key, old[key], new[key])


def _mix(was: Config, c: Config) -> Mix:
    """The mix of a checkpoint. That of ca2m-edge was the default once, and stands unused in the runs of networks
    without a pointing head: it counts as the one of now."""
    return c.mix if not was.network.pointing and was.mix == Mix(hand=0.66, absent=0.2) else was.mix


def _sets(c: Config) -> list[tuple[str, float]]:
    """Which files are mixed, wherever they lie, and how; one alone is not mixed."""
    return [(Path(d.refs).name, d.weight) for d in c.data] if len(c.data) > 1 else []


def _differences(was: Network, c: Network, keys: list[str]) -> str:
    return ", ".join(f"{k} is {getattr(was, k)} there and {getattr(c, k)} here" for k in keys)
