"""How fast the command line responds, next to a plain import of Keras. Run it with `make bench`.

Each command is its own process; rounds are interleaved, so that a noisy moment affects all equally.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

NUM_ROUNDS = 10
RESULTS = Path(__file__).with_name("startup.json")


def commands() -> dict[str, list[str]]:
    """What is timed, by the name in the table; the last one is the peer."""
    program = str(Path(sys.executable).with_name("clearsight"))
    return {
        "clearsight --help": [program, "--help"],
        "clearsight train --help": [program, "train", "--help"],
        "clearsight data list": [program, "data", "list"],
        "clearsight trace lesson": [program, "trace", "lesson"],
        "python -c 'import keras' (torch backend)": [sys.executable, "-c", "import keras"],
    }


def seconds_of(command: list[str]) -> float:
    """Run a command once and return its wall-clock seconds."""
    started = time.perf_counter()
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


def main() -> None:
    timed = commands()
    for command in timed.values():
        seconds_of(command)  # once unmeasured: files come from the disk
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(NUM_ROUNDS):
        for name, command in timed.items():
            seconds[name].append(seconds_of(command))
    report = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("clearsight", "keras", "torch", "click")},
        },
        "num_rounds": NUM_ROUNDS,
        "median_seconds": {name: statistics.median(times) for name, times in seconds.items()},
        "spread_seconds": {name: [min(times), max(times)] for name, times in seconds.items()},
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{report['machine']}; {report['versions']}; {NUM_ROUNDS} rounds")
    for name, times in seconds.items():
        print(
            f"{name:<42} median {statistics.median(times):.2f} s "
            f"({min(times):.2f} to {max(times):.2f})"
        )
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
