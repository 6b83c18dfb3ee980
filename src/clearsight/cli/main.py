"""The program ``clearsight``: its commands, and how errors become messages and exit codes.

A command's file is imported when the command is called, and imports nothing heavy at its top, so
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
from clearsight.cli.failure import report_failure
from clearsight.cli.output import ERROR, WARNING, print_message
from clearsight.cli.process_clock import process_started_at
from clearsight.errors import ClearsightError, SignalReceived, signal_of
from clearsight.io.write_error import cannot_write, find_refusal
from clearsight.option_names import on_command_line

# Each is a module of `clearsight.cli` with a command of the same name; in the order of ``--help``.
_COMMANDS = ("train", "trace", "evaluate", "predict", "export", "serve", "report", "compare",
             "exercise", "data", "backbones", "runs", "completion", "version")  # fmt: skip
EXIT_WRONG_INPUT = 2
EXIT_BY_SIGNAL = 128  # plus the signal's number: 130 for Ctrl-C


class _Program(click.Group):
    """Imports commands when they are called, and has exit codes for signals."""

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
                report_failure(str(stop), style="")
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
    print_message(f"Warning: {lines[0] if lines else type(message).__name__}", WARNING)


class _ToStderr(logging.Handler):
    """Prints each logged message as one line, and a traceback below it if it has one."""

    def emit(self, record: logging.LogRecord) -> None:
        style = ERROR if record.levelno >= logging.ERROR else WARNING
        print_message(record.getMessage(), style if record.levelno >= logging.WARNING else "")
        if record.exc_info:
            traceback = logging.Formatter().formatException(record.exc_info)
            print(traceback, file=sys.stderr)


def _run() -> int:
    """Run the command, and return its exit code.

    Raises:
        ClearsightError: when it fails, or its output could not be written.
    """
    try:
        exit_code = app(
            obj=process_started_at(), complete_var=COMPLETE_VARIABLE, standalone_mode=False
        )
        check_output_complete()
        return exit_code if isinstance(exit_code, int) else 0
    except click.UsageError as error:
        _show_usage_error(error)
        return error.exit_code
    except click.ClickException as error:
        report_failure(error.format_message(), "Error: ")
        return error.exit_code
    except click.Abort:
        report_failure("Aborted.")
        return 1
    except ClearsightError:
        raise
    except Exception as error:
        # Wherever a library writes, a full disk is no mistake in a program.
        refused = find_refusal(error)
        if refused is None:
            raise
        raise cannot_write(None, refused, what="A file") from error


def _show_usage_error(error: click.UsageError) -> None:
    """Print a mistake in a command's arguments as click does, and the mistake as an error."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # since click 8.2
        error.show()
        return
    context = error.ctx
    if context is not None:
        print(context.get_usage(), file=sys.stderr)
        option = context.help_option_names[-1]
        print(f"Try '{context.command_path} {option}' for help.\n", file=sys.stderr)
    report_failure(error.format_message(), "Error: ")


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
    logging.basicConfig(handlers=[_ToStderr()])
    logging.getLogger("clearsight").setLevel(logging.INFO)
    try:
        with on_command_line():
            sys.exit(_run())
    except ClearsightError as error:
        report_failure(str(error), "clearsight: ")
        sys.exit(EXIT_WRONG_INPUT)
    finally:
        # Skips Python's last garbage collection, which takes a second with Keras and torch loaded.
        gc.freeze()
