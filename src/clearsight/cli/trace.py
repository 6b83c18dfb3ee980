"""``clearsight trace``: a network layer by layer, before it is trained."""

import re
from typing import Any

import click

from clearsight.cli.arguments import MODEL
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import columns_of, console_for, json_option, print_json, print_lines
from clearsight.cli.request_options import parse_arguments
from clearsight.errors import RequestError


@click.command(
    epilog=examples("trace lesson", "trace lesson --against lesson --against-arg padding=valid")
)
@click.argument("model", type=MODEL)
@click.option("--input-shape", metavar="H,W,C", help="Shape of an image, e.g. 28,28,1.")
@click.option(
    "--model-arg",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option of the model, e.g. strides=2; may be repeated.",
)
@click.option(
    "--against", metavar="MODEL", type=MODEL, help="Compare with this network, explain differences."
)
@click.option(
    "--against-arg",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option of the second model; may be repeated.",
)
@json_option
def trace(
    model: str,
    input_shape: str | None,
    model_arg: tuple[str, ...],
    against: str | None,
    against_arg: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show a network's layers, sizes, costs and formulas.

    MODEL is NAME, FILE.keras or FILE.py:FUNCTION.
    """
    if against_arg and against is None:
        raise RequestError(
            "--against-arg is an option of the second network, but there is none: add --against "
            "MODEL."
        )
    shape = _parse_input_shape(input_shape)
    console = console_for(as_json)
    with loading_keras(console):
        from clearsight.models.api import trace as trace_network

        options: dict[str, Any] = parse_arguments(model_arg)
        if against is not None:
            options |= {"against": against, "against_arguments": parse_arguments(against_arg)}
        result = trace_network(model, shape, **options)
    if as_json:
        print_json(result.to_json())
    else:
        print_lines(result.table.text(columns_of(console) or 80), console)


def _parse_input_shape(text: str | None) -> tuple[int, int, int] | None:
    """Parse ``--input-shape 28,28,1``.

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
