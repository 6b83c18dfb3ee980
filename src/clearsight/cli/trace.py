"""``clearsight trace``: a network layer by layer, before it is trained."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import AsJson, console_for, print_json
from clearsight.cli.request_options import parse_arguments
from clearsight.errors import RequestError


def trace(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME, FILE.keras or FILE.py:FUNCTION.")
    ],
    input_shape: Annotated[
        str | None, typer.Option(metavar="H,W,C", help="Shape of an image, e.g. 28,28,1.")
    ] = None,
    model_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="An option of the model; may be repeated."),
    ] = None,
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
    shape = _parse_input_shape(input_shape)
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


def _parse_input_shape(text: str | None) -> tuple[int, int, int] | None:
    """Understand ``--input-shape 28,28,1``.

    Raises:
        RequestError: when it is not three positive whole numbers.
    """
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if len(parts) == 3 and all(re.fullmatch(r"\s*[1-9][0-9]*\s*", part) for part in parts):
        height, width, channels = (int(part) for part in parts)
        return height, width, channels
    raise RequestError(
        f"--input-shape should be height,width,channels such as 28,28,1, but is '{text}'."
    )
