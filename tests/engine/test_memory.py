"""A batch is given back as soon as its step is done, not when Python next looks for cycles."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.data.splits.splits import Splits
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_batch_outlives_its_step(small_fashion: Splits, precision: Any) -> None:
    model: Any = build_model(ModelRequest("lesson"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    clearsight.accelerate(model, precision=precision)
    images = small_fashion.train.images[:64].astype(np.float32) / 255
    labels = torch.from_numpy(np.array(small_fashion.train.labels[:64]))
    device = model.weights[0].value.device

    def one_step(step: Any) -> weakref.ref[torch.Tensor]:
        batch = torch.from_numpy(images.copy()).to(device)
        step((batch, labels.to(device)))
        return weakref.ref(batch)

    one_step(model.train_step)  # what is made once is made now
    gc.collect()
    gc.disable()
    try:
        assert one_step(model.train_step)() is None
        assert one_step(model.test_step)() is None
    finally:
        gc.enable()
    assert keras.backend.backend() == "torch"
