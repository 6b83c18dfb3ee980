"""Keras's settings while clearsight builds a network, whatever the user's ``keras.json`` says."""

from collections.abc import Iterator
from contextlib import contextmanager

from clearsight.models.backend import keras


@contextmanager
def in_channels_last() -> Iterator[None]:
    """Build layers that take images (H, W, C) in the block, as clearsight passes all images."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


@contextmanager
def in_float32() -> Iterator[None]:
    """Build layers with float32 weights and computations in the block, as Keras does by default."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
