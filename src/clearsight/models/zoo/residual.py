"""A small residual network whose depth follows from the size of the images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, field_validator

from clearsight.options import as_number

if TYPE_CHECKING:
    import keras

_LAST_MAP_ROWS = 3.5  # approximate; three poolings turn 28 rows into 3
_MIN_FILTERS = 32


class ResidualOptions(BaseModel):
    """Options of the residual network.

    Attributes:
        input_shape: height, width and channels of an image.
        num_classes: units of the last layer.
        num_stages: how often the map is halved; by default until about 3 rows are left.
        width: filters of the last stage; each earlier stage has half as many, at least 32.
        num_blocks: residual blocks in the last stage.
        num_stage_blocks: residual blocks in each earlier stage.
        dropout: dropout rate before the output layer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _numbers = field_validator("*", mode="before")(as_number)

    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (28, 28, 1)
    num_classes: Annotated[int, Field(ge=2)] = 10
    num_stages: PositiveInt | None = None
    width: PositiveInt = 128
    num_blocks: PositiveInt = 1
    num_stage_blocks: NonNegativeInt = 0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def filters(self) -> tuple[int, ...]:
        """Filters of each stage."""
        side = min(self.input_shape[:2])
        stages = self.num_stages or max(1, round(math.log2(max(side / _LAST_MAP_ROWS, 1.0))))
        return tuple(
            max(min(_MIN_FILTERS, self.width), self.width >> (stages - 1 - index))
            for index in range(stages)
        )


def build(options: ResidualOptions) -> keras.Model:
    """Build the network: stages of Conv2D, MaxPooling2D, BatchNormalization and ReLU, then blocks.

    Pooling comes before normalization and ReLU, which then process a quarter of the values. Each
    block adds the output of two convolutions to its input. The maximum of each channel is the input
    of the output layer.

    Returns:
        A model that maps float32 (N, H, W, C) in [0, 1] to class probabilities float32 (N, K).
    """
    from clearsight.models.backend import keras

    layers = keras.layers

    # Explicit names do not depend on what was built before.
    def convolve(values: Any, filters: int, name: str) -> Any:
        convolution = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
        )
        return convolution(values)

    def normalize(values: Any, name: str) -> Any:
        normalization = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")
        return layers.ReLU(name=f"{name}_relu")(normalization(values))

    images = values = keras.Input(options.input_shape, name="images")
    for index, filters in enumerate(options.filters, start=1):
        values = convolve(values, filters, f"stage{index}")
        if min(values.shape[1:3]) > 1:
            values = layers.MaxPooling2D(2, name=f"stage{index}_pool")(values)
        values = normalize(values, f"stage{index}")
        is_last = index == len(options.filters)
        for block in range(1, 1 + (options.num_blocks if is_last else options.num_stage_blocks)):
            name = f"stage{index}_block{block}"
            inner = normalize(convolve(values, filters, f"{name}a"), f"{name}a")
            outer = normalize(convolve(inner, filters, f"{name}b"), f"{name}b")
            values = layers.Add(name=f"{name}_add")([values, outer])
    largest = layers.GlobalMaxPooling2D(name="largest")(values)
    if options.dropout:
        largest = layers.Dropout(options.dropout, name="dropout")(largest)
    initializer: Any = keras.initializers.RandomNormal(stddev=0.5 / math.sqrt(options.width))
    classes = layers.Dense(
        options.num_classes, activation="softmax", kernel_initializer=initializer, name="classes"
    )
    return keras.Model(images, classes(largest), name="residual")
