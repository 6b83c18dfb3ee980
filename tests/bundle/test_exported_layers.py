"""What torch's exporter writes for Keras's layers passes the check of strangers' files."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clearsight.bundle.formats import onnx_file
from clearsight.bundle.formats.quiet import quiet
from clearsight.bundle.network import TrainedNetwork
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.views import Views
from clearsight.models.backend import keras

L, ops = keras.layers, keras.ops
SHAPE = (16, 16, 4)


def row(*layers: Any) -> Callable[[Any], Any]:
    return lambda images: reduce(lambda values, layer: layer(values), layers, images)


def tokens() -> Any:
    return L.Reshape((64, 16))


def twice(layer: Any) -> Callable[[Any], Any]:
    """A layer of two inputs: the image's tokens, twice."""

    def call(images: Any) -> Any:
        values = tokens()(images)
        return layer([values, values])

    return call


def attended(layer: Any, **arguments: Any) -> Callable[[Any], Any]:
    return lambda images: layer(*[tokens()(images)] * 2, **arguments)


def with_convolution(layer: Any) -> Callable[[Any], Any]:
    return lambda images: layer([images, L.Conv2D(4, 1)(images)])


LAYERS: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "strides": lambda: row(L.Conv2D(8, 3, strides=2, padding="same")),
    "dilation": lambda: row(L.Conv2D(8, 3, dilation_rate=2)),
    "separable": lambda: row(L.SeparableConv2D(8, 3)),
    "depthwise": lambda: row(L.DepthwiseConv2D(3, strides=2, padding="same")),
    "transposed": lambda: row(L.Conv2DTranspose(8, 3, strides=2, padding="same")),
    "transposed, valid": lambda: row(L.Conv2DTranspose(8, 3, strides=2)),
    "one axis": lambda: row(tokens(), L.Conv1D(8, 3, padding="causal"), L.MaxPooling1D(2)),
    "layer norm": lambda: row(L.LayerNormalization()),
    "group norm": lambda: row(L.GroupNormalization(2)),
    "batch norm": lambda: row(L.BatchNormalization()),
    "rms norm": lambda: row(L.RMSNormalization()),
    "unit norm": lambda: row(L.UnitNormalization()),
    "spectral norm": lambda: row(L.SpectralNormalization(L.Conv2D(4, 3))),
    "normalization": lambda: row(L.Normalization(mean=0.5, variance=2.0)),
    "prelu": lambda: row(L.PReLU(shared_axes=(1, 2))),
    **{
        name: lambda name=name: row(L.Dense(8, activation=name))
        for name in ("gelu", "silu", "mish", "selu", "softplus", "hard_silu", "relu6", "sparsemax")
    },
    "multi-head attention": lambda: attended(L.MultiHeadAttention(2, 8)),
    "attention with dropout": lambda: attended(L.MultiHeadAttention(2, 8, dropout=0.1)),
    "causal attention": lambda: attended(L.MultiHeadAttention(2, 8), use_causal_mask=True),
    "masked attention": lambda: attended(
        L.MultiHeadAttention(2, 8, dropout=0.1), attention_mask=np.tri(64, dtype=bool)[None]
    ),
    "grouped-query attention": lambda: attended(L.GroupQueryAttention(8, 4, 2)),
    "attention": lambda: twice(L.Attention()),
    "dot": lambda: twice(L.Dot(axes=2)),
    "lstm": lambda: row(tokens(), L.LSTM(8)),
    "gru": lambda: row(tokens(), L.Bidirectional(L.GRU(4, return_sequences=True))),
    "resizing": lambda: row(L.Resizing(9, 11)),
    "upsampling": lambda: row(L.UpSampling2D(2)),
    "upsampling, bilinear": lambda: row(L.UpSampling2D(2, interpolation="bilinear")),
    "padding": lambda: row(L.ZeroPadding2D(((1, 2), (0, 3)))),
    "cropping": lambda: row(L.Cropping2D(2), L.CenterCrop(8, 8)),
    "average pooling": lambda: row(L.AveragePooling2D(3, 2, padding="same")),
    "max pooling": lambda: row(L.MaxPooling2D(3, 2, padding="same")),
    "pooling of tokens": lambda: row(tokens(), L.GlobalAveragePooling1D()),
    "einsum dense": lambda: row(L.EinsumDense("bhwc,cd->bhwd", (16, 16, 3), bias_axes="d")),
    "subtract": lambda: with_convolution(L.Subtract()),
    "global pooling": lambda: row(L.GlobalAveragePooling2D(keepdims=True)),
    "add": lambda: with_convolution(L.Add()),
    "concatenate": lambda: with_convolution(L.Concatenate()),
    "maximum": lambda: with_convolution(L.Maximum()),
    "repeat": lambda: row(L.Flatten(), L.RepeatVector(3)),
    "time distributed": lambda: row(L.TimeDistributed(L.Dense(3))),
    "permute": lambda: row(L.Permute((3, 1, 2))),
    "roll and flip": lambda: lambda x: ops.stack([ops.roll(x, 1, axis=1), ops.flip(x, axis=2)], 1),
    "where": lambda: lambda x: ops.where(x > 0.5, x, ops.logsumexp(x, axis=-1, keepdims=True)),
    "einsum": lambda: lambda x: ops.einsum("bhwc,bhvc->bhwv", x, x),
    "top k": lambda: lambda x: ops.top_k(ops.reshape(x, (-1, 1024)), 5)[0],
    "reflection": lambda: lambda x: ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect"),
    "one-hot": lambda: lambda x: ops.one_hot(ops.argmax(x, -1), 4),
    "slices": lambda: lambda x: x[:, 1:-1:2, ::2],
    "halves": lambda: lambda x: ops.split(x, 2, axis=-1)[0],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_a_network_of_every_layer_may_be_opened(tmp_path: Path, name: str) -> None:
    images = keras.Input(SHAPE)
    values = L.Flatten()(LAYERS[name]()(images))
    model = keras.Model(images, L.Dense(3, activation="softmax")(values))
    network = TrainedNetwork(model, Preparation(*SHAPE), Views(mirrored=True, shift_pixels=1))
    path, module = tmp_path / "model.onnx", network.as_module()
    with quiet("torch.onnx"), torch.no_grad():
        onnx_file._export(module, network, path, dynamo=False)
    assert onnx_file._matches_other_batches(module, network, path)  # which checks the file
