"""How fast training and prediction are, next to peers that do the same job. Run with `make bench`.

Each program is its own process. A round runs every program once on every task, in an order that
rotates from round to round, so that a noisy moment affects all equally. Results are written after
every round; progress goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from environments import Environments, InstallationError
from machine import this_machine
from peers.job import Job, write_arrays
from processes import Measurement, Outcome
from programs import programs_for
from quantities import SECTIONS, tasks_for
from result_files import write_results
from speed_report import Report

import clearsight

HERE = Path(__file__).parent
BUSY_LOAD = 0.5  # processes that wanted a core in the last minute, on average


def main() -> None:
    options = _options()
    machine = this_machine()
    with tempfile.TemporaryDirectory() as folder:
        job = _job(Path(folder), machine.num_cores, options.quick)
        _write_images(job)
        environments = Environments(options.environments)
        report = Report((), options.only, job, machine, os.getloadavg()[0])
        _warn_when_busy(report.load_before)
        for round_number in range(1, options.rounds + 1):
            for measurement in _round(options.only, round_number):
                outcome = _measure(measurement, environments, job)
                report = replace(report, outcomes=(*report.outcomes, outcome))
            write_results(report, HERE / "results" / _results_name(options))
    print(report.as_markdown())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only check that everything runs; the numbers mean nothing",
    )
    parser.add_argument("--only", default=",".join(SECTIONS), help="some of %(default)s")
    parser.add_argument(
        "--environments",
        type=Path,
        default=HERE / ".environments",
        help="folder with the peers' environments, made there when absent",
    )
    options = parser.parse_args()
    options.only = tuple(options.only.split(","))
    unknown = set(options.only) - set(SECTIONS)
    if unknown:
        parser.error(f"--only takes some of {','.join(SECTIONS)}, not {','.join(sorted(unknown))}")
    options.rounds = (1 if options.quick else 3) if options.rounds is None else options.rounds
    if options.rounds < 1:
        parser.error("--rounds should be at least 1")
    return options


def _job(folder: Path, num_threads: int, quick: bool) -> Job:
    if not quick:
        return Job(str(folder), num_threads)
    return Job(
        str(folder),
        num_threads,
        num_images=2_000,
        num_epochs=1,
        num_predicted=1_000,
        num_predict_calls=3,
        num_warm_steps=1,
        num_timed_steps=1,
        peak_seconds=0.4,
    )


def _write_images(job: Job) -> None:
    """Write the images that the programs read, as many as the job asks for."""
    train, test = clearsight.load_data("fashion-mnist")
    assert test is not None, "Fashion-MNIST has test images"
    for part, images, count in (
        ("train", train, job.num_images),
        ("test", test, job.num_predicted),
    ):
        write_arrays(Path(job.data_dir), part, images.images[:count], images.labels[:count])


def _warn_when_busy(load: float) -> None:
    """Warn if other processes compute: threads that wait for each other slow down most."""
    if load > BUSY_LOAD:
        print(
            f"the machine is busy (load {load:.2f}): timings may be several times too long",
            file=sys.stderr,
        )


def _results_name(options: argparse.Namespace) -> str:
    """Return the file name, so that only a complete measurement replaces the published one."""
    if options.quick:
        return "quick"
    return "speed" if set(options.only) == set(SECTIONS) else f"only-{'-'.join(options.only)}"


def _round(sections: tuple[str, ...], round_number: int) -> Iterator[Measurement]:
    """Yield every program on every task once; who starts rotates with the round."""
    for task in tasks_for(sections):
        programs = programs_for(task)
        first = (round_number - 1) % len(programs)
        for program in programs[first:] + programs[:first]:
            yield Measurement(program, task, round_number)


def _measure(measurement: Measurement, environments: Environments, job: Job) -> Outcome:
    started = time.perf_counter()
    try:
        python = environments.python_for(measurement.program)
    except InstallationError as failure:
        outcome = measurement.failed(str(failure))
    else:
        outcome = measurement.run(python, job)
    seconds = time.perf_counter() - started
    print(
        f"round {outcome.round_number}, {outcome.task}, {outcome.program}: "
        f"{outcome.failure or 'done'} ({seconds:.0f} s)",
        file=sys.stderr,
        flush=True,
    )
    return outcome


if __name__ == "__main__":
    main()
