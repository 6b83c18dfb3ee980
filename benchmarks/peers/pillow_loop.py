"""Read a folder of images with a plain Pillow loop in two processes; print the seconds."""

from __future__ import annotations

import sys
import time
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image

_NUM_PROCESSES = 2


def decode(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def main() -> None:
    started = time.perf_counter()
    paths = sorted(str(path) for path in Path(sys.argv[1]).glob("*/*.jpg"))
    with Pool(_NUM_PROCESSES) as pool:
        images = np.stack(pool.map(decode, paths, chunksize=500))
    print(time.perf_counter() - started, len(images))


if __name__ == "__main__":
    main()
