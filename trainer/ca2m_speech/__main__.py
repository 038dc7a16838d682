"""`python -m ca2m_speech`: `ca2m speech` where only onnx and onnxruntime are installed."""

from __future__ import annotations

import argparse
import logging
import sys

from ca2m_speech import folder


def main() -> int:
    parser = argparse.ArgumentParser(prog="ca2m speech", description=folder.__doc__)
    folder.add_arguments(parser)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        args.run(args)
    except (OSError, ValueError) as e:
        print(f"ca2m speech: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
