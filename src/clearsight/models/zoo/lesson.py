"""The lesson's network: convolution blocks, then dense layers, as a plain `keras.Sequential`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)

from clearsight.options import as_number

if TYPE_CHECKING:
    import keras

Padding = Literal["same", "valid"]

_FIRST_FILTERS = (32, 64)


def _as_tuple(value: object) -> object:
    """Turn one value into a tuple of one, and "same,valid" into a tuple of two."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(","))
    return tuple(value) if isinstance(value, list | tuple) else (value,)


class LessonOptions(BaseModel):
    """Options of the lesson's network.

    Attributes:
        input_shape: height, width and channels of an image.
        num_classes: units of the last layer.
        num_blocks: number of blocks of Conv2D and MaxPooling2D; by default the length of `filters`,
            `strides` or `padding`, else 2.
        filters: of the convolutions, one value for all blocks or one per block; by default 32 in
            the first block and 64 in the others.
        kernel_size: height and width of the convolutions' kernels.
        strides: distance between neighbouring positions of the convolutions' kernels, one value for
            all blocks or one per block.
        padding: "same" or "valid", one value for all blocks or one per block.
        dense_units: units of the hidden dense layer.
        dropout: dropout rate before the output layer.
        l2: L2 regularization factor of all kernels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _numbers = field_validator("*", mode="before")(as_number)

    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (28, 28, 1)
    num_classes: Annotated[int, Field(ge=2)] = 10
    num_blocks: Annotated[int, Field(gt=0, le=100)] | None = None
    filters: Annotated[tuple[PositiveInt, ...] | None, BeforeValidator(_as_tuple)] = None
    kernel_size: PositiveInt = 3
    strides: Annotated[tuple[PositiveInt, ...], BeforeValidator(_as_tuple)] = (1,)
    padding: Annotated[tuple[Padding, ...], BeforeValidator(_as_tuple)] = ("same",)
    dense_units: PositiveInt = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    l2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @model_validator(mode="after")
    def _check_lengths(self) -> LessonOptions:
        for name in ("filters", "strides", "padding"):
            given = getattr(self, name)
            if given is not None and len(given) not in (1, self.resolved_num_blocks):
                raise ValueError(
                    f"{name} should have one value for all {self.resolved_num_blocks} blocks or "
                    f"one per block, but has {len(given)}"
                )
        return self

    @property
    def resolved_num_blocks(self) -> int:
        """The number of blocks, from `num_blocks` or the other options."""
        if self.num_blocks is not None:
            return self.num_blocks
        listed = max(len(self.filters or ()), len(self.strides), len(self.padding))
        return listed if listed > 1 else len(_FIRST_FILTERS)

    @property
    def blocks(self) -> list[tuple[int, int, Padding]]:
        """The filters, stride and padding of each block."""
        count = self.resolved_num_blocks
        more = (_FIRST_FILTERS[-1],) * count
        filters = self.filters or (_FIRST_FILTERS + more)[:count]
        filters = filters * count if len(filters) == 1 else filters
        strides = self.strides * count if len(self.strides) == 1 else self.strides
        padding = self.padding * count if len(self.padding) == 1 else self.padding
        return list(zip(filters, strides, padding, strict=True))


def build(options: LessonOptions) -> keras.Sequential:
    """Build the network; with default options it is the reference network, 421,642 parameters.

    Returns:
        A model that maps float32 (N, H, W, C) in [0, 1] to class probabilities float32 (N, K).

    Raises:
        ValueError: from Keras, if a block's kernel is larger than the block's input.
    """
    from clearsight.models.backend import keras

    def penalty() -> Any:
        return keras.regularizers.L2(options.l2) if options.l2 else None

    layers: list[Any] = [keras.Input(shape=options.input_shape, name="images")]
    for index, (filters, strides, padding) in enumerate(options.blocks):
        # The names that Keras would give in a fresh process, whatever was built before.
        suffix = f"_{index}" if index else ""
        layers += [
            keras.layers.Conv2D(
                filters,
                options.kernel_size,
                strides=strides,
                padding=padding,
                activation="relu",
                kernel_regularizer=penalty(),
                name=f"conv2d{suffix}",
            ),
            keras.layers.MaxPooling2D(2, name=f"max_pooling2d{suffix}"),
        ]
    layers += [
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(
            options.dense_units, activation="relu", kernel_regularizer=penalty(), name="dense"
        ),
    ]
    if options.dropout:
        layers.append(keras.layers.Dropout(options.dropout, name="dropout"))
    layers.append(
        keras.layers.Dense(
            options.num_classes, activation="softmax", kernel_regularizer=penalty(), name="dense_1"
        )
    )
    return keras.Sequential(layers, name="lesson")
