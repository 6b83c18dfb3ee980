"""Every exception that a user can see, under one base class.

A message says what was expected, what was found and how to mend it, in sentences that the command
line prints as they are. The command line turns these into exit code 2, without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class ClearsightError(Exception):
    """The base of all errors that clearsight raises on purpose."""


class DataError(ClearsightError):
    """Images, labels or a data source are not what they should be."""


class ModelError(ClearsightError):
    """A network cannot be found, built or traced."""


class RequestError(ClearsightError):
    """An option, a recipe or a combination of them is not valid."""


class RunError(ClearsightError):
    """A run's folder is missing, taken, damaged or unfinished."""


class BundleError(ClearsightError):
    """A bundle is missing, damaged, of another version, or not what its network was trained to."""


class TrainingError(ClearsightError):
    """A training could not go on; what it saved before can be gone on from."""


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


class FitError(ClearsightError):
    """A network, its loss and its data do not fit together.

    Attributes:
        mistakes: one sentence for each mistake found; the message holds them all.
    """

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(" ".join(self.mistakes))


class TrainingInterrupted(KeyboardInterrupt):
    """A signal (Ctrl-C, or one of a scheduler's) ended a training; what was trained is saved.

    Attributes:
        run_folder: where the interrupted run lies, as text.
        signal_number: which signal it was; a program that ends by it leaves with 128 and this.
    """

    def __init__(self, message: str, run_folder: str, signal_number: int = 2) -> None:
        self.run_folder = run_folder
        self.signal_number = signal_number
        super().__init__(message)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'NAME'?" for the nearest known name, or "" when none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def validation_sentences(error: ValidationError) -> str:
    """Put all that pydantic found wrong into words, one clause for each option."""
    # A union reports one problem for each of its members; one for each option is enough.
    clause_of: dict[str, str] = {}
    for problem in error.errors():
        names = [place for place in problem["loc"] if isinstance(place, str)]
        option = names[1] if names[:1] == ["source_options"] and names[1:] else "".join(names[:1])
        said = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            clause = f"there is no option '{option}'"
        elif option:
            shown = repr(problem["input"])
            shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
            clause = f"{option} = {shown}: {said[0].lower()}{said[1:]}"
        else:
            clause = said
        clause_of.setdefault(option, clause)
    return "; ".join(clause_of.values())
