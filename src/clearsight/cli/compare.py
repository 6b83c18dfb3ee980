"""``clearsight compare``: compare runs on the test images that they share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.arguments import RUN
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import (
    PATH,
    allow_download_option,
    check_new_file,
    columns_of,
    console_for,
    json_option,
    print_json,
    print_table,
)
from clearsight.io.text_table import TextTable, wrapped

if TYPE_CHECKING:
    from clearsight.evaluation.comparison.by_class import ClassComparison
    from clearsight.evaluation.intervals.interval import Interval
    from clearsight.io.console import TextConsole
    from clearsight.run.comparison import RunComparison
    from clearsight.run.seeds.comparison import SeedComparison
    from clearsight.run.store.run import Run

_MEGABYTE = 1e6
_INDENT = " " * 4
_TITLES = ("run", "test", "95% interval", "fit s", "parameters", "MB")


@click.command(epilog=examples("compare runs/*", "compare runs/* --out curves.png"))
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True, type=RUN)
@click.option(
    "--out", metavar="FILE.png", type=PATH, help="Draw their curves in one image; a new file."
)
@allow_download_option
@json_option
def compare(runs: tuple[Path, ...], out: Path | None, allow_download: bool, as_json: bool) -> None:
    """Compare runs on the test images that they share.

    The first run is compared with each other one. Folders of `train --seeds` are compared over
    their paired seeds and the images.
    """
    check_new_file(out, "--out", ".png")
    console = console_for(as_json)
    with loading_keras(console) as announce:
        from clearsight.run.compare import compare as compare_any
        from clearsight.run.seeds.comparison import SeedComparison

        announce("comparing the runs on the test images that they share")
        found = compare_any(*runs, allow_download=allow_download)
        if isinstance(found, SeedComparison):
            values = _seeds_to_json(found)
            drawn = [(str(group.path), run) for group in found.groups for run in group]
        else:
            values = _to_json(found)
            drawn = [(str(run.path), run) for run in found.runs]
    _show(values, console)
    if out is not None:
        from clearsight.io.phases import Phases
        from clearsight.report.curves import write_overlaid_curves
        from clearsight.run.store.folder import writing_to

        with Phases(console).show("drawing the curves"), writing_to(out):
            write_overlaid_curves([(name, run.history) for name, run in drawn], out)
        console.print(f"curve image: {out}")
    if as_json:
        print_json({**values, "curves": None if out is None else str(out)})


def _to_json(found: RunComparison) -> dict[str, Any]:
    first = found.runs[0].path
    measured = zip(found.runs, found.accuracies, found.intervals, strict=True)
    compared = zip(found.runs[1:], found.against_first, found.by_class, strict=True)
    return {
        "num_images": found.num_images,
        "num_left_out": found.num_left_out,
        "guessing_accuracy": found.guessing_accuracy,
        "runs": [_run_to_json(run.path, value, ends, [run]) for run, value, ends in measured],
        "comparisons": [
            {
                **_difference_to_json(first, other.path, pair.difference, pair.interval),
                "only_first": pair.only_first,
                "only_second": pair.only_second,
                "p_value": pair.p_value,
                "num_images_needed": pair.num_images_needed,
                "classes": [_class_to_json(change, len(changes)) for change in changes],
                "sentence": pair.sentence(str(first), str(other.path)),
            }
            for other, pair, changes in compared
        ],
    }


def _seeds_to_json(found: SeedComparison) -> dict[str, Any]:
    first = found.groups[0].path
    compared = zip(found.groups[1:], found.against_first, found.sentences, strict=True)
    return {
        "num_images": found.num_images,
        "num_left_out": found.num_left_out,
        "guessing_accuracy": found.guessing_accuracy,
        "seeds": list(found.seeds),
        "runs": [
            {
                **_run_to_json(group.path, summary.mean, summary.interval, group.runs),
                "test_accuracies": list(summary.values),
            }
            for group, summary in zip(found.groups, found.accuracies, strict=True)
        ],
        "comparisons": [
            {
                **_difference_to_json(first, other.path, difference.value, difference.interval),
                "difference_by_seed": list(difference.by_seed),
                "classes": [],
                "sentence": sentence,
            }
            for other, difference, sentence in compared
        ],
    }


def _run_to_json(
    path: Path, accuracy: float, interval: Interval | None, runs: Sequence[Run]
) -> dict[str, Any]:
    """Return a run's accuracy and cost, or those of several runs, averaged."""
    return {
        "run": str(path),
        "test_accuracy": accuracy,
        "test_accuracy_interval": _ends(interval),
        "fit_seconds": sum(run.results.fit_seconds for run in runs) / len(runs),
        "num_parameters": runs[0].record.num_parameters,
        "model_bytes": runs[0].folder.model_path.stat().st_size,
    }


def _difference_to_json(
    first: Path, second: Path, difference: float, interval: Interval
) -> dict[str, Any]:
    return {
        "first": str(first),
        "second": str(second),
        "difference": difference,
        "difference_interval": _ends(interval),
    }


def _class_to_json(change: ClassComparison, num_classes: int) -> dict[str, Any]:
    return {
        "class": change.class_name,
        "num_images": change.pair.num_images,
        "difference": change.pair.difference,
        "difference_interval": _ends(change.pair.interval),
        "p_value": change.pair.p_value,
        "adjusted_p_value": change.adjusted_p_value,
        "is_significant": change.is_significant,
        "sentence": change.sentence(num_classes),
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _cells(row: dict[str, Any], name: str) -> tuple[str, ...]:
    low, high = row["test_accuracy_interval"]
    return (
        name,
        f"{row['test_accuracy']:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{row['fit_seconds']:.1f}",
        f"{row['num_parameters']:,}",
        f"{row['model_bytes'] / _MEGABYTE:.1f}",
    )


def _show(values: dict[str, Any], console: TextConsole) -> None:
    console.print(
        f"{values['num_images']:,} test images that all runs share, "
        f"{values['guessing_accuracy']:.3f} by guessing"
    )
    if values["num_left_out"]:
        console.print(
            f"({values['num_left_out']:,} more are left out, because some run has trained on them)"
        )
    if "seeds" in values:
        console.print(f"seeds finished by all: {', '.join(map(str, values['seeds']))}")
    console.print()
    paths = [Path(row["run"]) for row in values["runs"]]
    are_together = len({path.parent for path in paths}) == 1
    names = [path.name if are_together else str(path) for path in paths]
    rows = [_cells(row, name) for row, name in zip(values["runs"], names, strict=True)]
    print_table(TextTable(rows, _TITLES), console)
    console.print()
    for pair in values["comparisons"]:
        console.print(pair["sentence"])
        significant = [change for change in pair["classes"] if change["is_significant"]]
        for change in significant:
            console.print(*wrapped(change["sentence"], columns_of(console), _INDENT), sep="\n")
        if pair["classes"] and not significant:
            console.print("    No single class differs significantly.")
