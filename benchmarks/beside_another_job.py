"""How fast a training is on an idle machine, and next to another training. Run with `make bench`.

The other training is plain Keras on torch with its default settings, as in any notebook. Ours is
run with several settings of how OpenMP's threads wait for each other. Rounds are interleaved.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from machine import this_machine
from markdown_table import markdown_table

SETTINGS: dict[str, dict[str, str]] = {
    "clearsight": {},
    "torch's own waits": {
        "GOMP_SPINCOUNT": "300000"
    },  # libgomp's default; because it is set, clearsight leaves it alone
    "GOMP_SPINCOUNT=2000": {"GOMP_SPINCOUNT": "2000"},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
}
SITUATIONS = ("idle", "beside Keras")


def train(program: str, seconds: float) -> None:
    """Train the reference network for a while, and print milliseconds per step."""
    import numpy as np
    from peers.keras_networks import reference_network

    import clearsight
    from clearsight.models.backend import keras

    random = np.random.default_rng(0)
    x = random.random((12_000, 28, 28, 1), dtype=np.float32)
    y = random.integers(0, 10, len(x))
    model = reference_network()
    if program == "clearsight":
        clearsight.accelerate(model)
    model.fit(x[:640], y[:640], batch_size=64, verbose=0)
    print("ready", flush=True)
    num_steps, began = 0, time.perf_counter()

    def count(*_: object, **__: object) -> None:
        nonlocal num_steps
        num_steps += 1
        if time.perf_counter() - began > seconds:
            model.stop_training = True

    counting = keras.callbacks.LambdaCallback(on_train_batch_end=count)
    while time.perf_counter() - began < seconds:
        model.fit(x, y, batch_size=64, verbose=0, callbacks=[counting])
    print(1000 * (time.perf_counter() - began) / num_steps)


@contextmanager
def training(program: str, seconds: float, settings: dict[str, str]) -> Iterator[subprocess.Popen]:
    """Start a training in a separate process, and yield the process when the steps begin."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, __file__, "--train", program, "--seconds", str(seconds)]
    environment = {**inherited, "KERAS_BACKEND": "torch", **settings}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def step_milliseconds(seconds: float, settings: dict[str, str]) -> float:
    """Return the milliseconds per step of clearsight's training with these settings."""
    with training("clearsight", seconds, settings) as process:
        return float(process.communicate()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each training")
    parser.add_argument("--situation", choices=SITUATIONS, action="append", help="both by default")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(options.train, options.seconds)
        return
    found: dict[str, dict[str, list[float]]] = {name: {} for name in SETTINGS}
    for situation in options.situation or SITUATIONS:
        with training("keras", 1e6, {}) if situation != "idle" else nullcontext():
            for round_number in range(options.rounds):
                for name in list(SETTINGS)[:: -1 if round_number % 2 else 1]:
                    milliseconds = step_milliseconds(options.seconds, SETTINGS[name])
                    found[name].setdefault(situation, []).append(milliseconds)
                    message = f"{situation}, {name}: {milliseconds:.2f} ms"
                    print(message, file=sys.stderr, flush=True)
    situations = options.situation or list(SITUATIONS)
    rows = [
        [name, *(_described(times[situation]) for situation in situations)]
        for name, times in found.items()
    ]
    print(f"{this_machine()}; {options.rounds} rounds; median ms per step (lowest to highest)\n")
    print(markdown_table(["how threads wait", *situations], rows))
    print(json.dumps(found))


def _described(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"


if __name__ == "__main__":
    main()
