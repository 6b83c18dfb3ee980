"""How many images per second a server classifies, next to a naive one; run it with `make bench`.

Both serve the same network to the same clients, one server at a time, on all cores, which the
clients use too. Rounds are interleaved. Every answer is checked. Images are sent as an HTML form
does.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from environments import ENVIRONMENTS, Environments
from load_generator import Answers, Question, closed_load, form_request, open_load
from machine import this_machine
from markdown_table import markdown_table
from PIL import Image
from programs import OURS, Program

import clearsight

HERE = Path(__file__).parent
NUM_IMAGES = 256
NUM_CLIENTS = (1, 8, 64)
HALF = "half load"
WARM_SECONDS = 2.0
WANTED_RATIO, WANTED_P99_SECONDS = 5, 0.1
NAIVE = Program("FastAPI + Keras on TensorFlow", "naive_keras_server", (), "tf-serve")


def main() -> None:
    options = _options()
    python = Environments(options.environments).python_for(NAIVE)
    measured: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        run = clearsight.train(
            "fashion-mnist", epochs=2, out=Path(folder) / "run", report=False, verbose=False
        )
        servers = {
            OURS: ([_program(), "serve", f"m={run.path}", "--port"], "/v1/models/m:predict"),
            NAIVE.name: (
                [python, HERE / "peers" / f"{NAIVE.module}.py", run.path / "model.keras"],
                "/predict",
            ),
        }
        images, bundle = _images(), clearsight.load(run.path / "bundle")
        for round_number in range(options.rounds):
            names = list(servers)
            for name in names[round_number % 2 :] + names[: round_number % 2]:
                command, path = servers[name]
                questions = _questions(bundle, images, path)
                measured += _measure(name, command, questions, options.seconds, round_number)
    report = {
        "machine": str(this_machine()),
        "load_before": os.getloadavg()[0],
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("clearsight", "fastapi", "uvicorn", "onnxruntime")},
            **{f"peer's {name}": number for name, number in ENVIRONMENTS["tf-serve"].items()},
        },
        "num_rounds": options.rounds,
        "seconds": options.seconds,
        "measured": measured,
    }
    path = HERE / "results" / ("serving-quick.json" if options.quick else "serving.json")
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{report['machine']}; {report['versions']}; {options.rounds} rounds\n")
    print(_table(measured))
    print(_verdict(measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument("--seconds", type=float, help="of each load: 10, or 2 with --quick")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only check that everything runs; the numbers mean nothing",
    )
    parser.add_argument("--environments", type=Path, default=HERE / ".environments")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (2.0 if options.quick else 10.0)
    return options


def _program() -> Path:
    return Path(sys.executable).with_name("clearsight")


def _images() -> list[bytes]:
    _, test = clearsight.load_data("fashion-mnist")
    assert test is not None
    files = []
    for image in test.images[:NUM_IMAGES]:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, "PNG")
        files.append(file.getvalue())
    return files


def _questions(bundle: clearsight.Bundle, images: list[bytes], path: str) -> list[Question]:
    known = bundle.predict(images)
    return [
        Question(form_request(path, image), int(label), float(row[label]))
        for image, label, row in zip(images, known.labels, known.probabilities, strict=True)
    ]


def _measure(
    name: str, command: list, questions: list[Question], seconds: float, round_number: int
) -> list[dict[str, object]]:
    rows = []

    def note(load: str, answers: Answers) -> None:
        rows.append(
            {
                "server": name,
                "round": round_number,
                "load": load,
                "per_second": answers.per_second,
                "p50_seconds": answers.quantile(0.5),
                "p99_seconds": answers.quantile(0.99),
                "num_answers": len(answers.latencies),
                "num_wrong": answers.num_wrong,
                "num_failed": answers.num_failed,
            }
        )
        print(f"round {round_number}, {name}, {load}: {answers.per_second:.0f}/s", file=sys.stderr)

    with _running(command) as port:
        closed_load(port, questions, max(NUM_CLIENTS), WARM_SECONDS)
        for num_clients in NUM_CLIENTS:
            answers = closed_load(port, questions, num_clients, seconds)
            note(f"{num_clients} clients", answers)
        note(HALF, open_load(port, questions, answers.per_second / 2, seconds))
    return rows


@contextmanager
def _running(command: list) -> Iterator[int]:
    port = _free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*map(str, command), str(port)], stdout=log, stderr=log)
        try:
            for _ in range(600):
                time.sleep(0.1)
                with socket.socket() as attempt:
                    if attempt.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if process.poll() is not None:
                    log.seek(0)
                    raise SystemExit(log.read().decode())
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _values(measured: list[dict[str, object]], server: str, load: str, what: str) -> list[float]:
    return [row[what] for row in measured if (row["server"], row["load"]) == (server, load)]  # type: ignore[misc]


def _table(measured: list[dict[str, object]]) -> str:
    def cell(server: str, load: str, what: str, factor: float) -> str:
        values = [factor * value for value in _values(measured, server, load, what)]
        return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"

    rows = []
    for load in (*(f"{number} clients" for number in NUM_CLIENTS), HALF):
        for server in (OURS, NAIVE.name):
            wrong = sum(_values(measured, server, load, "num_wrong"))
            failed = sum(_values(measured, server, load, "num_failed"))
            rows.append(
                (
                    load,
                    server,
                    cell(server, load, "per_second", 1),
                    cell(server, load, "p50_seconds", 1_000),
                    cell(server, load, "p99_seconds", 1_000),
                    f"{wrong:.0f}, {failed:.0f}",
                )
            )
    header = ("load", "server", "images a second", "p50, ms", "p99, ms", "wrong, failed")
    return markdown_table(header, rows)


def _verdict(measured: list[dict[str, object]]) -> str:
    most = f"{max(NUM_CLIENTS)} clients"
    ours = statistics.median(_values(measured, OURS, most, "per_second"))
    naive = statistics.median(_values(measured, NAIVE.name, most, "per_second"))
    p99 = statistics.median(_values(measured, OURS, HALF, "p99_seconds"))
    wrong = sum(row["num_wrong"] for row in measured if row["server"] == OURS)  # type: ignore[misc]
    words = {True: "met", False: "missed"}
    return (
        f"\n{ours / naive:.1f} times as many with {most} (wanted: {WANTED_RATIO}, "
        f"{words[ours >= WANTED_RATIO * naive]}); p99 at half load {1_000 * p99:.0f} ms (wanted: "
        f"below {1_000 * WANTED_P99_SECONDS:.0f}, {words[p99 < WANTED_P99_SECONDS]}); wrong "
        f"answers: {wrong} (wanted: 0, {words[wrong == 0]})"
    )


if __name__ == "__main__":
    main()
