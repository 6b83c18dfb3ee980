"""The one table of networks. To add one: a file beside this one and a row here."""

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
        name: what the user types.
        summary: what it is, in one line.
        options: the pydantic model of its options; ``input_shape`` and ``num_classes`` are two.
        build: makes the network from checked options.
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
            "a small residual network that fits itself to the size of the images",
            residual.ResidualOptions,
            residual.build,
        ),
    )
}
