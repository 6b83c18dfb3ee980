"""Dropout's masks: their statistics, that they depend on the key alone, and their gradient."""

from __future__ import annotations

import ctypes
import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

import clearsight
from clearsight.engine.kernels import dropout as kernel
from clearsight.engine.kernels.library import has_kernel
from clearsight.engine.lowering.noise import drop
from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras

layers = keras.layers
NUM_VALUES = 10_000_000
SIGMAS = 4.5  # the 70 numbers below are all within that in 999 of 1,000 runs; keys are fixed

compiled = pytest.mark.skipif(not has_kernel("dropout"), reason="no kernels for this processor")
both_types = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])


def key_of(number: int) -> torch.Tensor:
    return torch.tensor([number])


def mask_of(number: int, rate: float = 0.5, count: int = NUM_VALUES) -> np.ndarray:
    """Return which of `count` values a key keeps, as booleans."""
    ones = torch.ones(count, dtype=torch.bfloat16)
    return (kernel.drop_values(ones, rate, key_of(number)) != 0).numpy()


# Statistics.


@compiled
@pytest.mark.parametrize("rate", [0.002, 0.1, 1 / 3, 0.5, 0.9])
def test_the_rate_is_right(rate: float) -> None:
    dropped = NUM_VALUES - np.count_nonzero(mask_of(1, rate))
    deviation = math.sqrt(NUM_VALUES * rate * (1 - rate))
    assert abs(dropped - NUM_VALUES * rate) < SIGMAS * deviation


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation of two masks of rate 0.5 in units of its standard deviation."""
    return (2 * np.mean(first == second) - 1) * math.sqrt(len(first))


@compiled
def test_values_are_independent_of_their_neighbours() -> None:
    mask = mask_of(2)
    # The next value and channel, of the usual numbers of channels; lanes and blocks.
    for distance in (1, 2, 3, 4, 8, 15, 16, 17, 31, 32, 33, 64, 96, 128, 512, 4095, 4096, 8192):
        assert abs(correlation(mask[:-distance], mask[distance:])) < SIGMAS, distance


@compiled
def test_calls_are_independent_of_each_other() -> None:
    mask = mask_of(3)
    # Seeds and calls that follow each other, as a seed generator of Keras counts them.
    for other in (4, 5, 3 + 2**32, 4 + 2**32, 3 - 2**63, ~3):
        assert abs(correlation(mask, mask_of(other))) < SIGMAS, other


def chi_square(counts: np.ndarray) -> float:
    """Return how far counts are from equal ones, in standard deviations."""
    expected, freedom = counts.sum() / len(counts), len(counts) - 1
    return (float(((counts - expected) ** 2).sum()) / expected - freedom) / math.sqrt(2 * freedom)


@compiled
@pytest.mark.parametrize("shift", [0, 3])
def test_eight_values_in_a_row_take_all_patterns_equally_often(shift: int) -> None:
    patterns = np.packbits(mask_of(4)[8 - shift :][: NUM_VALUES // 8 * 8 - 8])
    assert abs(chi_square(np.bincount(patterns, minlength=256))) < SIGMAS


@compiled
def test_the_first_values_of_masks_are_equally_distributed() -> None:
    # The upper four bits behind them, by the rates at which they are dropped; of keys in a row.
    counts, values = np.zeros((32, 16), int), torch.ones(32)
    for number in range(600):
        masks = [
            kernel.drop_values(values, rate / 16, key_of(number)) != 0 for rate in range(1, 16)
        ]
        counts[np.arange(32), torch.stack(masks).sum(0).numpy()] += 1
    assert max(abs(chi_square(each)) for each in counts) < SIGMAS
    assert abs(chi_square(counts.sum(0))) < SIGMAS


# What a mask depends on.


@compiled
@both_types
def test_the_number_of_threads_does_not_matter(dtype: torch.dtype) -> None:
    values = torch.randn(70_001, dtype=torch.float32).to(dtype)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append(kernel.drop_values(values, 0.3, key_of(5)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], result) for result in results)


@compiled
@both_types
@pytest.mark.parametrize("count", [0, 1, 31, 4096, 20_011])
def test_processors_of_both_libraries_give_the_same_numbers(dtype: torch.dtype, count: int) -> None:
    values = torch.randn(count, dtype=torch.float32).to(dtype)
    results = []
    for name in ("_kernels", "_kernels_avx2"):
        found = find_spec(f"clearsight.engine.kernels.{name}")
        if found is None or found.origin is None:
            pytest.skip(f"{name} was not compiled")
        function = ctypes.CDLL(found.origin).dropout
        function.argtypes = [
            *[ctypes.c_void_p] * 3, ctypes.c_ssize_t, ctypes.c_double, ctypes.c_int,
            ctypes.c_ssize_t,
        ]  # fmt: skip
        key, output = key_of(6), torch.empty_like(values)
        is_float32 = dtype is torch.float32
        function(values.data_ptr(), key.data_ptr(), output.data_ptr(), count, 0.3, is_float32, 2)
        results.append(output)
    assert torch.equal(*results)


@compiled
@both_types
@pytest.mark.parametrize("shape", [(0,), (3, 0, 4), (1,), (5, 7), (2, 3, 4, 5), (64, 8, 8, 32)])
@pytest.mark.parametrize("is_permuted", [False, True])
def test_values_and_gradients_have_one_mask(
    dtype: torch.dtype, shape: tuple[int, ...], is_permuted: bool
) -> None:
    rate = 0.4
    values = torch.randn(shape, dtype=torch.float32).to(dtype)
    if is_permuted:
        values = values.permute((0, 3, 1, 2) if len(shape) == 4 else tuple(range(len(shape)))[::-1])
    values.requires_grad_()
    output = kernel.drop_values(values, rate, key_of(7))
    towards = torch.randn(output.shape, dtype=torch.float32).to(dtype)
    (gradient,) = torch.autograd.grad(output, values, towards)
    assert output.dtype is dtype
    assert output.shape == values.shape
    mask = output != 0
    scale = torch.tensor(1 / (1 - rate), dtype=torch.float32)
    assert torch.equal(output, torch.where(mask, (values.float() * scale).to(dtype), 0))
    assert torch.equal(gradient, torch.where(mask, (towards.float() * scale).to(dtype), 0))
    with torch.no_grad():
        assert torch.equal(kernel.drop_values(values, rate, key_of(7)), output)


@compiled
@both_types
@pytest.mark.parametrize(
    ("noise_shape", "repeats"),
    [
        ((None, 1, 1, None), (3, 20, 6)),
        ((3, None, 1, 1), (12, 30, 1)),
        ((1, None, None, None), (1, 3, 120)),
        ((1, 1, 1, 1), (1, 360, 1)),
        ((None, 4, None, 6), (360, 1, 1)),
        ((None, 1, None, 1), None),
        ((None, 2, None, None), None),
        ((None, 1), None),
    ],
)
def test_masks_repeat_as_their_shape_says(
    dtype: torch.dtype, noise_shape: tuple[int | None, ...], repeats: tuple[int, int, int] | None
) -> None:
    values = torch.rand((3, 4, 5, 6), dtype=torch.float32).add(1).to(dtype).requires_grad_()
    assert kernel.find_repeats(values.shape, noise_shape) == repeats
    if repeats is None:
        return
    output = kernel.repeated_dropout(values, 0.4, key_of(10), repeats)
    scaled = (values.float() * torch.tensor(1 / 0.6, dtype=torch.float32)).to(dtype)
    mask = output != 0
    assert torch.equal(output, torch.where(mask, scaled, 0))
    rows = mask.reshape(repeats)
    assert torch.equal(rows, rows[:, :1].expand(rows.shape))
    towards = torch.rand(output.shape, dtype=torch.float32).to(dtype)
    (gradient,) = torch.autograd.grad(output, values, towards)
    scaled = (towards.float() * torch.tensor(1 / 0.6, dtype=torch.float32)).to(dtype)
    assert torch.equal(gradient, torch.where(mask, scaled, 0))


@compiled
def test_images_in_channels_last_memory_stay_there() -> None:
    images = torch.randn((2, 5, 6, 7)).bfloat16()
    second = images.permute(0, 3, 1, 2)
    dropped = kernel.drop_values(second, 0.5, key_of(8))
    assert dropped.stride() == second.stride()
    assert torch.equal(dropped.permute(0, 2, 3, 1), kernel.drop_values(images, 0.5, key_of(8)))


@compiled
def test_infinities_and_what_is_no_number_stay() -> None:
    values = torch.tensor([math.inf, -math.inf, math.nan, 3e38]).bfloat16().repeat(100)
    kept = kernel.drop_values(values, 0.5, key_of(9)).view(-1, 4)
    assert set(kept[:, 0].tolist()) == {0.0, math.inf}
    assert set(kept[:, 1].tolist()) == {0.0, -math.inf}
    assert 20 < kept[:, 2].isnan().sum() < 80
    assert set(kept[:, 3].tolist()) == {0.0, math.inf}


@compiled
def test_a_trace_of_a_step_draws_again() -> None:
    traced: Any = make_fx(lambda values: drop(values, 0.5))(torch.ones(1000).bfloat16())
    values = torch.ones(1000).bfloat16()
    torch.manual_seed(1)
    first, second = traced(values), traced(values)
    torch.manual_seed(1)
    assert torch.equal(first, drop(values, 0.5))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("rate", [1e-6, 1 - 1e-6, 1.0])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_what_the_kernel_does_not_take_torch_does(rate: float, dtype: torch.dtype) -> None:
    values = torch.ones(1000, dtype=dtype)
    assert not kernel.can_drop(values, rate)
    assert_torch_drops(values, rate)


def test_without_a_kernel_torch_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "has_kernel", lambda _: False)
    assert_torch_drops(torch.ones(1000, dtype=torch.bfloat16), 0.3)


def assert_torch_drops(values: torch.Tensor, rate: float) -> None:
    torch.manual_seed(2)
    dropped = drop(values, rate)
    torch.manual_seed(2)
    assert torch.equal(dropped, functional.dropout(values, rate, True))


# In a network.


VALUES = torch.ones((4, 5, 6, 50), dtype=torch.bfloat16)
LAYERS = {
    "Dropout": lambda: layers.Dropout(0.3),
    "seeded": lambda: layers.Dropout(0.3, seed=7),
    "with a noise_shape": lambda: layers.Dropout(0.3, noise_shape=(None, 1, 1, None)),
    "with another noise_shape": lambda: layers.Dropout(0.3, noise_shape=(None, 1, None, 1)),
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.3),
    "SpatialDropout2D, channels first": lambda: layers.SpatialDropout2D(0.3, "channels_first"),
}
with_generators = pytest.mark.parametrize("name", list(LAYERS)[1:])


def dropping(layer: Any) -> tuple[Any, Any]:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(VALUES.shape[1:]), layer])
    return model, compile_program(model, training=True, dtype=torch.bfloat16)


@pytest.mark.parametrize("name", LAYERS)
def test_a_seed_gives_the_same_masks_again(name: str) -> None:
    values = VALUES

    def masks() -> list[torch.Tensor]:
        keras.utils.set_random_seed(0)
        _, program = dropping(LAYERS[name]())
        keras.utils.set_random_seed(5)
        return [program([values])[0] for _ in range(3)]

    first, again = masks(), masks()
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], first[1])


@with_generators
def test_a_layers_own_generator_advances_as_in_keras(name: str) -> None:
    model, program = dropping(LAYERS[name]())
    state = model.layers[0].seed_generator.state
    before = state.value.clone()
    by_engine = program([VALUES])[0]
    after = state.value.clone()
    state.assign(before)
    by_keras = model(VALUES, training=True)
    assert torch.equal(state.value, after)
    assert not torch.equal(before, after)
    # The same values are dropped together.
    for axes in ((1, 2), (2, 3), (1, 3)):
        expected = by_keras.amax(axes) == by_keras.amin(axes)
        found = by_engine.amax(axes) == by_engine.amin(axes)
        assert torch.equal(expected.all(), found.all())


@compiled
def test_layers_of_different_seeds_drop_different_values() -> None:
    first, second = (dropping(layers.Dropout(0.3, seed=seed))[1] for seed in (7, 8))
    first([VALUES])  # in Keras the second mask of seed 7 is the first of seed 8
    assert not torch.equal(first([VALUES])[0], second([VALUES])[0])


def test_the_states_in_a_checkpoint_decide_what_is_dropped() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(8, 3, activation="relu")])
    for make in LAYERS.values():
        model.add(make())
    for layer in (layers.Flatten(), layers.Dense(3, "softmax")):
        model.add(layer)
    model.compile("adam", "sparse_categorical_crossentropy")
    clearsight.accelerate(model, "bfloat16", "cpu")
    images = np.random.default_rng(0).random((32, 6, 6, 1), "float32")
    labels = np.arange(32) % 3
    model.train_on_batch(images, labels)
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    saved = [variable.value.detach().clone() for variable in variables]
    generator = torch.get_rng_state()

    def losses() -> list[float]:
        return [float(model.train_on_batch(images, labels)) for _ in range(3)]

    expected, others = losses(), losses()
    for variable, value in zip(variables, saved, strict=True):
        variable.assign(value)
    torch.set_rng_state(generator)
    assert losses() == expected
    assert others != expected
