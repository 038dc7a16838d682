"""What 6 million phrases over 174,000 photos take in 8 workers; `make prove` runs it, on Linux.

Generated photos and phrases, 0.9 GB of them in a folder that is kept if it is named: `memory_run.py FOLDER [PHRASES]`.
Prints the memory of each process (PSS: shared pages are divided among those who share them) and in all, and fails over
4 GB.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from ca2m import config
from ca2m.data import checks, rounds, splits
from ca2m.learn.crew import Crew
from ca2m.learn.loader import Feed, batches

PHOTOS, WORKERS, MOST = 174_000, 8, 4.0
WORDS = ("red", "blue", "man", "woman", "dog", "left", "right", "chair", "table", "in", "front", "of", "the", "big")


def write(folder: Path, phrases: int) -> Path:
    """Twenty photos under many names, and phrases on them."""
    lines = folder / f"{phrases}.jsonl"
    if lines.exists():
        return lines
    rng, r = np.random.default_rng(0), random.Random(1)
    for k in range(20):
        pixels = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (320, 240))
        cv2.imwrite(str(folder / f"src{k}.jpg"), pixels)
    for k in range(PHOTOS):
        if not (folder / f"{k:06d}.jpg").exists():
            os.link(folder / f"src{k % 20}.jpg", folder / f"{k:06d}.jpg")
    part = folder / "part"
    with part.open("w") as out:
        for n in range(phrases):
            k, x, y = r.randrange(PHOTOS), r.randrange(200), r.randrange(150)
            phrase = " ".join(r.choices(WORDS, k=5))
            said = f'"image": "{k:06d}.jpg", "phrase": "{phrase} {n}", "box": [{x}, {y}, 80.5, 60.25]'
            out.write(f'{{{said}, "split": "train", "source": "s{n % 6}", "image_id": "coco:{k}"}}\n')
    return part.rename(lines)


def shares(pid: int) -> int:
    """PSS of a process, kB."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return next(int(line.split()[1]) for line in told if line.startswith("Pss:"))


def run(folder: Path, phrases: int) -> float:
    """GB in all, once the workers have made 40 batches."""
    changes = ["network.image_size=64", "network.words=minilm-l6", "network.words_width=384", "run.batch=96"]
    c = config.load("ca2m-r50", changes)
    own = splits.plan(checks.load(write(folder, phrases)), policy=splits.Policy.of(c)).train.refs
    samples = rounds.samples_of(c, own, [])
    made = iter(batches(config.fit_to(c, len(own)), samples, 0, Feed(workers=WORKERS, prefetch=3), Crew()))
    for _ in range(40):
        next(made)
    own_pid = os.getpid()
    kids = [int(p) for p in Path(f"/proc/{own_pid}/task/{own_pid}/children").read_text().split()]
    each = {pid: shares(pid) for pid in (own_pid, *kids)}
    for pid, kb in each.items():
        print(f"{'worker' if pid != own_pid else 'parent'} {pid}: {kb / 1e6 * 1.024:.2f} GB")
    total = sum(each.values()) / 1e6 * 1.024
    print(f"{len(own)} phrases, {len(kids)} workers: {total:.2f} GB in all, {MOST} may be", flush=True)
    return total


if __name__ == "__main__":
    phrases = int(sys.argv[2]) if len(sys.argv) > 2 else 6_000_000
    with tempfile.TemporaryDirectory() as own:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(own)
        good = run(folder, phrases) <= MOST
    os._exit(not good)  # the workers are not waited for
