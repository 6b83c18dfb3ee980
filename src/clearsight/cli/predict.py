"""``clearsight predict``: classify images with a bundle or a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearsight.cli.output import AsJson, console_for
from clearsight.cli.prediction_rows import (
    JSON_FORMAT,
    ROW_FORMATS,
    RowFormat,
    RowSettings,
    RowWriter,
)
from clearsight.cli.request_options import (
    NETWORK_OPTIONS,
    SOURCE_OPTIONS,
    given_options,
    given_source_options,
    takes_options,
)
from clearsight.errors import DataError, RequestError, did_you_mean

if TYPE_CHECKING:
    from clearsight.predict.predict import Prediction

_MAX_WARNINGS = 20  # printed; the rows hold all of them
_NUM_WITHOUT_BAR = 500  # images, which take less than a second
_BAR_STEP = 100


COMMAND = takes_options(SOURCE_OPTIONS, without=NETWORK_OPTIONS)


def predict(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="BUNDLE|RUN", help="A bundle or a run's folder.")],
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Image files, folders, patterns such as 'photos/**/*.jpg', - for standard input, "
            "data sources, or some of their images such as fashion-mnist:test[0:5].",
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of classes per image.")] = 1,
    invert: Annotated[bool, typer.Option("--invert", help="Invert brightness first.")] = False,
    temperature: Annotated[
        bool,
        typer.Option(
            "--temperature",
            help="Calibrate probabilities with the temperature fitted on validation images.",
        ),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(ROW_FORMATS),
            help="Output format; by default from FILE's suffix, else a table.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file, all rows or none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Classify images.

    An image that cannot be read becomes a row with an error, and the exit code is 2; --json lists
    it under "failed". In a table and with --json, a file given by its own path must be readable.
    """
    row_format = _choose_format(format, out, as_json)
    from clearsight.predict.inputs import find_inputs
    from clearsight.predict.predict import PredictOptions, predict_images
    from clearsight.predict.predictor import open_predictor

    predictor, notes = open_predictor(path, lambda: _loading_keras(as_json))
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)
    source_options = given_source_options(context) if given_options(context) else None
    inputs = find_inputs(images, path, predictor, source_options)
    if inputs.problems and row_format.is_streamed:
        raise DataError(" ".join(inputs.problems))
    predictions = predict_images(inputs, predictor, PredictOptions(top, invert, temperature))
    # Streamed rows themselves show the progress on a terminal.
    has_bar = not row_format.is_streamed or out is not None or not sys.stdout.isatty()
    with (
        _open_output(out, row_format) as file,
        _progress(inputs.num_images, is_shown=has_bar) as advance,
    ):
        writer = row_format.writer(file, RowSettings(path, top))
        messages = _write_rows(_advancing(predictions, advance), writer, row_format)
        required = [problem for name, problem in messages.failures if name in images]
        if not row_format.is_streamed and (required or inputs.problems):
            raise DataError(" ".join([*required, *inputs.problems]))
        writer.close()
    _report(messages, inputs.num_images)


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


def _loading_keras(as_json: bool) -> Any:
    from clearsight.cli.keras_start import loading_keras

    return loading_keras(console_for(as_json))


@dataclass
class _Messages:
    """What to report after the rows have been written.

    Attributes:
        warnings: the first few.
        num_warnings: of all images.
        failures: the name of each unreadable image, and why it cannot be read.
    """

    warnings: list[str] = field(default_factory=list)
    num_warnings: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


def _write_rows(rows: Iterable[Prediction], writer: RowWriter, row_format: RowFormat) -> _Messages:
    messages = _Messages()
    for row in rows:
        writer.write(row)
        warning = row.warning
        if row.problem is not None:
            messages.failures.append((row.name, row.problem))
            warning = None if row_format.is_streamed else row.problem
        if warning is not None:
            messages.num_warnings += 1
            if messages.num_warnings <= _MAX_WARNINGS:
                messages.warnings.append(warning)
    return messages


def _report(messages: _Messages, num_images: int) -> None:
    """Print warnings, and raise if images could not be read."""
    for warning in messages.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    more = messages.num_warnings - len(messages.warnings)
    if more > 0:
        print(f"Warning: {more:,} more warnings are not shown.", file=sys.stderr)
    if messages.failures:
        raise DataError(
            f"All {num_images:,} images should be readable, but {len(messages.failures):,} cannot "
            f"be read. The first: {messages.failures[0][1]}"
        )


@contextmanager
def _open_output(out: Path | None, row_format: RowFormat) -> Iterator[Any]:
    if out is None:
        yield sys.stdout
        return
    from clearsight.io.atomic import write_atomically

    text: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    mode, options = ("w", text) if row_format.is_text else ("wb", {})
    with write_atomically(out) as temporary, temporary.open(mode, **options) as file:
        yield file


@contextmanager
def _progress(num_images: int, *, is_shown: bool) -> Iterator[Callable[[int], None]]:
    if not is_shown or not sys.stderr.isatty() or num_images < _NUM_WITHOUT_BAR:
        yield lambda _: None
        return
    from clearsight.cli.decoding import progress_bar

    with progress_bar("classifying images", num_images) as advance:
        yield advance


def _advancing(rows: Iterable[Prediction], advance: Callable[[int], None]) -> Iterator[Prediction]:
    for count, row in enumerate(rows, 1):
        yield row
        if count % _BAR_STEP == 0:
            advance(_BAR_STEP)
