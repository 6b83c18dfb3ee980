"""``clearsight trace``: explain a network layer by layer, before it is trained."""

from __future__ import annotations

from typing import Annotated

import typer

from clearsight.cli.keras_start import keras_started
from clearsight.cli.options import ModelArguments, parse_arguments, parse_input_shape
from clearsight.cli.output import AsJson, console_for, print_json
from clearsight.errors import RequestError


def trace(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME, FILE.keras or FILE.py:FUNCTION.")
    ],
    input_shape: Annotated[
        str | None, typer.Option(metavar="H,W,C", help="Shape of an image, e.g. 28,28,1.")
    ] = None,
    model_arg: ModelArguments = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Show this network beside the first, and what changed."),
    ] = None,
    against_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="An option of the second model; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain a network layer by layer, with every formula worked."""
    if against_arg and against is None:
        raise RequestError(
            "--against-arg belongs to a second network, but none is named: add --against MODEL."
        )
    shape = parse_input_shape(input_shape)
    console = console_for(as_json)
    with keras_started(console):
        from clearsight.models.comparison import compare_traces
        from clearsight.models.trace import trace as trace_network

        shown = trace_network(model, shape, **parse_arguments(model_arg))
        if against is not None:
            other = trace_network(against, shape, **parse_arguments(against_arg))
            shown = compare_traces(shown, other)
    if as_json:
        print_json(shown.to_json())
    else:
        console.print(str(shown))
