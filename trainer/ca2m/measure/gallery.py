"""Training samples as a run sees them, with what is right and what its network answers, as one picture for its log."""

from __future__ import annotations

from ca2m.data.sample import Samples
from ca2m.infer.pointer import TorchPointer
from ca2m.language.looks import Pixels
from ca2m.measure import sheet
from ca2m.measure.evaluate import judge_samples
from ca2m.net.network import Net


class Gallery:
    """Called with a network and the number of a sample, it draws this one and those after it."""

    def __init__(self, samples: Samples, precision: str = "fp32", count: int = 8, width: int = 240) -> None:
        """width: of each, pixels."""
        self.samples, self.precision, self.count, self.width = samples, precision, count, width

    def __call__(self, net: Net, first: int) -> Pixels:
        """uint8 RGB (H, W, 3): four in a row, the truth in orange, the answer in blue with its IoU."""
        samples, tiles = [self.samples.sample(first + k) for k in range(self.count)], []
        for s, j in zip(samples, judge_samples(TorchPointer(net, precision=self.precision), samples), strict=True):
            x1, y1, x2, y2 = (float(v) for v in j.pointed.boxes[0])
            note = "not there" if j.iou is None else f"IoU {j.iou:.2f}"
            tiles.append(sheet.Tile(s.pixels, s.box, s.phrase, note, (x1, y1, x2, y2)))
        title = f"samples {first} to {first + self.count - 1}: orange what is right, blue what is answered"
        return sheet.draw(title, [("", tiles)], min(4, self.count), self.width)
