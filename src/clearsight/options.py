"""`Option`: what a field of a request means to users, beside its type and default.

A request is a frozen pydantic model whose fields are ``Annotated[TYPE, Option(HELP, ...)]``. The
command line, the Python keyword arguments and their documentation, the rules for resuming and
``run.json`` are all derived from these fields, so that adding an option means adding one field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

Function = TypeVar("Function", bound=Callable[..., Any])
OnResume = Literal["fixed", "accepted", "free"]


@dataclass(frozen=True)
class Option:
    """How a field is explained and where it may be set.

    Attributes:
        help: one line for ``--help`` and for the Python documentation.
        metavar: what stands for the value in ``--help``; None derives it from the type.
        flag: the option's name on the command line, without dashes; None derives it from the
            field's name. "" keeps the field off the command line.
        on_resume: whether a resumed run may change it. "fixed": never. "accepted": yes, but it
            changes the training, so that several seeds are never resumed with it. "free": yes,
            because the weights do not depend on it.
        accepts: the type of the Python argument, where it may be more than the field holds.
        names: the table "MODULE:TABLE" of the names that it may be, which Tab completes.
    """

    help: str
    metavar: str | None = None
    flag: str | None = None
    on_resume: OnResume = "fixed"
    accepts: str | None = None
    names: str | None = None


@dataclass(frozen=True)
class OptionField:
    """A field of a request with its `Option`.

    Attributes:
        name: of the field, and of the Python keyword argument.
        field: its type and default.
        option: its help and rules.
    """

    name: str
    field: FieldInfo
    option: Option

    @property
    def python_help(self) -> str:
        """The help of the Python argument: a switch that is on is described by what it does off."""
        text = self.option.help
        return f"If False: {text[0].lower()}{text[1:]}" if self.field.default is True else text

    @property
    def flag(self) -> str:
        """The option on the command line, e.g. "--batch-size"; a switch turns its default over."""
        name = self.option.flag or self.name.replace("_", "-")
        return f"--no-{name}" if self.field.default is True else f"--{name}"


def option_fields(*models: type[BaseModel]) -> Iterator[OptionField]:
    """Iterate over the options of requests, in the order of their definition."""
    for model in models:
        for name, field in model.model_fields.items():
            for metadata in field.metadata:
                if isinstance(metadata, Option):
                    yield OptionField(name, field, metadata)


def flag_words(name: str, value: Any, *models: type[BaseModel]) -> list[str]:
    """Return what to type to set an option, e.g. ["--batch-size", "32"].

    Args:
        name: of the field.
        value: what it is set to; nothing is typed for None, or for a switch that is off.
        *models: the requests that may have the field.

    Raises:
        KeyError: when no request has such an option on the command line.
    """
    found = {each.name: each for each in option_fields(*models) if each.option.flag != ""}[name]
    if value is None:
        return []
    if isinstance(value, bool):
        return [found.flag] if value is not found.field.default else []
    if isinstance(value, dict):
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}
        return [word for key, text in texts.items() for word in (found.flag, f"{key}={text}")]
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return [found.flag, f"{value:g}" if isinstance(value, float) else str(value)]


def may_change_on_resume(*models: type[BaseModel]) -> list[OptionField]:
    """Return the options of requests that a resumed run may change."""
    return [each for each in option_fields(*models) if each.option.on_resume != "fixed"]


def documents(options: Iterable[OptionField]) -> Callable[[Function], Function]:
    """Append options to a function's docstring, which ends in "Options:"."""

    def decorate(function: Function) -> Function:
        lines = [
            f"        {each.name}: {each.python_help} "
            f"[{each.field.get_default(call_default_factory=True)!r}]"
            for each in options
        ]
        function.__doc__ = "\n".join([(function.__doc__ or "").rstrip(), *lines, "    "])
        return function

    return decorate
