"""A small residual network that fits itself to the size of the images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

if TYPE_CHECKING:
    import keras

_LAST_MAP = 3.5  # rows that the last map should have, about; of 28 rows three poolings leave 3
_FEWEST_FILTERS = 32


class ResidualOptions(BaseModel):
    """Options of the residual network.

    Attributes:
        input_shape: height, width and channels of an image.
        num_classes: units of the last layer.
        num_stages: how often the map is halved; by default until about 3 rows are left.
        width: filters of the last stage; each stage before has half as many, 32 at least.
        num_blocks: residual blocks behind the last stage.
        num_stage_blocks: residual blocks behind each stage before the last.
        dropout: share of the last values that are left out in each training step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    # Names are given here, so that they do not depend on what was built before.
    def convolved(values: Any, filters: int, name: str) -> Any:
        convolution = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
        )
        return convolution(values)

    def normalized(values: Any, name: str) -> Any:
        normalization = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")
        return layers.ReLU(name=f"{name}_relu")(normalization(values))

    images = values = keras.Input(options.input_shape, name="images")
    for index, filters in enumerate(options.filters, start=1):
        values = convolved(values, filters, f"stage{index}")
        if min(values.shape[1:3]) > 1:
            values = layers.MaxPooling2D(2, name=f"stage{index}_pool")(values)
        values = normalized(values, f"stage{index}")
        is_last = index == len(options.filters)
        for block in range(1, 1 + (options.num_blocks if is_last else options.num_stage_blocks)):
            name = f"stage{index}_block{block}"
            inner = normalized(convolved(values, filters, f"{name}a"), f"{name}a")
            outer = normalized(convolved(inner, filters, f"{name}b"), f"{name}b")
            values = layers.Add(name=f"{name}_add")([values, outer])
    largest = layers.GlobalMaxPooling2D(name="largest")(values)
    if options.dropout:
        largest = layers.Dropout(options.dropout, name="dropout")(largest)
    initializer: Any = keras.initializers.RandomNormal(stddev=0.5 / math.sqrt(options.width))
    classes = layers.Dense(
        options.num_classes, activation="softmax", kernel_initializer=initializer, name="classes"
    )
    return keras.Model(images, classes(largest), name="residual")
