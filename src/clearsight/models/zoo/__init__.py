"""The table of networks. To add one: a file in this package and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clearsight.models.zoo import lesson, residual

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Family:
    """A family of networks that differ by options.

    Attributes:
        name: the name on the command line.
        summary: a one-line description.
        options: the pydantic model of its options, with ``input_shape`` and ``num_classes``.
        build: builds the network from validated options.
    """

    name: str
    summary: str
    options: type[BaseModel]
    build: Callable[[Any], keras.Model]


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "lesson",
            "two convolution blocks and two dense layers, the network of the lesson",
            lesson.LessonOptions,
            lesson.build,
        ),
        Family(
            "residual",
            "a small residual network whose depth follows from the size of the images",
            residual.ResidualOptions,
            residual.build,
        ),
    )
}
