"""``clearsight trace``: a network layer by layer, before it is trained."""

from __future__ import annotations

from typing import Annotated

import typer

from clearsight.cli.keras_start import loading_keras
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
        typer.Option(metavar="MODEL", help="Compare with this network and explain differences."),
    ] = None,
    against_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="An option of the second model; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a network's layers, sizes, costs and formulas."""
    if against_arg and against is None:
        raise RequestError(
            "--against-arg is an option of the second network, but there is none: add --against "
            "MODEL."
        )
    shape = parse_input_shape(input_shape)
    console = console_for(as_json)
    with loading_keras(console):
        from clearsight.models.comparison import compare_traces
        from clearsight.models.trace import trace as trace_network

        result = trace_network(model, shape, **parse_arguments(model_arg))
        if against is not None:
            second = trace_network(against, shape, **parse_arguments(against_arg))
            result = compare_traces(result, second)
    if as_json:
        print_json(result.to_json())
    else:
        console.print(str(result))
