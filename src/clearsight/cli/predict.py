"""``clearsight predict``: name images with a bundle, or with a run's network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearsight.cli.output import AsJson, console_for, print_json
from clearsight.cli.request_options import (
    NETWORK_OPTIONS,
    SOURCE_OPTIONS,
    given_options,
    given_source_options,
    takes_options,
)
from clearsight.errors import DataError, RequestError

if TYPE_CHECKING:
    from clearsight.predict.predict import Prediction
    from clearsight.predict.prediction_job import Naming

_MOST_TOLD = 20  # warnings of single images; files hold all of them
_FEW = 500  # images: fewer take less than a second


class Form(StrEnum):
    """How rows are written."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


COMMAND = takes_options(SOURCE_OPTIONS, without=NETWORK_OPTIONS)


def predict(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="BUNDLE|RUN", help="A bundle, or a run's folder.")
    ],
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Image files, folders, patterns such as 'photos/**/*.jpg', - for an image on "
            "standard input, sources, or images such as fashion-mnist:test[0:5].",
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show an image.")] = 1,
    invert: Annotated[
        bool, typer.Option("--invert", help="Turn light into dark and back first.")
    ] = False,
    temperature: Annotated[
        bool,
        typer.Option(
            "--temperature",
            help="Apply the temperature fitted on validation images; no name changes.",
        ),
    ] = False,
    format: Annotated[
        Form | None,
        typer.Option(help="How rows are written; by default a table, or as FILE's name ends."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rows there, all or none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name images: the most probable class of each, with its probability.

    An image that cannot be read becomes a row that says why, and the exit code is then 2; --json
    lists it under "failed". In a table and with --json, a file named by itself must be readable.
    """
    form = _form(format, out, as_json)
    from clearsight.predict.predict import Asked
    from clearsight.predict.prediction_job import name_images
    from clearsight.predict.predictor import predictor_for

    predictor, notes = predictor_for(path, lambda: _loading_keras(as_json))
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)
    asked = Asked(top, invert, temperature)
    options = (lambda: given_source_options(context)) if given_options(context) else None
    naming = name_images(path, predictor, images, asked, options)
    if form in ("table", "json"):
        _show(path, naming, form, out)
    else:
        _stream(naming, form, out)


def _form(format: Form | None, out: Path | None, as_json: bool) -> str:
    from clearsight.cli.prediction_rows import form_of_suffix

    if as_json:
        if format is not None:
            raise RequestError(
                f"One form should be asked for, but --json and --format {format.value} were given: "
                "leave one of them out."
            )
        return "json"
    form = format.value if format is not None else (out and form_of_suffix(out)) or "table"
    if form == "parquet" and out is None:
        raise RequestError("--format parquet makes no text: say where it goes with --out FILE.")
    return form


def _loading_keras(as_json: bool) -> Any:
    from clearsight.cli.keras_start import loading_keras

    return loading_keras(console_for(as_json))


def _show(path: Path, naming: Naming, form: str, out: Path | None) -> None:
    """Print all images at once, as a table or one JSON object."""
    with _progress(naming.num_images, is_shown=sys.stderr.isatty()) as advance:
        rows = list(naming.rows(advance))
    problems = [row.problem for row in rows if row.problem is not None and row.stands_alone]
    problems += naming.problems
    if problems:
        raise DataError(" ".join(problems))
    failed = [row for row in rows if row.problem is not None]
    warnings = [row.problem for row in failed if row.problem is not None]
    warnings += [row.warning for row in rows if row.warning is not None]
    _warn(warnings)
    with _opened(out, is_text=True) as file:
        if form == "json":
            _print_json(path, rows, warnings, file)
        else:
            _print_table(rows, file)
    _tell_failed(len(failed), len(rows), failed[0].problem if failed else None)


def _print_json(path: Path, rows: list[Prediction], warnings: list[str], file: Any) -> None:
    from clearsight.cli.prediction_rows import as_json

    read = [as_json(row) for row in rows if row.problem is None]
    images = [{key: row[key] for key in ("image", "truth", "predictions")} for row in read]
    failed = [{"image": row.name, "error": row.problem} for row in rows if row.problem]
    values = {"run": str(path), "warnings": warnings, "images": images, "failed": failed}
    print_json(values, file)


def _print_table(rows: list[Prediction], file: Any) -> None:
    name_width = max((len(row.name) for row in rows), default=0)
    class_width = max((len(kind) for row in rows for kind, _ in row.kinds), default=0)
    for row in rows:
        said = "  ".join(f"{kind:<{class_width}} {share:6.1%}" for kind, share in row.kinds)
        known = f"  (truth: {row.truth})" if row.truth is not None else ""
        told = "cannot be read" if row.problem is not None else f"{said}{known}"
        print(f"{row.name:<{name_width}}  {told}", file=file)


def _stream(naming: Naming, form: str, out: Path | None) -> None:
    """Write rows as they come."""
    from clearsight.cli.prediction_rows import ROW_FORMS

    if naming.problems:
        raise DataError(" ".join(naming.problems))
    warnings: list[str] = []
    num_warnings, num_failed, first = 0, 0, None
    kind = ROW_FORMS[form]
    # Where rows appear on the terminal themselves, they show the progress.
    is_shown = sys.stderr.isatty() and (out is not None or not sys.stdout.isatty())
    with (
        _opened(out, is_text=kind.is_text) as file,
        _progress(naming.num_images, is_shown=is_shown) as advance,
    ):
        writer = kind.opened(file, naming.asked.top)
        for row in naming.rows(advance):
            writer.write(row)
            if row.problem is not None:
                num_failed += 1
                first = first or row.problem
            if row.warning is not None:
                num_warnings += 1
                warnings += [row.warning] * (len(warnings) < _MOST_TOLD)
        writer.close()
    _warn(warnings, num_warnings)
    _tell_failed(num_failed, naming.num_images, first)


@contextmanager
def _opened(out: Path | None, *, is_text: bool) -> Iterator[Any]:
    if out is None:
        yield sys.stdout
        return
    from clearsight.io.atomic import write_atomically

    with write_atomically(out) as temporary:
        if is_text:
            with temporary.open(
                "w", encoding="utf-8", errors="surrogateescape", newline=""
            ) as file:
                yield file
        else:
            with temporary.open("wb") as file:
                yield file


@contextmanager
def _progress(num_images: int, *, is_shown: bool) -> Iterator[Callable[[int], None]]:
    if not is_shown or num_images < _FEW:
        yield lambda _: None
        return
    from clearsight.cli.decoding import progress_bar

    with progress_bar("naming images", num_images) as advance:
        yield advance


def _warn(warnings: list[str], count: int | None = None) -> None:
    for warning in warnings[:_MOST_TOLD]:
        print(f"Warning: {warning}", file=sys.stderr)
    more = (len(warnings) if count is None else count) - _MOST_TOLD
    if more > 0:
        print(f"Warning: {more:,} more such sentences are left out.", file=sys.stderr)


def _tell_failed(num_failed: int, num_images: int, first: str | None) -> None:
    """Leave with exit code 2 when an image could not be named.

    Raises:
        DataError: then.
    """
    if num_failed:
        raise DataError(
            f"All {num_images:,} images should be readable, but {num_failed:,} could not be "
            f"named; the first: {first}"
        )
