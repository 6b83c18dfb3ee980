"""Attention: every way to call its layers, its kernel, its dropout, and whole transformers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.engine.kernels.attention import attention, can_attend
from clearsight.engine.kernels.dropout import draw_key
from clearsight.engine.operations.attention import ScoreSettings, attend
from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras
from support.plain_keras import assert_as_in_keras

layers = keras.layers
Make = Callable[[], Any]

MULTI: Make = partial(layers.MultiHeadAttention, 2, 4)
GROUPED: Make = partial(layers.GroupQueryAttention, 4, 6, 2)


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "self": lambda layer, x: layer(x, x),
    "keyword arguments": lambda layer, x: layer(value=x, query=x),
    "cross": lambda layer, x: layer(x, layers.Permute((1, 2))(x * 2)),
    "key of its own": lambda layer, x: layer(x, x * 2, key=x * 3),
    "causal": lambda layer, x: layer(x, x, use_causal_mask=True),
    "constant mask": lambda layer, x: layer(x, x, attention_mask=np.tri(7, dtype=bool)[None]),
    "mask of an input": lambda layer, x: layer(x, x, attention_mask=mask_of(x)),
    "mask of whole rows": lambda layer, x: layer(x, x, attention_mask=mask_of(x, 0.3)),
    "causal and mask": lambda layer, x: layer(
        x, x, attention_mask=mask_of(x), use_causal_mask=True
    ),
    "twice": lambda layer, x: layer(layer(x, x), x),
}


def mask_of(x: Any, least: float = -0.1) -> Any:
    """Return a mask that differs from image to image; from 0 on it may mask whole rows."""
    scores = keras.ops.matmul(x, keras.ops.transpose(x, (0, 2, 1)))
    return keras.ops.greater(scores, least)


def model_of(layer: Any, call: Callable[[Any, Any], Any]) -> Any:
    inputs = keras.Input((7, 8))
    model = keras.Model(inputs, layers.Dense(3)(call(layer, inputs)))
    generator = torch.Generator().manual_seed(0)
    for variable in model.trainable_variables:
        variable.assign(torch.rand(variable.shape, generator=generator) - 0.5)
    return model


def results(model: Any, run: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
    x = torch.rand((3, 7, 8), generator=torch.Generator().manual_seed(1)) - 0.5
    x.requires_grad_()
    torch.manual_seed(5)
    output = run(x)
    towards = torch.linspace(-1, 2, output.numel()).view(output.shape)
    weights = [variable.value for variable in model.trainable_variables]
    return [output, *torch.autograd.grad((output * towards).sum(), [x, *weights])]


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("make", [MULTI, GROUPED], ids=["multi-head", "grouped"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_gives_kerass_bits(call: Callable[[Any, Any], Any], make: Make, rate: float) -> None:
    model = model_of(make(dropout=rate), call)
    program = compile_program(model, training=True, dtype=torch.float32)
    assert program.left_to_keras == ()
    expected = results(model, lambda x: model(x, training=True))
    for found, value in zip(results(model, lambda x: program([x])[0]), expected, strict=True):
        assert torch.equal(found, value)


@pytest.mark.parametrize("make", [MULTI, GROUPED], ids=["multi-head", "grouped"])
@pytest.mark.parametrize("name", sorted(set(CALLS) - {"mask of whole rows"}))
def test_a_call_in_bfloat16_is_close_to_keras(name: str, make: Make) -> None:
    # Where all keys are masked, torch's fused attention, and so Keras, has a wrong gradient.
    model = model_of(make(), CALLS[name])
    program = compile_program(model, training=True, dtype=torch.bfloat16)
    expected = results(model, lambda x: model(x, training=True))
    largest = max(value.abs().max().item() for value in expected)
    for found, value in zip(results(model, lambda x: program([x])[0]), expected, strict=True):
        assert (found - value).abs().max() <= 0.02 * max(value.abs().max().item(), 0.1 * largest)


@pytest.mark.parametrize(
    ("layer", "call", "reason"),
    [
        (MULTI(use_gate=True), CALLS["self"], "it has a gate"),
        (MULTI(), lambda m, x: m(x, x, return_attention_scores=True)[0], "several outputs"),
        (MULTI(), lambda m, x: m(layers.Masking()(x), x), "its input has a mask"),
        (GROUPED(), lambda m, x: m(x, x, attention_mask=np.ones((1, 7, 7))), "is not boolean"),
        (MULTI(flash_attention=True), CALLS["self"], "flash attention is asked for"),
    ],
)
def test_what_is_left_to_keras_has_a_reason(layer: Any, call: Any, reason: str) -> None:
    program = compile_program(model_of(layer, call), training=True, dtype=torch.bfloat16)
    assert reason in "; ".join(program.left_to_keras)


# The kernel.

SHAPES = [  # images, queries, heads, keys, heads of keys, size, size of values
    (2, 9, 4, 7, 2, 5, 3), (1, 16, 2, 16, 2, 16, 16), (2, 20, 3, 33, 1, 20, 40),
    (1, 1, 1, 1, 1, 1, 1),
]  # fmt: skip


def draw(shape: tuple[int, ...], value_size: int | None = None) -> list[torch.Tensor]:
    images, queries, heads, keys, groups, size, given_value_size = shape
    value_size = given_value_size if value_size is None else value_size
    generator = torch.Generator().manual_seed(0)
    shapes = [
        (images, queries, heads, size), (images, keys, groups, size),
        (images, keys, groups, value_size), (images, queries, heads, value_size),
    ]  # fmt: skip
    query, *others = (torch.randn(shape, generator=generator) for shape in shapes)
    return [tensor.bfloat16() for tensor in (query * size**-0.5, *others)]


def exactly(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, kept: torch.Tensor | float
) -> torch.Tensor:
    repeats = query.shape[2] // key.shape[2]
    key, value = (tensor.double().repeat_interleave(repeats, 2) for tensor in (key, value))
    scores = torch.einsum("nthd,nshd->nhts", query.double(), key)
    return torch.einsum("nhts,nshv->nthv", torch.softmax(scores, -1) * kept, value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_the_kernel_gives_the_values_and_gradients_of_attention(
    shape: tuple[int, ...], rate: float
) -> None:
    *tensors, towards = draw(shape)
    if not can_attend(*tensors, rate):
        pytest.skip("no kernels for this processor")
    random_key, kept = (draw_key(), torch.ones(())) if rate else (None, torch.ones(()))
    if rate:  # values that are ones of the identity give the probabilities themselves
        identity = torch.eye(shape[3]).bfloat16()[None, :, None].expand(shape[0], -1, shape[4], -1)
        drawn = attention(*tensors[:2], identity, rate, random_key)
        kept = (drawn > 0).transpose(1, 2).double() / (1 - rate)
    for tensor in tensors:
        tensor.requires_grad_()
    found = attention(*tensors, rate, random_key)
    expected = exactly(*tensors, kept)
    gradients = torch.autograd.grad(found, tensors, towards)
    exact = torch.autograd.grad(expected, tensors, towards.double())
    for value, target in zip([found, *gradients], [expected, *exact], strict=True):
        scale = max(1.0, target.abs().max().item())
        assert (value.double() - target).abs().max() <= 0.02 * scale


def test_the_kernel_reads_columns_of_one_product_and_says_where_values_are_not_numbers() -> None:
    product = torch.randn((2, 5, 3 * 2 * 16)).bfloat16()
    parts = [part.view(2, 5, 2, 16) for part in product.split(32, 2)]
    if not can_attend(*parts, 0.0):
        pytest.skip("no kernels for this processor")
    assert torch.equal(attention(*parts), attention(*(part.contiguous() for part in parts)))
    product[0, 1, 3] = float("nan")
    attended = attention(*parts)
    assert attended[0, 1, 0].isnan().all()
    assert not attended[1].isnan().any()


def test_attention_drops_at_its_rate_by_its_key() -> None:
    query, key, _ = (torch.zeros((4, 64, 2, 16)).bfloat16() for _ in range(3))
    value = torch.eye(64).bfloat16()[None, :, None].expand(4, -1, 2, -1)
    if not can_attend(query, key, value, 0.3):
        pytest.skip("no kernels for this processor")
    first = draw_key()
    drawn = attention(query, key, value, 0.3, first)
    assert torch.equal(drawn, attention(query, key, value, 0.3, first))
    assert not torch.equal(drawn, attention(query, key, value, 0.3, draw_key()))
    dropped = (drawn == 0).double()
    count = dropped.numel()
    assert abs(dropped.mean().item() - 0.3) < 5 * (0.21 / count) ** 0.5
    # No two heads or images, queries or keys share what is dropped.
    for axis in range(4):
        neighbours = dropped.narrow(axis, 0, 1) * dropped.narrow(axis, 1, 1)
        assert abs(neighbours.mean().item() - 0.09) < 5 * (0.09 / neighbours.numel()) ** 0.5
    assert drawn[drawn > 0].double().mean().item() == pytest.approx(1 / 64 / 0.7, rel=0.01)


def test_without_the_kernel_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = ScoreSettings(scale=1.0, drop=None, rate=0.0, draw_key=draw_key, is_explicit=True)
    *tensors, _ = draw(SHAPES[0])
    by_kernel = attend(*tensors, None, scores)
    monkeypatch.setattr("clearsight.engine.operations.attention.can_attend", lambda *_: False)
    assert torch.allclose(by_kernel, attend(*tensors, None, scores), atol=0.03)


# Whole models.


def transformer(rate: float = 0.1, seed: int | None = None) -> Any:
    inputs = keras.Input((12, 12, 3))
    values = layers.Conv2D(16, 4, strides=4)(layers.Rescaling(1 / 255)(inputs))
    values = layers.Reshape((9, 16))(values)
    for _ in range(2):
        normal = layers.LayerNormalization(epsilon=1e-6)(values)
        attended = layers.MultiHeadAttention(2, 8, dropout=rate, seed=seed)(normal, normal)
        values = layers.Add()([attended, values])
        hidden = layers.Dense(32, "gelu")(layers.LayerNormalization(epsilon=1e-6)(values))
        values = layers.Add()([layers.Dense(16)(layers.Dropout(rate, seed=seed)(hidden)), values])
    values = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(values))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(values))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (40, 12, 12, 3)).astype("float32")
LABELS = (IMAGES.mean((1, 2, 3)) > 127.5).astype("int64")


def trained(model: Any) -> Any:
    history = model.fit(IMAGES, LABELS, batch_size=8, epochs=2, verbose=0).history
    states = [v.numpy() for v in model.non_trainable_variables]
    return [history["loss"], model.predict(IMAGES, verbose=0), states]


@pytest.mark.parametrize("seed", [None, 3])
def test_a_transformer_trains_to_kerass_bits(seed: int | None) -> None:
    def frozen_in_part() -> Any:
        model = transformer(seed=seed)
        next(x for x in model.layers if "attention" in x.name).query_dense.trainable = False
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    assert_as_in_keras(frozen_in_part, trained)


def test_a_transformer_in_bfloat16_trains_like_keras_and_repeats_itself() -> None:
    def run(rate: float, seed: int | None, *, fast: bool = True) -> Any:
        keras.utils.set_random_seed(0)
        model = transformer(rate, seed)
        if fast:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # no layer is left to Keras
                clearsight.accelerate(model, precision="bfloat16")
        return trained(model)

    plain, found = run(0.0, None, fast=False), run(0.0, None)
    np.testing.assert_allclose(found[0], plain[0], rtol=0.02)
    np.testing.assert_allclose(found[1], plain[1], atol=0.03)
    np.testing.assert_equal(run(0.1, None), run(0.1, None))
    plain, found = run(0.1, 3, fast=False), run(0.1, 3)
    np.testing.assert_equal(found[2], plain[2])  # the states of random generators
