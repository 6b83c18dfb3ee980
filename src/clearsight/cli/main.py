"""The program ``clearsight``: its commands, and how errors become messages and exit codes.

A command's file is imported when the command is asked for, and imports nothing heavy at its top, so
that ``clearsight --help`` is quick.
"""

import gc
import logging
import os
import signal
import sys
import warnings
from importlib import import_module
from typing import Any

import click

import clearsight
from clearsight.cli.closed_output import check_output_complete, drop_unread_output
from clearsight.cli.completion import COMPLETE_VARIABLE
from clearsight.cli.output import print_message
from clearsight.cli.process_clock import process_started_at
from clearsight.errors import ClearsightError, SignalReceived, signal_of
from clearsight.io.displayed_text import displayed
from clearsight.io.write_error import cannot_write, find_refusal

# Each is a module of `clearsight.cli` with a command of the same name; in the order of ``--help``.
_COMMANDS = ("train", "trace", "evaluate", "predict", "export", "serve", "report", "compare",
             "exercise", "data", "runs", "completion", "version")  # fmt: skip
EXIT_WRONG_INPUT = 2
EXIT_BY_SIGNAL = 128  # plus the signal's number: 130 for Ctrl-C


class _Program(click.Group):
    """Imports commands when they are asked for, and has exit codes for signals."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        return getattr(import_module(f"clearsight.cli.{cmd_name}"), cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            if str(stop):
                print_message(stop)
            raise SystemExit(EXIT_BY_SIGNAL + signal_of(stop)) from None


@click.group(
    cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(
    clearsight.__version__, message="clearsight %(version)s", help="Show the version."
)
def app() -> None:
    """Train Keras image classifiers and read honestly what they learned."""


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning of Python or a library as one line, without its place in the source."""
    lines = str(message).strip().splitlines()
    print_message(f"Warning: {lines[0] if lines else type(message).__name__}")


class _OneLine(logging.Formatter):
    """Writes each logged message as one line, whatever the names that it quotes."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return displayed(record.message)


def _run() -> None:
    """Run the command, and leave with its exit code.

    Raises:
        ClearsightError: when it fails, or its output could not be written.
    """
    try:
        app(obj=process_started_at(), complete_var=COMPLETE_VARIABLE)
    except SystemExit as end:
        if not end.code:
            check_output_complete()
        raise
    except ClearsightError:
        raise
    except Exception as error:
        # Wherever a library writes, a full disk is no mistake in a program.
        refused = find_refusal(error)
        if refused is None:
            raise
        raise cannot_write(None, refused, what="A file") from error


def _end_as_by_ctrl_c(number: int, _: object) -> None:
    """End the command so that it cleans up: without this, these signals end it at once."""
    raise SignalReceived("", number)


def main() -> None:
    """Run the command line and leave with its exit code."""
    drop_unread_output()
    # Whatever backend the user's own programs run on: this process runs nothing but clearsight.
    os.environ["KERAS_BACKEND"] = "torch"
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # not with nohup
            signal.signal(number, _end_as_by_ctrl_c)
    warnings.showwarning = _show_warning
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("clearsight").setLevel(logging.INFO)
    try:
        _run()
    except ClearsightError as error:
        sys.stdout.flush()
        print_message(f"clearsight: {error}")
        sys.exit(EXIT_WRONG_INPUT)
    finally:
        # Skips Python's last garbage collection, which takes a second with Keras and torch loaded.
        gc.freeze()
