"""Accuracy and time of the recipes `fast` and `strong`, next to Keras on TensorFlow.

The peer trains the reference job. Every training runs in its own process and is timed from the
command to its end. Rounds are interleaved, so that a noisy moment affects all equally; each has its
own seeds, two of `fast` and one of `strong`. Accuracies are of the first 3,000 test images. Run it
with `make bench`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from environments import Environments, InstallationError
from machine import this_machine
from markdown_table import markdown_table
from peers.job import Job, write_arrays
from processes import Measurement
from programs import PROGRAMS

import clearsight

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "recipes.json"
PEER = "Keras on TensorFlow"
NUM_TESTED = 3_000
WANTED = {  # how many times shorter than the peer's, or how accurate in the mean
    "fast": {"fit_seconds": 10, "results_seconds": 8, "test_accuracy": 0.883},
    "strong": {"fit_seconds": 1, "test_accuracy": 0.920},
}

Measured = dict[str, float]
"""Seconds of the fit, to the written results, and of the whole process; and the test accuracy."""


def trained(recipe: str, seed: int, folder: Path) -> Measured:
    """Train on the lesson's images from the command line."""
    out = folder / f"{recipe}-{seed}"
    limits = ["--train-limit", "15000", "--test-limit", str(NUM_TESTED)]
    program = str(Path(sys.executable).with_name("clearsight"))
    command = [program, "train", "fashion-mnist", "--recipe", recipe, *limits]
    begun, started = time.time(), time.perf_counter()
    subprocess.run(
        [*command, "--seed", str(seed), "--out", str(out)], check=True, capture_output=True
    )
    whole_seconds = time.perf_counter() - started
    results = json.loads((out / "results.json").read_text())
    return {
        "fit_seconds": results["fit_seconds"],
        "results_seconds": (out / "results.json").stat().st_mtime - begun,
        "whole_seconds": whole_seconds,
        "test_accuracy": results["test_accuracy"],
    }


def peer_trained(environments: Environments, job: Job, round_number: int) -> Measured:
    """Train the reference job as the peer does; its results are written when it ends."""
    (peer,) = (program for program in PROGRAMS if program.name == PEER)
    python = environments.python_for(peer)
    started = time.perf_counter()
    outcome = Measurement(peer, "reference", round_number).run(python, job)
    whole_seconds = time.perf_counter() - started
    if outcome.failure is not None:
        raise RuntimeError(outcome.failure)
    measured = {name: outcome.measured[name] for name in ("fit_seconds", "test_accuracy")}
    seconds = {"results_seconds": whole_seconds, "whole_seconds": whole_seconds}
    return {name: float(value) for name, value in (measured | seconds).items()}  # pyright: ignore


def table(measured: dict[str, list[Measured]]) -> str:
    """Return a row for each program and measure."""
    rows = []
    for name, trainings in measured.items():
        for measure in ("fit_seconds", "results_seconds", "whole_seconds", "test_accuracy"):
            values = [training[measure] for training in trainings]
            is_time = measure != "test_accuracy"
            middle = statistics.median(values) if is_time else statistics.mean(values)
            ratio = None
            if is_time and name != PEER and PEER in measured:
                ratio = statistics.median(row[measure] for row in measured[PEER]) / middle
            wanted = WANTED.get(name, {}).get(measure)
            reached = ratio if is_time else middle
            verdict = (
                ""
                if wanted is None or reached is None
                else (f"{wanted:g}, {'met' if reached >= wanted else 'missed'}")
            )
            digits = 2 if is_time else 4
            spread = f"{middle:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
            ratio_text = "" if ratio is None else f"{ratio:.1f}x"
            rows.append((name, _WORDS[measure], spread, str(len(values)), ratio_text, verdict))
    header = ("program", "measure", "median, or mean accuracy (least to most)", "n")
    return markdown_table((*header, "times shorter than the peer's", "wanted"), rows)


_WORDS = {
    "fit_seconds": "fit, s",
    "results_seconds": "from the command to results.json, s",
    "whole_seconds": "whole process, with report and bundle, s",
    "test_accuracy": "test accuracy",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    environments = Environments(HERE / ".environments")
    measured: dict[str, list[Measured]] = {PEER: [], "fast": [], "strong": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        job = Job(temporary, this_machine().num_cores, num_predicted=NUM_TESTED)
        train, test = clearsight.load_data("fashion-mnist")
        assert test is not None
        for part, images, count in (
            ("train", train, job.num_images), ("test", test, job.num_predicted),
        ):  # fmt: skip
            write_arrays(folder, part, images.images[:count], images.labels[:count])
        for number in range(asked.rounds):
            for seed in (2 * number, 2 * number + 1):
                measured["fast"].append(trained("fast", seed, folder))
            measured["strong"].append(trained("strong", number, folder))
            try:
                measured[PEER].append(peer_trained(environments, job, number))
            except (InstallationError, RuntimeError) as error:
                print(f"left out: {PEER}: {error}", file=sys.stderr)
            print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
    measured = {name: rows for name, rows in measured.items() if rows}
    report = {
        "machine": str(this_machine()),
        "versions": {name: version(name) for name in ("clearsight", "keras", "torch", "numpy")},
        "num_rounds": asked.rounds,
        "measured": measured,
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{report['machine']}, {asked.rounds} rounds\n\n{table(measured)}")


if __name__ == "__main__":
    main()
