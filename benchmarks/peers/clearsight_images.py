"""Read a folder of images with clearsight, from its cache when it is there; print the seconds."""

from __future__ import annotations

import sys
import time

from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions


def main() -> None:
    started = time.perf_counter()
    splits = load_splits(sys.argv[1], SourceOptions(test_split=0))
    print(time.perf_counter() - started, len(splits.train))


if __name__ == "__main__":
    main()
