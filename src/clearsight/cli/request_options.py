"""Options of a verb that are the fields of request models; see `clearsight.options`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperOption

if TYPE_CHECKING:
    from pydantic import BaseModel

    from clearsight.data.sources.options import SourceOptions
    from clearsight.options import OptionField

TRAIN_REQUEST = "clearsight.run.request:TrainRequest"
# The options that a trained network settles: verbs that use one do not take them.
NETWORK_OPTIONS = ("image_size", "resize", "channels", "test_split")
SOURCE_OPTIONS = "clearsight.data.sources.options:SourceOptions"
_METAVARS = {int: "INTEGER", float: "FLOAT", str: "TEXT", Path: "PATH"}
_GIVEN = "clearsight.given_options"


def takes_options(*requests: str, without: tuple[str, ...] = ()) -> type[TyperCommand]:
    """Return the class of a command that takes the options of requests besides its own.

    A request's options come before the command's own switches. Their values are text, which the
    request itself parses, so that a mistake reads the same from Python and from the command line.

    Args:
        *requests: MODULE:MODEL, imported only when an option that is not the command's own, or
            help, is asked for: loading a request takes longer than `--help` may.
        without: names of fields that this command does not take.
    """

    class RequestCommand(TyperCommand):
        _needs_requests = True

        def get_params(self, ctx: Any) -> list[Any]:
            own = super().get_params(ctx)
            if not self._needs_requests:
                return own
            models = [_import(request) for request in requests]
            return [*own[:-2], *_click_options(models, without), *own[-2:]]

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            own = {name for param in self.params for name in param.opts}
            given = {arg.partition("=")[0] for arg in args if arg.startswith("-") and arg != "-"}
            self._needs_requests = not given <= own
            return super().parse_args(ctx, args)

    return RequestCommand


def given_options(context: typer.Context) -> dict[str, Any]:
    """Return the options of requests that were typed, by the names of their fields."""
    return dict(context.meta.get(_GIVEN, {}))


def given_source_options(context: typer.Context) -> SourceOptions:
    """Return the typed options as checked `SourceOptions`.

    Raises:
        RequestError: when one is out of range.
    """
    from clearsight.data.sources.options import source_options

    return source_options(**given_options(context))


def _import(request: str) -> type[BaseModel]:
    module, _, name = request.partition(":")
    return getattr(import_module(module), name)


def _click_options(models: list[type[BaseModel]], without: tuple[str, ...]) -> list[TyperOption]:
    from clearsight.options import option_fields

    return [
        _click_option(each)
        for each in option_fields(*models)
        if each.option.flag != "" and each.name not in without
    ]


def _click_option(option: OptionField) -> TyperOption:
    default, kind = option.field.default, option.field.annotation
    is_switch, is_repeated = kind is bool, get_origin(kind) is dict

    def store(context: typer.Context, parameter: Any, value: Any) -> None:
        source = context.get_parameter_source(parameter.name)
        if source is None or source.name != "COMMANDLINE":
            return
        if is_switch:
            value = not default
        elif is_repeated:
            value = parse_arguments(value)
        context.meta.setdefault(_GIVEN, {})[option.name] = value

    shown = default if isinstance(default, str | int | float) and not is_switch else None
    return TyperOption(
        param_decls=[option.flag, option.name],
        help=option.option.help + (f" [{shown}]" if shown is not None else ""),
        type_descriptor=_type_descriptor(is_switch=is_switch),
        is_flag=is_switch,
        multiple=is_repeated,
        metavar=option.option.metavar or _metavar(kind),
        expose_value=False,
        callback=store,
    )


def _type_descriptor(*, is_switch: bool) -> Any:
    from typer._coercion import bool_flag_type_descriptor, resolve_type_descriptor

    return (
        bool_flag_type_descriptor()
        if is_switch
        else resolve_type_descriptor(annotation=str, parameter_info=typer.models.OptionInfo())
    )


def _metavar(kind: Any) -> str | None:
    """Return what stands for a value of a type, e.g. "INTEGER"; None for a switch."""
    if get_origin(kind) in (Union, UnionType):
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is dict:
        return "KEY=VALUE"
    return _METAVARS.get(kind)


def parse_arguments(texts: list[str] | None) -> dict[str, Any]:
    """Parse repeated ``KEY=VALUE`` options; values are JSON if they can be.

    Raises:
        ModelError: when one has no "=".
    """
    from clearsight.models.build import parse_argument

    return dict(parse_argument(text) for text in texts or ())
