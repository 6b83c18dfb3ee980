"""A small residual network that fits itself to the size of the pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

if TYPE_CHECKING:
    import keras

_LAST_MAP = 3.5  # rows that the last map should have, about; of 28 rows three poolings leave 3
_FEWEST_FILTERS = 32


class ResidualOptions(BaseModel):
    """Options of the residual network.

    Attributes:
        input_shape: height, width and channels of a picture.
        num_classes: units of the last layer.
        num_stages: how often the map is halved; by default until about 3 rows are left.
        width: filters of the last stage; each stage before has half as many, 32 at least.
        num_blocks: residual blocks behind the last stage.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (28, 28, 1)
    num_classes: Annotated[int, Field(ge=2)] = 10
    num_stages: PositiveInt | None = None
    width: PositiveInt = 128
    num_blocks: PositiveInt = 1

    @property
    def filters(self) -> tuple[int, ...]:
        """Filters of each stage."""
        side = min(self.input_shape[:2])
        stages = self.num_stages or max(1, round(math.log2(max(side / _LAST_MAP, 1.0))))
        return tuple(
            max(min(_FEWEST_FILTERS, self.width), self.width >> (stages - 1 - index))
            for index in range(stages)
        )


def build(options: ResidualOptions) -> keras.Model:
    """Build the network: stages of Conv2D, MaxPooling2D, BatchNormalization and ReLU, then blocks.

    Pooling stands before normalization and ReLU, which then work on a quarter of the values. Each
    block adds two convolutions to what comes in. The largest value of each channel goes to the
    classes.

    Returns:
        A model that maps float32 (N, H, W, C) in [0, 1] to class probabilities float32 (N, K).
    """
    from clearsight.models.backend import keras

    layers = keras.layers

    def convolved(values: Any, filters: int) -> Any:
        return layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"
        )(values)

    def normalized(values: Any) -> Any:
        values = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(values)
        return layers.ReLU()(values)

    pictures = values = keras.Input(options.input_shape, name="pictures")
    for filters in options.filters:
        values = convolved(values, filters)
        if min(values.shape[1:3]) > 1:
            values = layers.MaxPooling2D(2)(values)
        values = normalized(values)
    width = options.filters[-1]
    for _ in range(options.num_blocks):
        inner = normalized(convolved(values, width))
        values = layers.Add()([values, normalized(convolved(inner, width))])
    largest = layers.GlobalMaxPooling2D()(values)
    initializer: Any = keras.initializers.RandomNormal(stddev=0.5 / math.sqrt(width))
    classes = layers.Dense(
        options.num_classes, activation="softmax", kernel_initializer=initializer
    )(largest)
    return keras.Model(pictures, classes, name="residual")
