"""Options that several verbs share, and how their text is understood."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from clearsight.errors import RequestError

ModelArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--model-arg", metavar="KEY=VALUE", help="An option of the model; may be repeated."
    ),
]


RecipeArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--recipe-arg",
        metavar="KEY=VALUE",
        help="An option of the recipe, e.g. patience=3; may be repeated.",
    ),
]


def parse_arguments(texts: list[str] | None) -> dict[str, Any]:
    """Understand the values of ``--model-arg`` or ``--recipe-arg``."""
    from clearsight.models.build import parse_argument

    return dict(parse_argument(text) for text in texts or ())


def parse_input_shape(text: str | None) -> tuple[int, int, int] | None:
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
