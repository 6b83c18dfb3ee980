"""``clearsight predict``: classify images with a bundle or a run."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.arguments import RUN, SOURCE, OneOf
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import (
    OUTPUT_PATH,
    console_for,
    json_option,
    print_message,
    printed_columns,
)
from clearsight.cli.prediction_rows import JSON_FORMAT, ROW_FORMATS, RowFormat, RowSettings
from clearsight.cli.request_options import (
    SOURCE_OPTIONS,
    RequestCommand,
    given_options,
    given_source_options,
)
from clearsight.data.sources.network_options import NETWORK_OPTIONS
from clearsight.errors import DataError, RequestError, did_you_mean

if TYPE_CHECKING:
    from clearsight.predict.predict import Prediction

_MAX_WARNINGS = 20  # printed; the rows hold all of them
_NUM_WITHOUT_BAR = 500  # images, which take less than a second
_BAR_STEP = 100


@click.command(
    cls=RequestCommand,
    requests=(SOURCE_OPTIONS,),
    without=NETWORK_OPTIONS,
    epilog=examples(
        "predict latest 'digits:test[0:5]' --top 3", "predict latest digits --out predictions.csv"
    ),
)
@click.argument("path", metavar="BUNDLE|RUN", type=RUN)
@click.argument("images", metavar="PATH...", type=SOURCE, nargs=-1, required=True)
@click.option("--top", type=click.IntRange(min=1), default=1, help="Number of classes per image.")
@click.option("--invert", is_flag=True, help="Invert brightness first.")
@click.option(
    "--temperature",
    is_flag=True,
    help="Calibrate probabilities with the temperature fitted on validation images.",
)
@click.option(
    "--format",
    metavar="|".join(ROW_FORMATS),
    type=OneOf(tuple(ROW_FORMATS)),
    help="Output format; by default from FILE's suffix, else a table.",
)
@click.option(
    "--out", metavar="FILE", type=OUTPUT_PATH, help="Write to this file, all rows or none."
)
@json_option
@click.pass_context
def predict(
    context: click.Context,
    path: Path,
    images: tuple[str, ...],
    top: int,
    invert: bool,
    temperature: bool,
    format: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Classify images.

    Each PATH is an image file, a folder, a pattern such as 'photos/**/*.jpg', - for standard
    input, a data source, or some of its images such as fashion-mnist:test[0:5].

    An image that cannot be read becomes a row with an error, and the exit code is 2; --json lists
    it under "failed". In a table and with --json, a file given by its own path must be readable.
    Files in a folder that are no images are counted in a note.
    """
    row_format = _choose_format(format, out, as_json)
    warnings.simplefilter("ignore")  # Python's, of libraries: what matters is in the rows
    from clearsight.predict.inputs import find_inputs
    from clearsight.predict.predict import PredictOptions, predict_images
    from clearsight.predict.predictor import open_predictor

    bundle, notes = open_predictor(path, lambda: loading_keras(console_for(as_json=True)))
    given = given_options(context)
    follow_links = bool(given.pop("follow_links", False))
    source_options = given_source_options(context) if given else None
    inputs = find_inputs(images, path, bundle, source_options, follow_links=follow_links)
    notes = (*notes, *inputs.notes)
    for note in notes:
        print_message(f"Note: {note}")
    if inputs.problems and row_format.is_streamed:
        raise DataError(" ".join(inputs.problems))
    messages = _Messages(row_format)
    rows = predict_images(inputs, bundle, PredictOptions(top, invert, temperature))
    if _has_progress_bar(inputs.num_images, row_format, out):
        rows = _with_progress_bar(rows, inputs.num_images)
    rows = _recording(rows, messages)
    with _open_output(out, row_format) as file:
        if not row_format.is_streamed:
            rows = list(rows)
            required = [problem for name, problem in messages.failures if name in images]
            if required or inputs.problems:
                raise DataError(" ".join([*required, *inputs.problems]))
        columns = None if out is not None else printed_columns()
        row_format.write(rows, file, RowSettings(path, top, notes, columns))
    messages.report(inputs.num_images)


def _choose_format(format: str | None, out: Path | None, as_json: bool) -> RowFormat:
    if as_json:
        if format is not None:
            raise RequestError(
                f"There should be one output format, but --json and --format {format} were given: "
                "leave one of them out."
            )
        return JSON_FORMAT
    suffix = out.suffix.lower().removeprefix(".") if out is not None else ""
    name = format or (suffix if suffix in ROW_FORMATS else "table")
    if name not in ROW_FORMATS:
        raise RequestError(
            f"--format should be one of {', '.join(ROW_FORMATS)}, but is '{name}'."
            f"{did_you_mean(name, ROW_FORMATS)}"
        )
    if not ROW_FORMATS[name].is_text and out is None:
        raise RequestError(f"--format {name} is not text: choose a file with --out FILE.")
    return ROW_FORMATS[name]


@dataclass
class _Messages:
    """What to report once the rows have been written.

    Attributes:
        row_format: whose rows may have their own errors.
        warnings: the first few.
        num_warnings: of all images.
        failures: the name of each unreadable image, and why it cannot be read.
    """

    row_format: RowFormat
    warnings: list[str] = field(default_factory=list)
    num_warnings: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def add(self, row: Prediction) -> None:
        warning = row.warning
        if row.problem is not None:
            self.failures.append((row.name, row.problem))
            warning = None if self.row_format.is_streamed else row.problem
        if warning is not None:
            self.num_warnings += 1
            if self.num_warnings <= _MAX_WARNINGS:
                self.warnings.append(warning)

    def report(self, num_images: int) -> None:
        """Print warnings, and raise if images could not be read."""
        for warning in self.warnings:
            print_message(f"Warning: {warning}")
        more = self.num_warnings - len(self.warnings)
        if more > 0:
            print_message(f"Warning: {more:,} more warnings are not shown.")
        if self.failures:
            first = self.failures[0][1]
            reason = "Warnings above say why." if first in self.warnings else f"The first: {first}"
            raise DataError(
                f"All images should be readable, but {len(self.failures):,} of {num_images:,} "
                f"cannot be read. {reason}"
            )


def _recording(rows: Iterable[Prediction], messages: _Messages) -> Iterator[Prediction]:
    for row in rows:
        messages.add(row)
        yield row


def _has_progress_bar(num_images: int, row_format: RowFormat, out: Path | None) -> bool:
    # Streamed rows themselves show the progress on a terminal.
    shows_rows = row_format.is_streamed and out is None and sys.stdout.isatty()
    return sys.stderr.isatty() and num_images >= _NUM_WITHOUT_BAR and not shows_rows


def _with_progress_bar(rows: Iterable[Prediction], num_images: int) -> Iterator[Prediction]:
    from clearsight.cli.decoding import show_progress

    with show_progress("classifying images", num_images) as show:
        for count, row in enumerate(rows, 1):
            yield row
            if count % _BAR_STEP == 0:
                show(count)


@contextmanager
def _open_output(out: Path | None, row_format: RowFormat) -> Iterator[Any]:
    if out is None:
        is_data = row_format.is_data and not sys.stdout.isatty()
        yield getattr(sys.stdout, "for_rendered_text", sys.stdout) if is_data else sys.stdout
        return
    from clearsight.io.atomic import write_atomically

    text: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    mode, options = ("w", text) if row_format.is_text else ("wb", {})
    with write_atomically(out) as temporary, temporary.open(mode, **options) as file:
        yield file
