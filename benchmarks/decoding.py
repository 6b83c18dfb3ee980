"""How fast 60,000 small JPEG files in class folders become arrays, next to peers; `make bench`.

Each program runs in its own process; rounds are interleaved. The files are Fashion-MNIST's training
images at 32x32 in colour. Starting Python and importing is not counted for any of them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from environments import Environments, InstallationError
from machine import this_machine
from markdown_table import markdown_table
from PIL import Image
from programs import Program

import clearsight

NUM_IMAGES = 60_000
NUM_ROUNDS = 5
HERE = Path(__file__).parent
RESULTS = HERE / "results" / "decoding.json"

# What is timed, by its name in the table: the program in peers/, and its environment.
PEERS: dict[str, tuple[str, str | None]] = {
    "clearsight, first time": ("clearsight_images", None),
    "clearsight, second time": ("clearsight_images", None),
    "Pillow loop, two processes": ("pillow_loop", None),
    "PyTorch DataLoader, two workers": ("torch_images", None),
    "Keras image_dataset_from_directory (TensorFlow)": ("keras_images", "tf"),
}


def write_images(root: Path) -> None:
    train, _ = clearsight.load_data("fashion-mnist")
    for index in range(NUM_IMAGES):
        name = train.class_names[train.labels[index]].replace("/", " or ")
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(train.images[index, ..., 0]).resize((32, 32)).convert("RGB")
        image.save(folder / f"{index:05}.jpg")


def seconds_of(python: Path, program: str, images: Path, cache: Path) -> float:
    done = subprocess.run(
        [python, HERE / "peers" / f"{program}.py", images],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "CLEARSIGHT_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    seconds, count = done.stdout.split()[-2:]
    if int(count) != NUM_IMAGES:
        raise SystemExit(f"{program} read {count} images")
    return float(seconds)


def main() -> None:
    environments = Environments(HERE / ".environments")
    pythons: dict[str, Path] = {}
    for name, (program, environment) in PEERS.items():
        try:
            pythons[name] = environments.python_for(Program(name, program, (), environment))
        except InstallationError as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
    seconds: dict[str, list[float]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory() as folder:
        images, cache = Path(folder) / "images", Path(folder) / "cache"
        write_images(images)
        for _ in range(NUM_ROUNDS):
            shutil.rmtree(cache, ignore_errors=True)
            for name, python in pythons.items():
                seconds[name].append(seconds_of(python, PEERS[name][0], images, cache))
    base = statistics.median(seconds["Pillow loop, two processes"])
    report = {
        "machine": str(this_machine()),
        "versions": {name: version(name) for name in ("clearsight", "pillow", "torch", "keras")},
        "num_images": NUM_IMAGES,
        "seconds": seconds,
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{NUM_IMAGES:,} JPEG files of 32x32, {NUM_ROUNDS} rounds, {report['machine']}\n")
    rows = [
        (
            name,
            f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})",
            f"{statistics.median(times) / base:.2f}",
        )
        for name, times in seconds.items()
    ]
    header = ("read by", "median s (least to most)", "times the Pillow loop's")
    print(markdown_table(header, rows))


if __name__ == "__main__":
    main()
