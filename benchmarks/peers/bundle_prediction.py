"""Classify many images in memory with a bundle; print the seconds of each round."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

import clearsight


def main() -> None:
    bundle = clearsight.load(Path(sys.argv[1]))
    images = np.load(sys.argv[2])
    bundle.predict(images)
    seconds = []
    for _ in range(int(sys.argv[3])):
        started = time.perf_counter()
        bundle.predict(images)
        seconds.append(time.perf_counter() - started)
    print(*seconds)


if __name__ == "__main__":
    main()
