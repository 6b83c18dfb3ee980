"""The table of what is compared, and how much faster it should be than each peer."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from peers.job import Job
from processes import Outcome


@dataclass(frozen=True)
class Quantity:
    """Something that every program measures, and of which less is better.

    Attributes:
        section: what ``--only`` calls it.
        title: the row's title in the table, with the job's numbers in braces.
        task: the task that measures it.
        unit: of `value`.
        value: reads it from one outcome.
        wanted: by a peer's name, how many times ours the peer's value should at least be.
    """

    section: str
    title: str
    task: str
    unit: str
    value: Callable[[Outcome, Job], float]
    wanted: Mapping[str, float]

    def title_for(self, job: Job) -> str:
        """Return the title with the job's numbers."""
        return self.title.format_map(asdict(job))


def _epoch_seconds(outcome: Outcome, job: Job) -> float:
    return _number(outcome, "fit_seconds") / job.num_epochs


def _predict_seconds(outcome: Outcome, job: Job) -> float:
    del job
    calls = outcome.measured["call_seconds"]
    assert isinstance(calls, list)
    return statistics.median(calls)


def _step_seconds(outcome: Outcome, job: Job) -> float:
    del job
    return _number(outcome, "step_seconds")


def _peak_megabytes(outcome: Outcome, job: Job) -> float:
    del job
    return _number(outcome, "peak_memory_bytes") / 1e6


def _number(outcome: Outcome, name: str) -> float:
    number = outcome.measured[name]
    assert isinstance(number, int | float)
    return number


QUANTITIES = (
    Quantity(
        "reference",
        "an epoch of the reference job (fit / {num_epochs})",
        "reference",
        "s",
        _epoch_seconds,
        {
            "Keras on TensorFlow": 2.5,
            "Keras on torch": 5,
            "PyTorch, DataLoader": 3.5,
            "hand-tuned PyTorch": 1.1,
        },
    ),
    Quantity(
        "predict",
        "predict, {num_predicted:,} images",
        "predict",
        "s",
        _predict_seconds,
        {"Keras on TensorFlow": 3},
    ),
    Quantity(
        "resnet",
        "a training step of ResNet-18 on 32x32x3, batch {batch_size}",
        "resnet",
        "s",
        _step_seconds,
        {"Keras on torch": 2, "hand-tuned PyTorch": 0.95},
    ),
    Quantity(
        "peak",
        "peak memory of the reference fit",
        "reference",
        "MB",
        _peak_megabytes,
        {"Keras on torch": 1},
    ),
)

SECTIONS = tuple(quantity.section for quantity in QUANTITIES)


def tasks_for(sections: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tasks to run for these sections, each once, and the machine's peak with a fit."""
    tasks = [quantity.task for quantity in QUANTITIES if quantity.section in sections]
    if "reference" in sections:
        tasks.append("machine_peak")
    return tuple(dict.fromkeys(tasks))
