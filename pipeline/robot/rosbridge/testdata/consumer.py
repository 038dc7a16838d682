"""Asks the example's consumer what it would do: JSON lines of {"now", "message"}, where message may
be null, to the number of the message that is acted on, 0 for none."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import turn_to_target

target = turn_to_target.Target()
for line in sys.stdin:
    step = json.loads(line)
    if step["message"]:
        target.take(step["message"], step["now"])
    acts = target.at(step["now"])
    print(acts["seq"] if acts else 0)
