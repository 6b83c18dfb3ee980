"""Prediction with a bundle, next to Keras on TensorFlow; run it with `make bench`.

Measures one image from a cold start to its prediction; 10,000 images of Fashion-MNIST in memory,
without the start; and 8-bit integers next to float32. Every program runs in its own process, and
rounds are interleaved, so that a noisy moment affects all equally. The network is the lesson's,
trained for one epoch, which does not change its speed. The peer predicts as Keras's `predict` does
by default, in batches of 32, and with the best of three batch sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from environments import Environments, InstallationError
from machine import this_machine
from markdown_table import markdown_table
from PIL import Image
from programs import Program

import clearsight
from clearsight.run.export.bundle import export_run
from clearsight.run.export.int8 import export_int8

NUM_IMAGES = 10_000
HERE = Path(__file__).parent
RESULTS = HERE / "results" / "prediction.json"
OURS, INT8, PEER = "clearsight", "clearsight, int8", "Keras on TensorFlow"
BATCH_SIZES = {f"{PEER}, batches of 32": (32,), f"{PEER}, best batches": (32, 256, 1024)}

Commands = dict[str, list[str]]
Seconds = dict[str, list[float]]


def prepared(folder: Path) -> tuple[Path, Path, Path]:
    """Train, export, and write one image and many; return their paths and the run's."""
    out = folder / "run"
    run = clearsight.train(
        "fashion-mnist", epochs=1, train_limit=3_000, out=out, report=False, verbose=False
    )
    export_run(run)
    export_int8(run, allow_loss=True)
    _, test = clearsight.load_data("fashion-mnist")
    assert test is not None
    image, many = folder / "image.png", folder / "many.npy"
    Image.fromarray(test.images[0, ..., 0]).save(image)
    np.save(many, test.images[:NUM_IMAGES])
    return out, image, many


def one_image(python: Path | None, out: Path, image: Path) -> Commands:
    """Return the commands that classify one image from a cold start."""
    program = str(Path(sys.executable).with_name("clearsight"))
    commands = {OURS: [program, "predict", str(out / "bundle"), str(image)]}
    if python is not None:
        peer = str(HERE / "peers" / "keras_prediction.py")
        commands[PEER] = [str(python), peer, "one", str(out / "model.keras"), str(image)]
    return commands


def many_images(python: Path | None, out: Path, many: Path, num_calls: int) -> Commands:
    """Return the commands that classify many images and print the seconds of each call."""
    ours = [sys.executable, str(HERE / "peers" / "bundle_prediction.py")]
    rest = [str(many), str(num_calls)]
    commands = {
        OURS: [*ours, str(out / "bundle"), *rest],
        INT8: [*ours, str(out / "bundle-int8"), *rest],
    }
    if python is not None:
        peer = str(HERE / "peers" / "keras_prediction.py")
        for name, sizes in BATCH_SIZES.items():
            arguments = [*rest, *map(str, sizes)]
            commands[name] = [str(python), peer, "many", str(out / "model.keras"), *arguments]
    return commands


def run(command: list[str]) -> str:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stdout


def cold_seconds(commands: Commands, num_rounds: int) -> Seconds:
    """Time whole processes, once unmeasured, so that files come from memory."""
    from time import perf_counter

    seconds: Seconds = {name: [] for name in commands}
    for number in range(num_rounds + 1):
        for name, command in commands.items():
            started = perf_counter()
            run(command)
            if number:
                seconds[name].append(perf_counter() - started)
    return seconds


def reported_seconds(commands: Commands, num_rounds: int) -> Seconds:
    """Collect the seconds that processes print last; libraries may print other lines before."""
    seconds: Seconds = {name: [] for name in commands}
    for _ in range(num_rounds):
        for name, command in commands.items():
            said = run(command).strip().splitlines()[-1]
            seconds[name].append(statistics.median(map(float, said.split())))
    return seconds


def table(seconds: Seconds, what: str) -> str:
    base = statistics.median(seconds[OURS])
    rows = [
        (
            name,
            f"{statistics.median(times):.3f} ({min(times):.3f} to {max(times):.3f})",
            f"{statistics.median(times) / base:.2f}",
        )
        for name, times in seconds.items()
    ]
    return markdown_table((what, "median s (least to most)", "times clearsight's"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=3)
    asked = parser.parse_args()
    peer = Program(PEER, "keras_prediction", (), "tf")
    python = None
    try:
        python = Environments(HERE / ".environments").python_for(peer)
    except InstallationError as error:
        print(f"left out: {PEER}: {error}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        out, image, many = prepared(Path(folder))
        cold = cold_seconds(one_image(python, out, image), asked.rounds)
        throughput = reported_seconds(many_images(python, out, many, asked.calls), asked.rounds)
    report = {
        "machine": str(this_machine()),
        "versions": {name: version(name) for name in ("clearsight", "onnxruntime", "numpy")},
        "num_rounds": asked.rounds,
        "num_images": NUM_IMAGES,
        "one_image_seconds": cold,
        "many_images_seconds": throughput,
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{report['machine']}, {asked.rounds} rounds\n")
    print(table(cold, "one image, from a cold start"))
    print()
    print(table(throughput, f"{NUM_IMAGES:,} images from memory"))


if __name__ == "__main__":
    main()
