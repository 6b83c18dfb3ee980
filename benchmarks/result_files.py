"""Files of results: as JSON and as a table, replaced atomically."""

import json
from pathlib import Path
from typing import Any, Protocol


class ResultsReport(Protocol):
    """What a benchmark has measured so far."""

    def as_json(self) -> Any:
        """Return values that JSON can hold."""

    def as_markdown(self) -> str:
        """Return the tables."""


def write_results(report: ResultsReport, stem: Path) -> None:
    """Write a report next to `stem`, with the suffixes .json and .md."""
    stem.parent.mkdir(exist_ok=True)
    for suffix, text in (
        (".json", json.dumps(report.as_json(), indent=2) + "\n"),
        (".md", report.as_markdown()),
    ):
        temporary = stem.with_suffix(f"{suffix}.partial")
        temporary.write_text(text)
        temporary.replace(stem.with_suffix(suffix))
