"""The options that say how a source's images are read, the same in every verb that reads any."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from clearsight.errors import RequestError

if TYPE_CHECKING:
    from clearsight.data.sources.options import SourceOptions


class Resize(StrEnum):
    """How images of another shape are brought to the size."""

    fit = "fit"
    crop = "crop"
    stretch = "stretch"


class Channels(StrEnum):
    """How many channels images get."""

    auto = "auto"
    grey = "1"
    colour = "3"


# Option by field of `SourceOptions`: its type with help, and its default.
_FORM: dict[str, tuple[Any, Any]] = {
    "image_size": (
        Annotated[
            str | None,
            typer.Option(
                metavar="N|H,W", help="Size of all images; by default chosen from the data."
            ),
        ],
        None,
    ),
    "resize": (
        Annotated[
            Resize,
            typer.Option(help="Fill up, cut off, or stretch images of another shape."),
        ],
        Resize.fit,
    ),
    "channels": (
        Annotated[
            Channels, typer.Option(help="1 is grey, 3 colour; by default grey if all images are.")
        ],
        Channels.auto,
    ),
    "test_split": (
        Annotated[
            float,
            typer.Option(help="Share kept for the test where the source names no test images."),
        ],
        0.2,
    ),
}
_CONTENT: dict[str, tuple[Any, Any]] = {
    "data_dir": (
        Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="Folder that holds a named source's files."),
        ],
        None,
    ),
    **{
        f"{what}_column": (
            Annotated[str | None, typer.Option(metavar="NAME", help=f"Of a table: {meaning}.")],
            None,
        )
        for what, meaning in (
            ("image", "its column of images or their paths"),
            ("label", "its column of labels"),
            ("split", "its column that says train, validation or test"),
            ("group", "its column of what stays on one side of every split, e.g. a patient"),
        )
    },
    "class_names": (
        Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="JSON or TXT with the classes' names, in order."),
        ],
        None,
    ),
    "corrections": (
        Annotated[
            Path | None,
            typer.Option(
                metavar="FILE.csv", help="Corrected labels; see `data check --labels-out`."
            ),
        ],
        None,
    ),
    "allow_bad": (
        Annotated[
            bool,
            typer.Option(
                "--allow-bad", help="Go on though more than 1% of the images cannot be read."
            ),
        ],
        False,
    ),
}

Verb = Callable[..., None]


@dataclass(frozen=True)
class AskedOptions:
    """The options of `SourceOptions` as they were typed, not looked at yet.

    Attributes:
        values: each, by its name.
    """

    values: dict[str, Any]

    @property
    def are_given(self) -> bool:
        """Whether any is other than by default."""
        return any(self.values.values())

    def settled(self) -> SourceOptions:
        """Return them checked."""
        return _source_options(self.values)


def reads_sources(*, chooses_form: bool = True, lazily: bool = False) -> Callable[[Verb], Verb]:
    """Give a verb the options of `SourceOptions`, gathered in its argument `source_options`.

    Args:
        chooses_form: whether the verb chooses size and channels; one that has a trained network
            does not.
        lazily: give the verb `AskedOptions` instead, since what checks them takes time to load.
    """
    options = {**(_FORM if chooses_form else {}), **_CONTENT}

    def decorate(verb: Verb) -> Verb:
        @functools.wraps(verb)
        def call(**given: Any) -> None:
            values = {name: given.pop(name) for name in options}
            asked = AskedOptions(values)
            verb(**given, source_options=asked if lazily else asked.settled())

        signature = inspect.signature(verb)
        hints = get_type_hints(
            verb, localns={"SourceOptions": object, "AskedOptions": object}, include_extras=True
        )
        added = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
            for name, (annotation, default) in options.items()
        ]
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
            for name, parameter in signature.parameters.items()
            if name != "source_options"
        ]
        # The switch --json and its like stay last in the help.
        first = [parameter for parameter in own if parameter.name != "as_json"]
        last = [parameter for parameter in own if parameter.name == "as_json"]
        parameters = [*first, *added, *last]
        described: Any = call
        described.__signature__ = signature.replace(parameters=parameters)
        described.__annotations__ = {
            parameter.name: parameter.annotation for parameter in parameters
        }
        return call

    return decorate


def _source_options(values: dict[str, Any]) -> SourceOptions:
    from clearsight.data.sources.options import source_options

    if "image_size" in values:
        channels = values["channels"].value
        values = {
            **values,
            "image_size": parse_image_size(values["image_size"]),
            "resize": values["resize"].value,
            "channels": channels if channels == "auto" else int(channels),
        }
    return source_options(**values)


def parse_image_size(text: str | None) -> tuple[int, int] | None:
    """Understand ``--image-size 64`` and ``--image-size 48,64``: height and width.

    Raises:
        RequestError: when it is neither.
    """
    if text is None:
        return None
    parts = re.split("[,x]", text)
    if len(parts) <= 2 and all(re.fullmatch(r"\s*[1-9][0-9]{0,4}\s*", part) for part in parts):
        return int(parts[0]), int(parts[-1])
    raise RequestError(
        f"--image-size should be one number of pixels such as 64, or height,width such as 48,64, "
        f"but is '{text}'."
    )
