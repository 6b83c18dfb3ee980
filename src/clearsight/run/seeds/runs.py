"""`SeedRuns`: trainings that differ only by their seed, and their folder."""

from __future__ import annotations

import csv
import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, overload

from clearsight.evaluation.comparison.over_seeds import SeedSummary
from clearsight.io.atomic import write_atomically
from clearsight.run.seeds.record import RECORD_NAME, SeedsRecord, is_run, member_path
from clearsight.run.store.results import Results
from clearsight.run.store.run import Run

_TABLE = "seeds.csv"
# What is summed up of each member, with the least and most that it can be.
MEASURED = {
    "train_accuracy": (0.0, 1.0),
    "val_accuracy": (0.0, 1.0),
    "test_accuracy": (0.0, 1.0),
    "gap": (-1.0, 1.0),
    "fit_seconds": (0.0, math.inf),
}
_COLUMNS = ("seed", "run", *MEASURED)


@dataclass(frozen=True)
class SeedRuns(Sequence[Run]):
    """Trainings that differ only by their seed: a sequence of its finished `Run`s.

    Attributes:
        path: the folder; the members are ordinary runs in ``seeds/0``, ``seeds/1``, ...
        record: what was asked for.

    Example:
        >>> import clearsight, tempfile, pathlib
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> runs = clearsight.train("digits", epochs=1, seeds=2, out=out, verbose=False)
        >>> len(runs), runs[1].record.request.seed
        (2, 1)
    """

    path: Path
    record: SeedsRecord

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open the folder of a training with several seeds.

        Raises:
            RunError: when it is none or damaged.
        """
        return cls(Path(path), SeedsRecord.read(Path(path)))

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The finished members."""
        return tuple(run for run in self.begun if run.record.status == "finished")

    @cached_property
    def begun(self) -> tuple[Run, ...]:
        """All members that have a record, finished or not."""
        folders = map(self.member_path, range(self.record.num_seeds))
        return tuple(Run.load(folder) for folder in folders if is_run(folder))

    @cached_property
    def results(self) -> tuple[Results, ...]:
        """What came out of each finished member."""
        return tuple(run.results for run in self.runs)

    @property
    def is_finished(self) -> bool:
        """Whether every member is."""
        return len(self.runs) == self.record.num_seeds

    @property
    def resume_command(self) -> str:
        """What to type to go on with the members that are missing."""
        return f"clearsight train --resume {shlex.quote(str(self.path))}"

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Run, ...]: ...

    def __getitem__(self, index: int | slice) -> Run | tuple[Run, ...]:
        return self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def member_path(self, index: int) -> Path:
        """Return the folder of a member, counted from 0."""
        return member_path(self.path, index)

    def summary(self, name: str) -> SeedSummary | None:
        """Return one result over the finished members; None where some have none.

        Args:
            name: of `MEASURED`, e.g. "test_accuracy".
        """
        values = [getattr(results, name) for results in self.results]
        known = tuple(value for value in values if value is not None)
        return SeedSummary(known, *MEASURED[name]) if known and len(known) == len(values) else None

    def to_json(self) -> dict[str, Any]:
        """Return members and summaries as JSON-ready values."""
        found = {name: self.summary(name) for name in MEASURED}
        return {
            "members": [dict(zip(_COLUMNS, row, strict=True)) for row in self._rows()],
            "summary": {
                name: None if summary is None else _as_json(summary)
                for name, summary in found.items()
            },
        }

    def write(self) -> None:
        """Write ``seeds.json`` and ``seeds.csv`` from the members as they are now."""
        with write_atomically(self.path / RECORD_NAME) as temporary:
            values = {**self.record.model_dump(mode="json"), **self.to_json()}
            text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
            temporary.write_text(f"{text}\n", "utf-8")
        with (
            write_atomically(self.path / _TABLE) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows(self._rows())

    def _rows(self) -> list[list[Any]]:
        return [
            [
                run.record.request.seed,
                str(run.path.relative_to(self.path)),
                *(getattr(results, name) for name in MEASURED),
            ]
            for run, results in zip(self.runs, self.results, strict=True)
        ]

    def __str__(self) -> str:
        from clearsight.run.seeds.table import seed_table

        return seed_table(self)


def _as_json(summary: SeedSummary) -> dict[str, Any]:
    interval = summary.interval
    return {
        "mean": summary.mean,
        "standard_deviation": summary.standard_deviation,
        "spread": summary.spread,
        "interval": None if interval is None else [interval.low, interval.high],
    }
