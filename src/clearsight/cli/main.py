"""The program ``clearsight``: its verbs, and how errors become messages and exit codes.

Neither this file nor a verb's file imports anything heavy at its top, so that ``clearsight --help``
is quick.
"""

from __future__ import annotations

import gc
import logging
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

import clearsight
from clearsight.cli import (
    compare,
    data,
    evaluate,
    exercise,
    export,
    predict,
    report,
    runs,
    serve,
    trace,
    train,
)
from clearsight.errors import ClearsightError

EXIT_WRONG_INPUT = 2

# rich_markup_mode=None: plain help takes half the time of help formatted by rich.
app = typer.Typer(
    name="clearsight",
    help="Train Keras image classifiers and read honestly what they learned.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train", cls=train.COMMAND)(train.train)
app.command("trace")(trace.trace)
app.add_typer(data.app, name="data")
app.command("evaluate", cls=evaluate.COMMAND)(evaluate.evaluate)
app.command("predict", cls=predict.COMMAND)(predict.predict)
app.command("export")(export.export)
app.command("serve", cls=serve.COMMAND)(serve.serve)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("exercise")(exercise.exercise)
app.add_typer(runs.app, name="runs")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"clearsight {clearsight.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # "?" rather than a traceback for "−"
    logging.basicConfig(format="%(message)s")
    logging.getLogger("clearsight").setLevel(logging.INFO)
    try:
        app()
    except ClearsightError as error:
        sys.stdout.flush()
        print(f"clearsight: {error}", file=sys.stderr)
        sys.exit(EXIT_WRONG_INPUT)
    finally:
        # Skips Python's last garbage collection, which takes a second with Keras and torch loaded.
        gc.freeze()
