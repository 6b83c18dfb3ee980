"""What tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from clearsight.models.backend import keras


@pytest.fixture
def in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make Keras compute in float64, throughout: its type promotion stops at float32 otherwise."""
    from keras.src.backend.common import dtypes

    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    torch.set_default_dtype(torch.float64)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")
    torch.set_default_dtype(torch.float32)
