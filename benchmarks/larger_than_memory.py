"""Train on images that take four times the memory that the process may use; `make bench`.

The limit is a memory control group's, which needs root on Linux with cgroup v1 or v2; it counts
everything, the pages of mapped files too, and kills a process that cannot give pages back.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from machine import this_machine
from PIL import Image

import clearsight

LIMIT_BYTES = 1_000_000_000
SIDE = 256
NUM_IMAGES = 4 * LIMIT_BYTES // (SIDE * SIDE * 3) + 1
_NETWORK = """
from clearsight.models.backend import keras
def build(input_shape, num_classes):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.AveragePooling2D(16),
        keras.layers.Conv2D(16, 3, activation="relu"), keras.layers.Flatten(),
        keras.layers.Dense(num_classes, activation="softmax"),
    ])
"""
_PROGRAM = """
import os, sys
with open(sys.argv[1], "w") as file: file.write(str(os.getpid()))
import clearsight
run = clearsight.train(sys.argv[2], model=sys.argv[3] + ":build", recipe="lesson", epochs=2,
                       image_size=({side}, {side}), out=sys.argv[4], verbose=False)
with open("/proc/self/status") as file: print(file.read())
print("accuracy", run.results.test_accuracy, "of", run.results.test_count)
"""


def write_images(root: Path) -> None:
    train, _ = clearsight.load_data("fashion-mnist")
    for index in range(NUM_IMAGES):
        folder = root / f"class {train.labels[index]}"
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(train.images[index, ..., 0]).convert("RGB")
        image.resize((SIDE, SIDE)).save(folder / f"{index}.jpg", quality=70)


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """Make a control group with a limit; processes join through its file cgroup.procs."""
    v1, v2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    group = (v1 if v1.is_dir() else v2) / f"clearsight-{os.getpid()}"
    group.mkdir()
    try:
        name = "memory.limit_in_bytes" if v1.is_dir() else "memory.max"
        (group / name).write_text(str(limit_bytes))
        yield group
    finally:
        group.rmdir()


def main() -> None:
    pixels_bytes = NUM_IMAGES * SIDE * SIDE * 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CLEARSIGHT_CACHE"] = str(folder / "cache")
        write_images(folder / "images")
        (folder / "network.py").write_text(_NETWORK)
        with memory_group(LIMIT_BYTES) as group:
            done = subprocess.run(
                [
                    sys.executable, "-c", _PROGRAM.format(side=SIDE), group / "cgroup.procs",
                    folder / "images", folder / "network.py", folder / "run",
                ],
                check=False, capture_output=True, text=True,
            )  # fmt: skip
            peak = next(
                int(path.read_text())
                for path in (group / "memory.max_usage_in_bytes", group / "memory.peak")
                if path.is_file()
            )
        if done.returncode:
            raise SystemExit(f"it ended with code {done.returncode}: {done.stderr[-2000:]}")
        history = np.genfromtxt(folder / "run" / "history.csv", delimiter=",", names=True)
    own = re.search(r"RssAnon:\s+(\d+) kB", done.stdout)
    assert own is not None
    print(f"{this_machine()}")
    print(
        f"{NUM_IMAGES:,} images of {SIDE}x{SIDE}x3 are {pixels_bytes / 1e9:.2f} GB; limit "
        f"{LIMIT_BYTES / 1e9:.2f} GB ({pixels_bytes / LIMIT_BYTES:.1f} times less); peak with "
        f"pages of files {peak / 1e9:.2f} GB; memory of the process's own at the end "
        f"{int(own.group(1)) / 1e6:.2f} GB; epochs of {history['seconds'].tolist()} s; "
        f"{done.stdout.splitlines()[-1]}"
    )


if __name__ == "__main__":
    main()
