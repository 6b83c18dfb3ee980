"""`SeedRuns`: runs that differ only by their seed, with their summary and its files."""

import math
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self, overload

from clearsight.display.html import element, file_link, or_reason, output, table
from clearsight.errors import ClearsightError, RunError
from clearsight.evaluation.comparison.over_seeds import SeedSummary
from clearsight.evaluation.scores.guessing import by_guessing
from clearsight.io.argument_checks import check_choice, check_switch
from clearsight.io.csv_file import write_csv
from clearsight.io.displayed_text import displayed
from clearsight.io.path_state import what_is_at
from clearsight.io.text_table import TextTable
from clearsight.option_names import for_reader
from clearsight.report.curve_chart import CurveChart, chart_or_reason
from clearsight.run.store.files import write_json
from clearsight.run.store.find_run import find_run
from clearsight.run.store.location import (
    SEEDS_RECORD_NAME,
    how_to_resume,
    is_run,
    is_seed_runs,
    member_path,
)
from clearsight.run.store.record import SeedsRecord, read_seeds_record
from clearsight.run.store.results import Results
from clearsight.run.store.run import Run

# Results that are summarized over the seeds, with the least and the greatest possible value.
SUMMARIZED = {
    "train_accuracy": (0.0, 1.0),
    "val_accuracy": (0.0, 1.0),
    "test_accuracy": (0.0, 1.0),
    "gap": (-1.0, 1.0),
    "fit_seconds": (0.0, math.inf),
}
_COLUMNS = ("seed", "run", *SUMMARIZED)
_TITLES = ("training", "validation", "test", "gap", "s to fit")


@dataclass(frozen=True)
class SeedRuns(Sequence[Run]):
    """Runs that differ only by their seed: a sequence of the finished `Run`s.

    Attributes:
        path: the folder; the members are ordinary runs in ``seeds/0``, ``seeds/1``, ...
        record: what was requested.
        allow_download: as `Run.allow_download`, of each member.

    Example:
        >>> import clearsight, tempfile, pathlib
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> runs = clearsight.train("digits", epochs=1, seeds=2, out=out, verbose=False)
        >>> len(runs), runs[1].record.request.seed
        (2, 1)
    """

    path: Path
    record: SeedsRecord
    allow_download: bool = False

    @classmethod
    def load(cls, path: str | Path, *, allow_download: bool = False) -> Self:
        """Load runs with several seeds from their folder; see `Run.load`.

        Raises:
            RunError: when the folder holds none, or damaged ones.
        """
        allow_download = check_switch(allow_download, "allow_download")
        found = find_run(path)
        if not is_seed_runs(found):
            name = SEEDS_RECORD_NAME
            single = for_reader("", f": it is a single run, which Run.load({str(found)!r}) loads")
            raise RunError(
                f"A training with several seeds should be a folder with {name}, but {found} "
                f"{what_is_at(found, name)}{single if is_run(found) else ''}."
            )
        return cls(found, read_seeds_record(found), allow_download)

    @property
    def how_to_resume(self) -> str:
        """How to train what is missing: a command or a Python call; see `for_reader`."""
        code = self.record.request.code_to_run
        return how_to_resume(self.path, **({} if code is None else {"model": code}))

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The finished members."""
        paths = (member_path(self.path, index) for index in range(self.record.num_seeds))
        load = partial(Run.load, allow_download=self.allow_download)
        members = (load(path) for path in paths if is_run(path))
        return tuple(run for run in members if run.record.status == "finished")

    @cached_property
    def results(self) -> tuple[Results, ...]:
        """The results of each finished member."""
        return tuple(run.results for run in self.runs)

    @property
    def is_finished(self) -> bool:
        """Whether all members are finished."""
        return len(self.runs) == self.record.num_seeds

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Run, ...]: ...

    def __getitem__(self, index: int | slice) -> Run | tuple[Run, ...]:
        return self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def summary(self, name: str) -> SeedSummary | None:
        """Summarize a result over the finished members; None if some have none.

        Args:
            name: a key of `SUMMARIZED`: "train_accuracy", "val_accuracy", "test_accuracy", "gap" or
                "fit_seconds".

        Raises:
            RequestError: when it is none of these.
        """
        check_choice(name, "name", SUMMARIZED)
        values = [getattr(results, name) for results in self.results]
        if not values or None in values:
            return None
        return SeedSummary(tuple(values), *SUMMARIZED[name])

    def to_json(self) -> dict[str, Any]:
        """Return members and summaries as JSON-ready values."""
        return {
            "members": [dict(zip(_COLUMNS, row, strict=True)) for row in self._rows()],
            "summary": {name: _to_json(self.summary(name)) for name in SUMMARIZED},
        }

    def write(self) -> None:
        """Write ``seeds.json`` and ``seeds.csv`` from the members as they are now."""
        values = {**self.record.model_dump(mode="json"), **self.to_json()}
        write_json(values, self.path / SEEDS_RECORD_NAME)
        write_csv(_COLUMNS, self._rows(), self.path / "seeds.csv")

    def _guessing_accuracy(self, part: str) -> float | None:
        """Return the accuracy of guessing on "test" or "val" images, the mean over the members."""
        values = [getattr(results, f"{part}_guessing_accuracy") for results in self.results]
        return None if None in values else statistics.fmean(values)

    def _rows(self) -> list[list[Any]]:
        return [
            [
                run.record.request.seed,
                str(run.path.relative_to(self.path)),
                *(getattr(results, name) for name in SUMMARIZED),
            ]
            for run, results in zip(self.runs, self.results, strict=True)
        ]

    def plot(self) -> CurveChart:
        """Draw accuracy and loss over the epochs, one line for each finished member.

        Raises:
            RunError: when no member is finished.
        """
        if not self.runs:
            raise RunError(
                f"{self.path} has no finished run to draw yet: resume it with {self.how_to_resume}"
            )
        return CurveChart([(f"seed {run.record.request.seed}", run.history) for run in self.runs])

    @property
    def table(self) -> TextTable:
        """A row for each finished member, and below them mean, deviation and spread."""
        rows = [_cells(f"seed {seed}", values) for seed, _, *values in self._rows()]
        summaries = [self.summary(name) for name in SUMMARIZED]
        for name in ("mean", "standard_deviation", "spread"):
            values = [getattr(summary, name, None) for summary in summaries]
            rows.append(_cells(name.replace("_", " "), values))
        return TextTable(rows, ("", *_TITLES))

    @property
    def sentences(self) -> list[str]:
        """What must be known about the members: intervals, what is missing, which images."""
        sentences = [
            _interval_sentence(part, summary, self._guessing_accuracy(name))
            for part, name in (("test", "test"), ("validation", "val"))
            if (summary := self.summary(f"{name}_accuracy")) is not None
        ]
        if not self.is_finished:
            sentences.append(
                f"{len(self)} of {self.record.num_seeds} seeds are finished; resume with: "
                f"{self.how_to_resume}"
            )
        if not self.record.same_validation:
            sentences.append(
                "Each seed has drawn its own validation images, so validation accuracies also "
                "differ by their images; the test images are the same for all seeds."
            )
        return sentences

    def __str__(self) -> str:
        """Return a row for each finished member, and below them mean, deviation and interval."""
        return "\n".join([*self.table.lines(None), *self.sentences])

    def __repr__(self) -> str:
        state = "damaged"
        with suppress(ClearsightError):
            summary = self.summary("test_accuracy")
            state = f"{len(self)} of {self.record.num_seeds} finished"
            state += "" if summary is None else f", mean test accuracy {summary.mean:.3f}"
        return f"SeedRuns('{displayed(str(self.path))}': {state})"

    @or_reason
    def _repr_html_(self) -> str:
        request = self.record.request
        source = Path(request.source_name).name
        return output(
            element("h4", f"{Path(str(self.record.model)).name} on {source}, several seeds"),
            table(self.table.header, self.table.rows),
            *(element("p", sentence) for sentence in self.sentences),
            *(chart_or_reason(self.plot()) if self.runs else ()),
            element("p", "Folder: ", file_link(self.path, str(self.path))),
        )


def _to_json(summary: SeedSummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    interval = summary.interval
    return {
        "mean": summary.mean,
        "standard_deviation": summary.standard_deviation,
        "spread": summary.spread,
        "interval": None if interval is None else [interval.low, interval.high],
    }


def _cells(title: str, values: Sequence[float | None]) -> tuple[str, ...]:
    """Return a row of the table: accuracies with four digits, and the seconds with one."""
    digits = [".4f"] * (len(values) - 1) + [".1f"]
    numbers = zip(values, digits, strict=True)
    return (title, *("-" if n is None else f"{n:{digit}}" for n, digit in numbers))


def _interval_sentence(part: str, summary: SeedSummary, guessing: float | None) -> str:
    interval = summary.interval
    guess = "" if guessing is None else f"; {by_guessing(guessing)}"
    if interval is None:
        return (
            f"mean {part} accuracy {summary.mean:.3f}{guess}; one seed cannot show how seeds differ"
        )
    return (
        f"mean {part} accuracy {summary.mean:.3f} (95% interval {interval.low:.3f} to "
        f"{interval.high:.3f}, over {len(summary.values)} seeds, on these images{guess})"
    )
