"""Every exception that a user can see, under one base class.

A message says what was expected, what was found and how to fix it. The command line prints it
without a traceback and exits with code 2.
"""

from __future__ import annotations

import difflib
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

_MAX_INPUT_CHARACTERS = 60


class ClearsightError(Exception):
    """The base of all errors that clearsight raises on purpose."""


class DataError(ClearsightError):
    """Images, labels or a data source are not as expected."""


class ModelError(ClearsightError):
    """A network cannot be found, built or traced."""


class RequestError(ClearsightError):
    """An option, a recipe or a combination of them is not valid."""


class RunError(ClearsightError):
    """A run's folder is missing, in use, damaged or unfinished."""


class BundleError(ClearsightError):
    """A bundle is missing, damaged, of another version, or does not match its run."""


class TrainingError(ClearsightError):
    """A training failed; it can be resumed from its last checkpoint."""


class OutputError(ClearsightError):
    """A file cannot be written."""


class BackendError(ClearsightError):
    """Keras is already loaded on a backend other than torch."""


class MissingExtraError(ClearsightError):
    """An optional dependency is not installed; the message gives the install line."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the optional part '{extra}', which is not installed: "
            f"run pip install 'clearsight[{extra}]'."
        )


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Report imports that fail in the block as missing; `what` needs them, `extra` installs them.

    Raises:
        MissingExtraError: if an import fails, except one of clearsight itself.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "clearsight":
            raise
        raise MissingExtraError(what, extra) from error


class FitError(ClearsightError):
    """A network, its loss and its data do not fit together.

    Attributes:
        mistakes: one sentence per mistake; the message holds them all.
    """

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(" ".join(self.mistakes))


class SignalReceived(KeyboardInterrupt):
    """A signal, such as SIGTERM, ended what was done, as Ctrl-C does.

    Attributes:
        signal_number: the signal; a program that it ends exits with 128 plus this number.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(message)


class TrainingInterrupted(SignalReceived):
    """A signal, from Ctrl-C or a scheduler, ended a training; what was trained is saved.

    Attributes:
        run_folder: the interrupted run's folder, as text.
    """

    def __init__(self, message: str, run_folder: str, signal_number: int = 2) -> None:
        self.run_folder = run_folder
        super().__init__(message, signal_number)


def signal_of(stop: KeyboardInterrupt) -> int:
    """Return the number of the signal that ended something; SIGINT's for plain Ctrl-C."""
    return stop.signal_number if isinstance(stop, SignalReceived) else signal.SIGINT


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'NAME'?" for the nearest known name, or "" if none is near."""
    near = _nearest(name, known)
    return f" Did you mean '{near}'?" if near else ""


def _nearest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def list_some(values: Iterable[object], most: int = 3) -> str:
    """Return the first values in quotes, and how many more there are: "'a', 'b' and 2 more"."""
    quoted = [f"'{value}'" for value in values]
    more = f" and {len(quoted) - most:,} more" if len(quoted) > most else ""
    return ", ".join(quoted[:most]) + more


def describe_found(value: Any) -> str:
    """Return what a value is, in one line: itself if that is short, else its type.

    Example:
        >>> describe_found(5), describe_found("x"), describe_found([1] * 100)
        ('5', "'x'", 'a list of 100')
    """
    if hasattr(value, "dtype") and hasattr(value, "shape"):  # an array or a tensor
        return f"an array, {value.dtype} {tuple(value.shape)}"
    is_plain = isinstance(value, str | bytes | bool | int | float | os.PathLike | None)
    if is_plain or isinstance(value, tuple | list | dict | set):
        text = repr(value)
        is_line = "\n" not in text and " at 0x" not in text
        if is_line and len(text) <= _MAX_INPUT_CHARACTERS:
            return text
        if is_plain:
            return f"{text[:_MAX_INPUT_CHARACTERS]}..."
    name = getattr(value, "__name__", None)
    if name is not None:
        return f"the {'class' if isinstance(value, type) else 'function'} {name}"
    article = "an" if type(value).__name__[0].lower() in "aeiou" else "a"
    size = f" of {len(value)}" if isinstance(value, tuple | list | dict | set) else ""
    return f"{article} {type(value).__name__}{size}"


def format_validation_error(error: ValidationError, known: Iterable[str] = ()) -> str:
    """Return all mistakes that pydantic found as text, one clause per option.

    Args:
        error: of pydantic.
        known: names of the options that there are, one of which an unknown one may be meant for.
    """
    known = tuple(known)
    # A union reports one mistake for each of its members; one for each option is enough.
    clauses: dict[str, str] = {}
    for mistake in error.errors():
        names = [part for part in mistake["loc"] if isinstance(part, str)]
        option = names[1] if names[:1] == ["source_options"] and names[1:] else "".join(names[:1])
        message = mistake["msg"].removeprefix("Value error, ")
        message = "should be a path" if mistake["type"] == "path_type" else message
        if mistake["type"] == "extra_forbidden":
            near = _nearest(option, known)
            clause = f"there is no option '{option}'"
            clause += f" (did you mean '{near}'?)" if near else ""
        elif mistake["type"] == "missing":
            clause = f"{'.'.join(names)} is missing"
        elif option:
            found = describe_found(mistake["input"])
            clause = f"{option} = {found}: {message[0].lower()}{message[1:]}"
        else:
            clause = message
        clauses.setdefault(option, clause)
    return "; ".join(clauses.values())
