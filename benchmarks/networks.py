"""How fast networks of many kinds train and predict, next to peers. Run with `make bench`.

For each network, every system is a process that prepares itself and then takes turns with the
others: each turn is one call of `fit` and one of `predict` over the same images, in an order that
rotates from round to round. Results are written after every network; progress goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from environments import Environments, InstallationError
from machine import this_machine
from network_limits import MachineLimits, Work, count_work
from networks_report import NetworkResult, NetworksReport, SystemResult
from peers.job import Job
from peers.keras_network_table import build_keras
from peers.network_rows import ROWS, NetworkRow
from processes import Measurement
from programs import PROGRAMS, Program, programs_for
from result_files import write_results
from worker import Worker, WorkerError

HERE = Path(__file__).parent
PUBLISHED = HERE / "results" / "networks"
PAGE = HERE.parent / "docs" / "explanation" / "benchmarks.md"
MARKS = ("<!-- networks -->\n", "<!-- end of networks -->\n")  # around the tables in `PAGE`
TASK = "network"
KINDS_OF_WORK = ("training", "prediction")
SYSTEMS = {  # what --systems calls them
    "clearsight": "clearsight",
    "tensorflow": "Keras on TensorFlow",
    "torch": "Keras on torch",
    "pytorch": "hand-tuned PyTorch",
}


def main() -> None:
    options = _options()
    machine = this_machine()
    peak_seconds = 3.0 if options.results == PUBLISHED else 0.3
    job = Job("", machine.num_cores, peak_seconds=peak_seconds)
    environments = Environments(options.environments)
    report = NetworksReport(
        machine=machine,
        limits=_machine_limits(environments, job),
        load_before=os.getloadavg()[0],
        num_rounds=options.rounds,
        systems=tuple(SYSTEMS[name] for name in options.systems),
    )
    for name in options.only:
        result = _measure(ROWS[name], options, environments, job)
        report = replace(report, networks=(*report.networks, result))
        write_results(report, options.results)
    if options.results == PUBLISHED:
        _write_into_page(report.as_markdown())
    print(report.as_markdown())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="5, or 1 with --quick")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only check that everything runs; the numbers mean nothing",
    )
    parser.add_argument(
        "--only", type=_names(ROWS), default=tuple(ROWS), help=f"some of {','.join(ROWS)}"
    )
    parser.add_argument(
        "--systems", type=_names(SYSTEMS), default=tuple(SYSTEMS),
        help=f"some of {','.join(SYSTEMS)}",
    )  # fmt: skip
    parser.add_argument(
        "--environments",
        type=Path,
        default=HERE / ".environments",
        help="folder of the peers' environments, which are created if they do not exist",
    )
    parser.add_argument(
        "--results", type=Path, help="files to write instead of the published ones, without suffix"
    )
    options = parser.parse_args()
    options.rounds = (1 if options.quick else 5) if options.rounds is None else options.rounds
    if options.rounds < 1:
        parser.error("--rounds should be at least 1")
    if options.results is None:
        is_complete = not options.quick and len(options.only) == len(ROWS)
        is_complete = is_complete and len(options.systems) == len(SYSTEMS)
        options.results = PUBLISHED if is_complete else PUBLISHED.with_name("networks-part")
    return options


def _names(known: Iterable[str]):
    """Return a parser of a comma-separated list of these names."""

    def read(text: str) -> tuple[str, ...]:
        unknown = sorted(set(text.split(",")) - set(known))
        if unknown:
            raise argparse.ArgumentTypeError(
                f"it takes some of {','.join(known)}, not {','.join(unknown)}"
            )
        return tuple(text.split(","))

    return read


def _machine_limits(environments: Environments, job: Job) -> MachineLimits | None:
    (program,) = programs_for("machine_peak")
    outcome = Measurement(program, "machine_peak", 1).run(environments.python_for(program), job)
    if outcome.failure:
        print(f"the machine's limits: {outcome.failure}", file=sys.stderr)
        return None
    return MachineLimits.of(outcome.measured)


def _measure(
    row: NetworkRow, options: argparse.Namespace, environments: Environments, job: Job
) -> NetworkResult:
    """Measure every system on one network."""
    num_batches = min(2, row.num_batches) if options.quick else row.num_batches
    job = replace(job, network=row.name, num_timed_steps=num_batches)
    wanted = [SYSTEMS[name] for name in options.systems]
    results = {
        program.name: SystemResult(program.name)
        for program in PROGRAMS
        if TASK in program.tasks and program.name in wanted
    }
    workers: dict[str, Worker] = {}
    try:
        for program in programs_for(TASK):
            if program.name in results:
                worker, result = _start(program, environments, job)
                results[program.name] = result
                if worker is not None:
                    workers[program.name] = worker
        for number in range(options.rounds):
            names = list(workers)
            first = number % max(1, len(names))
            for name in names[first:] + names[:first]:
                try:
                    for work in KINDS_OF_WORK:
                        seconds = workers[name].take_turn(work)
                        results[name] = results[name].with_turn(work, seconds)
                except WorkerError as error:
                    results[name] = replace(results[name], failure=str(error))
                    workers.pop(name).close()
    finally:
        for worker in workers.values():
            worker.close()
    work: Work = count_work(build_keras(row.name), num_bytes=2 if job.bfloat16_is_fast else 4)
    result = NetworkResult(
        row.name, row.title, row.batch_size, row.batch_size * num_batches, work,
        tuple(results.values()),
    )  # fmt: skip
    print(result.as_line(), file=sys.stderr, flush=True)
    return result


def _start(
    program: Program, environments: Environments, job: Job
) -> tuple[Worker | None, SystemResult]:
    """Start a system's process, and wait until it is ready."""
    result = SystemResult(program.name)
    try:
        python = environments.python_for(program)
        worker = Worker(Measurement(program, TASK, 1), python, job)
    except (InstallationError, WorkerError) as error:
        return None, replace(result, failure=str(error))
    return worker, replace(result, ready=worker.ready, versions=worker.versions)


def _write_into_page(tables: str) -> None:
    before, rest = PAGE.read_text("utf-8").split(MARKS[0])
    _, after = rest.split(MARKS[1])
    PAGE.write_text(f"{before}{MARKS[0]}\n{tables}\n{MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    main()
