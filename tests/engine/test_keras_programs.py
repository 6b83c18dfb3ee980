"""Programs that reach past `fit` and its arguments: into types, hooks, methods and shared arrays.

Each runs on a plain and on an accelerated model in float32, and must give the same bits.
"""
# ruff: noqa: ARG002, ARG005, PLW0108 (the signatures are Keras's; each use makes its own layers)

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

import clearsight
from clearsight.models.backend import keras
from support.plain_keras import assert_as_in_keras

layers, ops = keras.layers, keras.ops
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(64, 8)).astype("float32")
Y = GENERATOR.integers(0, 3, 64)
IMAGES = GENERATOR.integers(0, 256, (26, 6, 6, 3)).astype("uint8")
CROSSENTROPY = "sparse_categorical_crossentropy"


def classifier(kind: Any = keras.Model) -> Any:
    inputs = keras.Input((8,))
    hidden = layers.Dropout(0.2)(layers.Dense(6, "relu")(inputs))
    model = kind(inputs, layers.Dense(3, "softmax")(hidden))
    model.compile("sgd", CROSSENTROPY, metrics=["accuracy"])
    return model


def fit(model: Any, **options: Any) -> Any:
    return model.fit(X, Y, **{"batch_size": 13, "verbose": 0, **options}).history


def image_classifier(layer: Any, dtype: str) -> Any:
    inputs = keras.Input((6, 6, 3), dtype=dtype)
    values = layers.Rescaling(1 / 1000)(layer(inputs) * 3)
    model = keras.Model(inputs, layers.Dense(3, "softmax")(layers.Flatten()(values)))
    model.compile("sgd", CROSSENTROPY)
    return model


ON_PIXELS: dict[str, Callable[[], Any]] = {
    "RandomFlip": lambda: layers.RandomFlip(seed=1),
    "BatchNormalization": lambda: layers.BatchNormalization(),
    "LayerNormalization": lambda: layers.LayerNormalization(),
    "GlobalAveragePooling2D": lambda: layers.GlobalAveragePooling2D(keepdims=True),
    "UpSampling2D": lambda: layers.UpSampling2D(interpolation="bilinear"),
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.3, seed=1),
    "GaussianNoise": lambda: layers.GaussianNoise(0.3, seed=1),
    "ReLU": lambda: layers.ReLU(6.0),
    "MaxPooling2D": lambda: layers.MaxPooling2D(),
    "ZeroPadding2D": lambda: layers.ZeroPadding2D(),
    "Dense": lambda: layers.Dense(3),
}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16"])
@pytest.mark.parametrize("name", ON_PIXELS)
def test_a_layer_takes_integers_and_16_bits_as_in_keras(name: str, dtype: str) -> None:
    def program(model: Any) -> Any:
        x = IMAGES.astype(dtype)
        try:
            losses = model.fit(x, Y[:26], batch_size=13, verbose=0).history["loss"]
        except (RuntimeError, NotImplementedError) as error:  # torch's, in plain Keras too
            return [type(error).__name__, str(error)]
        return [losses[0], model.predict(x, verbose=0)]

    results = []
    for is_accelerated in (False, True):
        keras.backend.clear_session()  # for the names of layers in messages
        keras.utils.set_random_seed(0)
        model = image_classifier(ON_PIXELS[name](), dtype)
        if is_accelerated:
            with mock.patch("warnings.warn"):
                clearsight.accelerate(model, "float32")
        keras.utils.set_random_seed(1)
        results.append(program(model))
    for expected, found in zip(*results, strict=True):
        if isinstance(expected, str):
            assert found == expected
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("merge", [layers.Add, layers.Maximum, layers.Concatenate])
@pytest.mark.parametrize("dtype", ["int32", "int64", "bool", "float16", "float64"])
def test_inputs_of_two_types_are_merged_as_in_keras(merge: Any, dtype: str) -> None:
    def make() -> Any:
        first, second = keras.Input((8,), dtype=dtype), keras.Input((8,))
        return keras.Model([first, second], layers.Dense(3)(merge()([first, second])))

    x = [(X * 3).astype(dtype), X]
    assert_as_in_keras(make, lambda model: model.predict(x, verbose=0, batch_size=16))


@pytest.mark.parametrize("maximum", [1.0, 6.0])
def test_a_limited_relu_has_kerass_gradient_at_its_limits(maximum: float) -> None:
    """Where an image is black and biases are zero, its input is exactly 0."""
    x = np.where(X > 0, X, 0.0).astype("float32")
    x[:20] = 0.0

    def make() -> Any:
        model = keras.Sequential(
            [keras.Input((8,)), layers.Dense(6), layers.ReLU(maximum), layers.Dense(3, "softmax")]
        )
        model.compile("sgd", CROSSENTROPY)
        return model

    def program(model: Any) -> Any:
        return [model.fit(x, Y, verbose=0).history, model.get_weights()]

    assert_as_in_keras(make, program)


class CountsBatches(layers.Layer):
    """A layer whose result depends on how many batches there were."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, values: Any) -> Any:
        self.count.assign_add(1.0)
        return values * self.count


MIXES: dict[str, Callable[[Any], Any]] = {
    "a layer": lambda values: CountsBatches()(values),
    "an operation": lambda values: values - ops.mean(values, 0, keepdims=True),
    "a state": lambda values: layers.GRU(3, stateful=True)(layers.Reshape((4, 2))(values)),
}


@pytest.mark.parametrize("name", MIXES)
def test_predict_keeps_kerass_batches_where_they_matter(name: str) -> None:
    def make() -> Any:
        inputs = keras.Input(batch_shape=(32, 8))
        return keras.Model(inputs, MIXES[name](inputs))

    assert_as_in_keras(make, lambda model: model.predict(X, verbose=0))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int8", "uint16"])
@pytest.mark.parametrize("step", [1, -1])
def test_what_a_callback_changes_in_the_arrays_is_seen(dtype: str, step: int) -> None:
    def program(model: Any) -> Any:
        x = (np.abs(X) * 10).astype(dtype)[::step]

        class Doubles(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                x[:] = x * 2

        return model.fit(x, Y, epochs=2, verbose=0, callbacks=[Doubles()]).history

    assert_as_in_keras(classifier, program)


def batches_that_drop(model: Any) -> Any:
    for start in range(0, 64, 16):
        model.layers[2].rate = 0.1 + start / 100
        yield X[start : start + 16], Y[start : start + 16]


class BatchesThatFreeze(keras.utils.PyDataset):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        self.model.layers[1].trainable = index < 2
        rows = slice(16 * index, 16 * index + 16)
        return X[rows], Y[rows]


@pytest.mark.parametrize("source", [batches_that_drop, BatchesThatFreeze])
def test_what_a_source_of_batches_changes_takes_effect_at_once(source: Any) -> None:
    def program(model: Any) -> Any:
        return [model.fit(source(model), shuffle=False, verbose=0).history, model.get_weights()]

    assert_as_in_keras(classifier, program)


@pytest.mark.parametrize("where", ["layer", "model", "changes the output"])
def test_torchs_hooks_are_called(where: str) -> None:
    def program(model: Any) -> Any:
        seen: list[Any] = []
        module = model if where == "model" else model.layers[1]
        module.register_forward_hook(
            lambda module, values, output: output * 2 if where[0] == "c" else seen.append(1)
        )
        return [fit(model), model.predict(X, verbose=0, batch_size=32), len(seen)]

    assert_as_in_keras(classifier, program)


def test_gradients_stay_after_the_last_batch() -> None:
    def program(model: Any) -> Any:
        fit(model)
        loss = ops.mean(model(X[:8], training=True))
        loss.backward()  # adds to them
        return [variable.value.grad.numpy() for variable in model.trainable_variables]

    assert_as_in_keras(classifier, program)


class OwnMetrics(keras.Model):
    """A model with a metric of its own making."""

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return {**super().compute_metrics(x, y, y_pred, sample_weight), "one": 1}


@pytest.mark.parametrize("kind", [keras.Model, OwnMetrics])
def test_callbacks_share_the_logs_of_a_batch_alone(kind: Any) -> None:
    def program(model: Any) -> Any:
        seen = []

        class Adds(keras.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                logs["more"] = batch

        class Looks(keras.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                seen.append(dict(logs))

        return [fit(model, callbacks=[Adds(), Looks()]), seen]

    assert_as_in_keras(lambda: classifier(kind), program)


def test_a_callback_may_train_on_other_batches() -> None:
    class Trains(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            model: Any = self.model
            model.train_on_batch(X[:5], Y[:5])
            model.test_on_batch(X[:5], Y[:5])

    assert_as_in_keras(classifier, lambda model: fit(model, epochs=2, callbacks=[Trains()]))


def test_an_object_with_the_methods_of_a_callback_is_called() -> None:
    def program(model: Any) -> Any:
        callback = mock.MagicMock()
        # Else Keras calls it in threads, in any order.
        callback.async_safe = False
        callback.on_train_batch_end._is_default = False
        seen = []
        callback.on_train_batch_end.side_effect = lambda batch, logs: seen.append(dict(logs))
        fit(model, callbacks=[callback])
        return [seen, callback.on_train_batch_begin.call_count]

    assert_as_in_keras(classifier, program)


@pytest.mark.parametrize("size", [-3, 2.5, np.int64(9)])
@pytest.mark.parametrize("name", ["fit", "evaluate", "predict"])
def test_batch_sizes_are_refused_in_kerass_words(name: str, size: Any) -> None:
    def program(model: Any) -> str:
        arguments = (X,) if name == "predict" else (X, Y)
        with pytest.raises(ValueError, match="batch_size should be a positive") as raised:
            getattr(model, name)(*arguments, batch_size=size, verbose=0)
        return str(raised.value)

    assert_as_in_keras(classifier, program)


def test_unusable_validation_data_are_noticed_after_the_first_epoch() -> None:
    def program(model: Any) -> Any:
        with pytest.raises(ValueError, match="same number of samples"):
            fit(model, validation_data=(X, Y[:9]))
        return model.get_weights()

    assert_as_in_keras(classifier, program)


def test_unknown_arguments_are_refused_in_kerass_words() -> None:
    with pytest.raises(TypeError, match=r"fit\(\) got an unexpected keyword argument 'more'"):
        fit(clearsight.accelerate(classifier(), "float32"), more=1)


METHODS: dict[str, Callable[[Any], Any]] = {
    "train_step": lambda old: lambda data: {"own": 7.0},
    "fit": lambda old: lambda *args, **kwargs: old(*args, **(kwargs | {"epochs": 2})),
    "compute_metrics": lambda old: lambda *args, **kwargs: {**old(*args, **kwargs), "own": 3.0},
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_was_replaced_on_the_object_is_kept(name: str) -> None:
    def make() -> Any:
        model = classifier()
        setattr(model, name, METHODS[name](getattr(model, name)))
        return model

    assert_as_in_keras(make, fit)


def test_a_method_that_a_program_replaces_in_keras_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, calls, own = clearsight.accelerate(classifier(), "float32"), [], keras.Model.fit

    def counted(model: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return own(model, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", counted)
    fit(model)
    assert calls == [1]


def test_accelerating_twice_is_no_replacement(recwarn: pytest.WarningsRecorder) -> None:
    model = clearsight.accelerate(clearsight.accelerate(classifier(), "float32"), "float32")
    assert fit(copy.deepcopy(model)).keys() == fit(model).keys()
    assert not [one for one in recwarn if "left to Keras" in str(one.message)]


def test_threads_may_predict_at_the_same_time() -> None:
    model = clearsight.accelerate(classifier(), "float32")
    expected = model.predict(X, verbose=0)
    errors: list[Exception] = []

    def predict() -> None:
        try:
            for _ in range(10):
                np.testing.assert_array_equal(model.predict(X, verbose=0), expected)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.parametrize("size", [13, 7])
def test_the_mean_loss_is_kerass_bits_in_batches_of_any_size(size: int) -> None:
    def program(model: Any) -> Any:
        return fit(model, batch_size=size, epochs=3, validation_split=0.3)

    assert_as_in_keras(classifier, program)


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_weights_that_a_callback_changes_between_batches_count(name: str) -> None:
    """Also those that are folded into others, as a normalization into a convolution."""

    class Grows(keras.callbacks.Callback):
        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            model: Any = self.model
            model.layers[1].gamma.assign(model.layers[1].gamma * 1.5)

        on_predict_batch_begin = on_test_batch_begin

    def run(*, is_accelerated: bool) -> Any:
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((6, 6, 3)),
                layers.Conv2D(3, 3),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dense(3, "softmax"),
            ]
        )
        model.compile("sgd", CROSSENTROPY)
        if is_accelerated:
            clearsight.accelerate(model, "float32")
        arguments = (IMAGES / 255, Y[:26])[: 2 if name == "evaluate" else 1]
        return getattr(model, name)(*arguments, batch_size=9, verbose=0, callbacks=[Grows()])

    np.testing.assert_allclose(run(is_accelerated=True), run(is_accelerated=False), rtol=1e-5)


def test_an_augmentation_of_images_and_labels_is_left_to_keras() -> None:
    def make() -> Any:
        inputs = keras.Input((6, 6, 3))
        flipped = layers.RandomFlip()({"images": inputs, "labels": inputs})
        model = keras.Model(inputs, layers.Flatten()(flipped["images"]))
        model.compile("sgd", "mse")
        return model

    assert_as_in_keras(make, lambda model: model.predict(IMAGES / 255, verbose=0))
