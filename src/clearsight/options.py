"""`Option`: what a field of a request means to users, besides its type and default.

A request is a frozen pydantic model whose fields are ``Annotated[TYPE, Option(HELP, ...)]``. The
command line, the Python keyword arguments and their documentation, the rules for resuming and
``run.json`` are all derived from these fields, so that adding an option means adding one field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from clearsight.errors import RequestError, format_validation_error
from clearsight.option_names import flag, for_reader, typed_words

if TYPE_CHECKING:
    from pydantic import ValidationInfo
    from pydantic.fields import FieldInfo

Function = TypeVar("Function", bound=Callable[..., Any])
OnResume = Literal["fixed", "accepted", "free"]


@dataclass(frozen=True)
class Option:
    """How a field is explained and where it may be set.

    Attributes:
        help: one line for ``--help`` and for the Python documentation.
        metavar: the placeholder of the value in ``--help``; None derives it from the type.
        on_resume: whether a resumed run may change it. "fixed": never. "accepted": yes, but it
            changes the training, so that several seeds are never resumed with it. "free": yes,
            because the weights do not depend on it.
        accepts: the type of the Python argument, where it may be more than the field holds.
        names: the table "MODULE:TABLE" of the names that it may be, which Tab completes.
    """

    help: str
    metavar: str | None = None
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
        """The help of the Python argument; of a switch that is on, its effect when off."""
        text = self.option.help
        return f"If False: {text[0].lower()}{text[1:]}" if self.field.default is True else text

    @property
    def flag(self) -> str:
        """The option on the command line, e.g. "--batch-size"; a switch inverts its default."""
        return flag(f"no_{self.name}" if self.field.default is True else self.name)

    @property
    def shown(self) -> str:
        """The option in a message, as its reader gives it."""
        return for_reader(self.flag, f"{self.name}=")


def as_number(cls: type[BaseModel], value: Any, info: ValidationInfo) -> Any:
    """Return a value for a field with NumPy's numbers as Python's, and refuse True for a number.

    A validator of all fields of the model `cls`, before their own.

    Raises:
        ValueError: when True or False is given for a field that takes neither.
    """
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    annotation = cls.model_fields[info.field_name or ""].annotation
    parts = value if isinstance(value, list | tuple) else (value,)
    if any(isinstance(part, bool) for part in parts) and not _takes_bool(annotation):
        raise ValueError("should be a number or a name, not True or False")
    return value


def _takes_bool(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(map(_takes_bool, get_args(annotation)))


class Request(BaseModel):
    """The options of a command or of a Python function, validated on creation; frozen.

    Raises:
        RequestError: if options are unknown, missing or out of range; lists them all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: ClassVar[str] = "The options are"  # as a message begins
    # Names of other options that an unknown one may be meant for.
    related_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            known = (*type(self).model_fields, *self.related_names)
            mistakes = format_validation_error(error, known)
            raise RequestError(f"{self.subject} not valid: {mistakes}.") from None

    # Within another model its mistakes are reported as that model's, at their place in it.
    __init__.__pydantic_base_init__ = True  # pyright: ignore[reportFunctionMemberAccess]

    _numbers = field_validator("*", mode="before")(as_number)


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
        KeyError: when no request has such an option.
    """
    default = {each.name: each.field.default for each in option_fields(*models)}[name]
    if value is None or (isinstance(value, bool) and value is default):
        return []
    return typed_words(name, value)


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
