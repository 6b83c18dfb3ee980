"""The program ``clearsight``: its verbs, and how errors become messages and exit codes.

Neither this file nor a verb's file imports anything heavy at its top, so that ``clearsight --help``
is quick.
"""

import gc
import logging
import signal
import sys
from io import TextIOWrapper
from typing import Any

import click

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
from clearsight.errors import ClearsightError, TrainingInterrupted

EXIT_WRONG_INPUT = 2
EXIT_BY_SIGNAL = 128  # plus the signal's number: 130 for Ctrl-C


class _Program(click.Group):
    """Lists its verbs in the order in which they were added, and has exit codes for signals."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TrainingInterrupted as stop:
            print(stop, file=sys.stderr)
            raise SystemExit(EXIT_BY_SIGNAL + stop.signal_number) from None
        except KeyboardInterrupt:
            raise SystemExit(EXIT_BY_SIGNAL + signal.SIGINT) from None


@click.group(
    cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(
    clearsight.__version__, message="clearsight %(version)s", help="Show the version."
)
def app() -> None:
    """Train Keras image classifiers and read honestly what they learned."""


for _verb in (
    train.train,
    trace.trace,
    evaluate.evaluate,
    predict.predict,
    export.export,
    serve.serve,
    report.report,
    compare.compare,
    exercise.exercise,
    data.data,
    runs.runs,
):
    app.add_command(_verb)


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
