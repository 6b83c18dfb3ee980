"""Options of a command that are the fields of request models; see `clearsight.options`."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import click

from clearsight.cli.arguments import OneOf, TableName

if TYPE_CHECKING:
    from clearsight.data.sources.options import SourceOptions
    from clearsight.options import OptionField

TRAIN_REQUEST = "clearsight.run.request:TrainRequest"
SOURCE_OPTIONS = "clearsight.data.sources.options:SourceOptions"

# Entries of a context's `meta`.
_GIVEN = "clearsight.given_options"
_NEEDS_REQUESTS = "clearsight.needs_requests"
_METAVARS = {int: "INTEGER", float: "FLOAT", str: "TEXT", Path: "PATH"}


class RequestCommand(click.Command):
    """A command that takes the options of requests along with its own.

    Their values are text, which the request itself parses, so that a mistake reads the same from
    Python and from the command line.

    Args:
        requests: "MODULE:MODEL" each, imported only when help or an option that is not the
            command's own is asked for: that takes longer than a cold `predict` may.
        without: names of fields that this command does not take.
        **settings: of `click.Command`.
    """

    def __init__(
        self, *, requests: tuple[str, ...], without: tuple[str, ...] = (), **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._requests = requests
        self._without = without

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters, with those of the requests before its switches."""
        own = super().get_params(ctx)
        if not ctx.meta.get(_NEEDS_REQUESTS, True):
            return own
        return [*own[:-2], *self._request_options, *own[-2:]]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line."""
        own = {name for parameter in self.params for name in parameter.opts}
        given = {arg.partition("=")[0] for arg in args if arg.startswith("-") and arg != "-"}
        # While Tab completes a word, that word is not among them.
        ctx.meta[_NEEDS_REQUESTS] = ctx.resilient_parsing or not given <= own
        return super().parse_args(ctx, args)

    @cached_property
    def _request_options(self) -> list[click.Option]:
        from clearsight.options import option_fields

        names = (request.split(":") for request in self._requests)
        models = [getattr(import_module(module), name) for module, name in names]
        return [
            _click_option(each) for each in option_fields(*models) if each.name not in self._without
        ]


def given_options(context: click.Context) -> dict[str, Any]:
    """Return the options of requests that were typed, by the names of their fields."""
    return dict(context.meta.get(_GIVEN, {}))


def given_source_options(context: click.Context) -> SourceOptions:
    """Return the typed options as checked `SourceOptions`.

    Raises:
        RequestError: when one is out of range.
    """
    from clearsight.data.sources.options import SourceOptions

    return SourceOptions(**given_options(context))


def _click_option(option: OptionField) -> click.Option:
    default, kind = option.field.default, _plain_type(option.field.annotation)
    is_switch, is_repeated = kind is bool, get_origin(kind) is dict

    def store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        source = context.get_parameter_source(parameter.name or "")
        if source is not click.core.ParameterSource.COMMANDLINE:
            return
        if is_switch:
            value = not default
        elif is_repeated:
            value = parse_arguments(value)
        context.meta.setdefault(_GIVEN, {})[option.name] = value

    shows_default = isinstance(default, str | int | float) and not is_switch
    return click.Option(
        [option.flag, option.name],
        help=option.option.help + (f"  [default: {default}]" if shows_default else ""),
        type=None if is_switch else _value_type(option, kind),
        is_flag=True if is_switch else None,  # False: the value may be left out
        multiple=is_repeated,
        metavar=None if is_switch else option.option.metavar or _metavar(kind),
        expose_value=False,
        callback=store,
    )


def _value_type(option: OptionField, kind: Any) -> click.ParamType:
    """Return the type of a text that the request itself parses, with what Tab completes."""
    if option.option.names is not None:
        return TableName(option.option.names)
    if get_origin(kind) is Literal:
        return OneOf(tuple(map(str, get_args(kind))))
    return click.Path() if kind is Path else click.STRING


def _plain_type(kind: Any) -> Any:
    """Return a type without `Annotated` and None."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = get_args(kind)[0]
    return kind


def _metavar(kind: Any) -> str | None:
    """Return the placeholder of a value of a type, e.g. "INTEGER"."""
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return "KEY=VALUE" if get_origin(kind) is dict else _METAVARS.get(kind)


def parse_arguments(texts: tuple[str, ...]) -> dict[str, Any]:
    """Parse repeated ``KEY=VALUE`` options; values are JSON if they can be.

    Raises:
        ModelError: when one has no "=".
        RequestError: when one is given twice.
    """
    from clearsight.errors import RequestError
    from clearsight.models.build import parse_argument

    parsed: dict[str, Any] = {}
    for name, value in map(parse_argument, texts):
        if name in parsed:
            raise RequestError(f"{name} should be given once, but is given twice: leave one out.")
        parsed[name] = value
    return parsed
