"""The report: every number as JSON, and the tables as Markdown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from comparison import Compared, Spread, compare, spread_of
from machine import Machine
from markdown_table import markdown_table
from peers.job import Job
from processes import Outcome
from programs import programs_for
from quantities import QUANTITIES, Quantity
from throughput import Throughput, throughput


@dataclass(frozen=True)
class Report:
    """The outcomes of all rounds so far, on one machine, for one job.

    Attributes:
        sections: what was asked for, of `quantities.SECTIONS`.
        load_before: processes that wanted a core in the minute before, on average.
    """

    outcomes: tuple[Outcome, ...]
    sections: tuple[str, ...]
    job: Job
    machine: Machine
    load_before: float

    def as_json(self) -> dict[str, Any]:
        """Return everything, down to what each program measured in each round."""
        compared = {
            quantity.title_for(self.job): {
                "unit": quantity.unit,
                "programs": [{**asdict(row), "met": row.met} for row in rows],
            }
            for quantity, rows in self._compared()
        }
        reached = throughput(self.outcomes, self.job, self.machine)
        job = asdict(self.job)
        del job["data_dir"]  # a temporary folder
        return {
            "machine": asdict(self.machine),
            "load_before": self.load_before,
            "versions": self._versions(),
            "num_rounds": self._num_rounds(),
            "job": job,
            "compared": compared,
            "throughput": asdict(reached) if reached else None,
            "rounds": [asdict(outcome) for outcome in self.outcomes],
        }

    def as_markdown(self) -> str:
        """Return the tables, then what they were measured on and what failed."""
        rows = [
            _cells(quantity.title_for(self.job) if not index else "", quantity, row)
            for quantity, compared in self._compared()
            for index, row in enumerate(compared)
        ]
        header = [
            "measured", "program", "median (least to most)",
            "times clearsight's", "median over rounds", "wanted",
        ]  # fmt: skip
        parts = [markdown_table(header, rows)]
        reached = throughput(self.outcomes, self.job, self.machine)
        if "reference" in self.sections:
            if reached is not None and reached.fractions:
                parts.append(_throughput_table(reached))
            parts.append(self._accuracies())
        parts.append(self._circumstances())
        parts += [
            f"Failed: {outcome.program}, {outcome.task}, round {outcome.round_number}: "
            f"{outcome.failure}"
            for outcome in self.outcomes
            if outcome.failure
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _compared(self) -> list[tuple[Quantity, list[Compared]]]:
        return [
            (quantity, compare(quantity, self.outcomes, self.job))
            for quantity in QUANTITIES
            if quantity.section in self.sections
        ]

    def _num_rounds(self) -> int:
        return max((outcome.round_number for outcome in self.outcomes), default=0)

    def _versions(self) -> dict[str, str]:
        """Return every package's version; programs that differ in one are both named."""
        found: dict[str, set[str]] = {}
        for outcome in self.outcomes:
            for name, number in outcome.versions.items():
                found.setdefault(name, set()).add(number)
        return {name: " and ".join(sorted(numbers)) for name, numbers in sorted(found.items())}

    def _accuracies(self) -> str:
        learned = {
            program.name: spread_of("test_accuracy", program.name, self.outcomes)
            for program in programs_for("reference")
        }
        words = [f"{name} {spread.median:.3f}" for name, spread in learned.items() if spread]
        if not words:
            return ""
        return f"Test accuracy after the fit, median: {', '.join(words)}."

    def _circumstances(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self._versions().items())
        num_rounds = self._num_rounds()
        return (
            f"Medians of {num_rounds} interleaved round{'s' if num_rounds > 1 else ''}, each "
            f"program its own process with {self.job.num_threads} threads, on {self.machine}; "
            f"{versions}."
        )


def _cells(title: str, quantity: Quantity, row: Compared) -> list[str]:
    return [
        title,
        row.program,
        f"{_words(row.spread)} {quantity.unit}" if row.spread else "failed",
        _times(row.ratio),
        _times(row.round_ratio),
        "" if row.wanted is None else f"{row.wanted:g}x{_verdict(row.met)}",
    ]


def _words(spread: Spread) -> str:
    """Return median and spread with three significant digits."""
    median, least, most = (_three_digits(x) for x in (spread.median, spread.least, spread.most))
    return f"{median} ({least} to {most})"


def _three_digits(number: float) -> str:
    for bound, decimals in ((100, 0), (10, 1), (1, 2)):
        if number >= bound:
            return f"{number:,.{decimals}f}"
    return f"{number:.3f}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def _verdict(met: bool | None) -> str:
    return {True: ", met", False: ", missed", None: ""}[met]


def _throughput_table(reached: Throughput) -> str:
    rows = [
        [
            each.peak,
            f"{_words(each.peak_gflops)} GFLOP/s",
            f"{each.fraction:.0%}",
            "" if each.wanted is None
            else f"{each.wanted:.0%}{_verdict(each.fraction >= each.wanted)}",
        ]
        for each in reached.fractions
    ]  # fmt: skip
    header = [
        "the machine's measured peak", "median (least to most)",
        f"clearsight's fit, {reached.fit_gflops:,.0f} GFLOP/s, reaches", "wanted",
    ]  # fmt: skip
    return markdown_table(header, rows)
