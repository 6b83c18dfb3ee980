"""Comparing what programs measured over several rounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from peers.job import Job
from processes import Outcome
from programs import OURS, programs_for
from quantities import Quantity


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing, in one unit."""

    median: float
    least: float
    most: float
    num_rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Compared:
    """One program's row of one quantity.

    Attributes:
        spread: over the rounds, or None when every round failed.
        ratio: the program's median over clearsight's; above 1 clearsight is better.
        round_ratio: the median of the same ratio taken within each round.
        wanted: what `ratio` should at least be, if anything.
    """

    program: str
    spread: Spread | None
    ratio: float | None = None
    round_ratio: float | None = None
    wanted: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether `ratio` reaches its target; None without a target or a measurement."""
        if self.wanted is None or self.ratio is None:
            return None
        return self.ratio >= self.wanted


def compare(quantity: Quantity, outcomes: Sequence[Outcome], job: Job) -> list[Compared]:
    """Return a row for every program that measures the quantity, clearsight's first."""
    ours = _values(quantity, OURS, outcomes, job)
    rows = []
    for program in programs_for(quantity.task):
        values = _values(quantity, program.name, outcomes, job)
        spread = Spread.of(list(values.values())) if values else None
        rounds = [values[number] / ours[number] for number in values if number in ours]
        if program.name == OURS or spread is None or not rounds:
            rows.append(Compared(program.name, spread, wanted=quantity.wanted.get(program.name)))
            continue
        rows.append(
            Compared(
                program.name,
                spread,
                ratio=spread.median / statistics.median(ours.values()),
                round_ratio=statistics.median(rounds),
                wanted=quantity.wanted.get(program.name),
            )
        )
    return rows


def spread_of(measured_name: str, program: str, outcomes: Sequence[Outcome]) -> Spread | None:
    """Return the spread of one number that a program measured, or None where it did not."""
    values = [
        value
        for outcome in outcomes
        if outcome.program == program
        and isinstance(value := outcome.measured.get(measured_name), int | float)
    ]
    return Spread.of(values) if values else None


def _values(
    quantity: Quantity, program: str, outcomes: Sequence[Outcome], job: Job
) -> dict[int, float]:
    """Return the quantity by round, for the rounds in which the program did its task."""
    return {
        outcome.round_number: quantity.value(outcome, job)
        for outcome in outcomes
        if (outcome.program, outcome.task) == (program, quantity.task) and outcome.failure is None
    }
