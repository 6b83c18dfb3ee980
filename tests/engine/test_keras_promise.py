"""What Keras promises of `fit`, `evaluate` and `predict` besides numbers, on an accelerated model.

Each check runs the same program on a plain and an accelerated model and compares what it returns.
Numbers of whole models are compared in `test_whole_models.py`.
"""
# ruff: noqa: ARG002, ARG005 (the signatures are Keras's)

from __future__ import annotations

import contextlib
import copy
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.models.backend import keras
from support.plain_keras import assert_as_in_keras

layers, ops = keras.layers, keras.ops
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(96, 8)).astype("float32")
Y = GENERATOR.integers(0, 3, 96)
CROSSENTROPY = "sparse_categorical_crossentropy"


def classifier(*hidden: Any, loss: Any = CROSSENTROPY, **options: Any) -> Any:
    model = keras.Sequential(
        [keras.Input((8,), name="x"), *hidden, layers.Dense(3, "softmax", name="last")]
    )
    model.compile("sgd", loss, **options)
    return model


class Recorder(keras.callbacks.Callback):
    """Keeps what a callback may do with the logs of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def record(self, logs: Any) -> None:
        self.seen += [
            logs,
            json.dumps(logs),
            logs | {"more": 1},
            {**logs},
            copy.deepcopy(logs),
            logs == dict(logs),
            type(logs).__name__,
            [type(value).__name__ for value in logs.values()],
            logs.setdefault("loss", 0.0),
        ]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.record(logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.record(logs)


@pytest.mark.parametrize("source", ["arrays", "generator", "CallbackList"])
def test_logs_are_plain_dicts_of_each_batch(source: str) -> None:
    def program(model: Any) -> Any:
        recorder = Recorder()
        callbacks: Any = [recorder]
        if source == "CallbackList":
            callbacks = keras.callbacks.CallbackList(callbacks, add_history=True, model=model)
        if source == "generator":
            model.fit(((X[k : k + 32], Y[k : k + 32]) for k in (0, 32)), callbacks=callbacks,
                      validation_data=(X, Y), verbose=0)  # fmt: skip
        else:
            model.fit(X, Y, callbacks=callbacks, validation_split=0.5, verbose=0)
        return recorder.seen

    seen = assert_as_in_keras(lambda: classifier(metrics=["accuracy"]), program)
    first, last = seen[0]["loss"], seen[9]["loss"]
    assert first != last
    assert seen[6] == "dict"


class OwnMetrics(keras.Model):
    """A model with a metric of its own making."""

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        results = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**results, "confidence": ops.mean(ops.max(y_pred, -1))}


class SplitLoss(keras.Model):
    """A model that computes its loss on parts of its output."""

    def compute_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, **more: Any
    ) -> Any:
        parts = (y_pred[..., 0], y_pred[..., 1])
        return super().compute_loss(x, y, parts, sample_weight, **more)


def functional(kind: Any = keras.Model, wrap: Any = None, **options: Any) -> Any:
    inputs = keras.Input((8,))
    outputs = layers.Dense(3, "softmax", name="o")(inputs)
    model = kind(inputs, outputs if wrap is None else wrap(outputs))
    model.compile("sgd", **({"loss": CROSSENTROPY} | options))
    return model


def frozen() -> Any:
    model = functional(metrics=["accuracy"])
    model.trainable = False
    return model


@pytest.mark.parametrize("verbose", [0, 1, 2])
@pytest.mark.parametrize("make", [lambda: functional(OwnMetrics), frozen])
def test_the_progress_bar_and_callbacks_take_any_logs(make: Any, verbose: int) -> None:
    def program(model: Any) -> Any:
        recorder = Recorder()
        with contextlib.redirect_stdout(io.StringIO()):
            model.fit(X, Y, validation_data=(X, Y), callbacks=[recorder], verbose=verbose)
        return recorder.seen

    assert_as_in_keras(make, program)


def two_outputs(h: Any) -> Any:
    return [h, layers.Dense(3, "softmax", name="p")(h)]


STRUCTURES: dict[str, tuple[Callable[[], Any], Any]] = {
    "lists of one": (lambda: functional(loss=[CROSSENTROPY]), [Y]),
    "loss by name": (lambda: functional(loss={"o": CROSSENTROPY}), Y),
    "output in a list": (lambda: functional(wrap=lambda h: [h], loss={"o": CROSSENTROPY}), Y),
    "output in a tuple": (lambda: functional(wrap=lambda h: (h,), metrics=["accuracy"]), (Y,)),
    "all by name": (
        lambda: functional(wrap=lambda h: {"o": h}, metrics={"o": ["accuracy"]}),
        {"o": Y},
    ),
    "two outputs by name": (
        lambda: functional(wrap=two_outputs, loss={"o": CROSSENTROPY, "p": CROSSENTROPY}),
        {"o": Y, "p": Y},
    ),
    "a loss on parts": (lambda: functional(SplitLoss, loss=["mse", "mae"]), (Y * 1.0, Y * 2.0)),
    "a column of classes": (lambda: functional(metrics=["accuracy"]), Y[:, None]),
    "one-hot": (
        lambda: functional(loss="categorical_crossentropy", metrics=["accuracy"]),
        np.eye(3, dtype="float32")[Y],
    ),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_targets_outputs_and_losses_in_any_structure(name: str) -> None:
    make, y = STRUCTURES[name]

    def program(model: Any) -> Any:
        history = model.fit(X, y, validation_data=(X, y), verbose=0).history
        evaluated = model.evaluate(X, y, verbose=0, return_dict=True)
        on_batch = [model.train_on_batch(X[:8], _rows(y)), model.test_on_batch(X[:8], _rows(y))]
        predicted = model.predict(X, verbose=0)
        return [history, evaluated, on_batch, predicted, model.predict_on_batch(X[:8])]

    assert_as_in_keras(make, program)


def _rows(y: Any) -> Any:
    return keras.tree.map_structure(lambda array: array[:8], y)


class Maybe(layers.Layer):
    """Adds an input that may be missing."""

    def call(self, a: Any, b: Any = None) -> Any:
        return a if b is None else a + b

    def compute_output_shape(self, a_shape: Any, b_shape: Any = None) -> Any:
        return a_shape


@pytest.mark.parametrize("b", [None, X])
def test_an_optional_input(b: Any) -> None:
    def make() -> Any:
        first, second = keras.Input((8,), name="a"), keras.Input((8,), name="b", optional=True)
        outputs = layers.Dense(3, "softmax")(Maybe()(first, second))
        model = keras.Model({"a": first, "b": second}, outputs)
        model.compile("sgd", CROSSENTROPY)
        return model

    def program(model: Any) -> Any:
        x = {"a": X, "b": b}
        history = model.fit(x, Y, verbose=0).history
        return [history, model.evaluate(x, Y, verbose=0), model.predict(x, verbose=0)]

    assert_as_in_keras(make, program)


class Changes(keras.callbacks.Callback):
    """Calls a function at the beginning of each batch."""

    def __init__(self, change: Callable[[Any, int], None]) -> None:
        super().__init__()
        self.change = change

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.change(self.model, batch)


def set_rate(model: Any, batch: int) -> None:
    model.layers[1].rate = 0.8 if batch else 0.1


def freeze_after_one(model: Any, batch: int) -> None:
    model.layers[0].trainable = batch < 1


def set_activation(model: Any, batch: int) -> None:
    model.layers[0].activation = ops.tanh if batch else ops.relu


def set_learning_rate(model: Any, batch: int) -> None:
    model.optimizer.learning_rate = 0.1 / (batch + 1)


def set_clipping(model: Any, batch: int) -> None:
    model.optimizer.clipnorm = 0.01 if batch else None


def set_weights(model: Any, batch: int) -> None:
    model.layers[0].kernel.assign(ops.ones((8, 64)) * 0.01 * batch)


@pytest.mark.parametrize(
    "change",
    [set_rate, freeze_after_one, set_activation, set_learning_rate, set_clipping, set_weights],
)
@pytest.mark.parametrize("kind", ["class", "function", "CallbackList"])
def test_what_a_callback_changes_between_batches(change: Any, kind: str) -> None:
    def program(model: Any) -> Any:
        callbacks: Any = [Changes(change)]
        if kind == "function":
            callbacks = [
                keras.callbacks.LambdaCallback(
                    on_train_batch_begin=lambda batch, logs: change(model, batch)
                )
            ]
        if kind == "CallbackList":
            callbacks = keras.callbacks.CallbackList(callbacks, add_history=True, model=model)
        model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
        return model.get_weights()

    assert_as_in_keras(lambda: classifier(layers.Dense(64), layers.Dropout(0.1)), program)


def test_a_callback_may_have_attributes_named_like_hooks() -> None:
    class Named(Changes):
        on_gpu = None

    def program(model: Any) -> Any:
        callback = Named(set_rate)
        callback.on_gpu = False
        return model.fit(X, Y, verbose=0, callbacks=[callback]).history

    assert_as_in_keras(lambda: classifier(layers.Dense(64), layers.Dropout(0.1)), program)


def test_gradients_are_there_for_callbacks() -> None:
    def program(model: Any) -> Any:
        seen = []

        def look(model: Any, _: int) -> None:
            gradients = [variable.value.grad for variable in model.trainable_variables]
            seen.append([None if g is None else g.cpu().numpy().copy() for g in gradients])

        model.fit(X, Y, epochs=2, verbose=0, callbacks=[Changes(look)])
        model.train_on_batch(X[:8], Y[:8])
        look(model, 0)
        return seen

    seen = assert_as_in_keras(lambda: classifier(layers.Dense(4)), program)
    assert seen[0][0] is None
    assert np.any(seen[-1][0])


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "mixed_float16", "mixed_bfloat16", "int64"]
)
def test_predictions_have_kerass_types_and_callbacks_its_batches(dtype: str) -> None:
    def make() -> Any:
        inputs = keras.Input((8,), dtype="float64" if dtype == "float64" else None)
        if dtype != "int64":
            return keras.Model(inputs, layers.Dense(3, dtype=dtype)(inputs))
        return keras.Model(inputs, ops.cast(layers.Dense(3)(inputs) > 0, "int64"))

    def program(model: Any) -> Any:
        batches = []

        class Count(keras.callbacks.Callback):
            def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
                batches.append((batch, logs["outputs"].shape))

        predicted = model.predict(np.ones((320, 8)), verbose=0, callbacks=[Count()])
        return [str(predicted.dtype), batches, np.asarray(predicted, "float64")]

    assert_as_in_keras(make, program)


@pytest.mark.parametrize("wrap", [ops.softmax, lambda h: h / 2, lambda h: [h, ops.argmax(h, -1)]])
def test_a_graph_may_end_in_an_operation(wrap: Any) -> None:
    def make() -> Any:
        inputs = keras.Input((8,))
        return keras.Model(inputs, wrap(layers.Dense(3)(inputs)))

    assert_as_in_keras(make, lambda model: model.predict(X, verbose=0))


def test_a_mapped_array_is_read_batch_by_batch(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    mapped = np.lib.format.open_memmap(path, "w+", "float32", (200_000, 28, 28, 1))
    mapped[:64] = 1.0
    mapped.flush()
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", "mse")
    clearsight.accelerate(model, precision="float32")
    model.fit(np.zeros((64, 28, 28, 1), "float32"), np.zeros((64, 3)), verbose=0)
    x, y = np.load(path, mmap_mode="r"), np.zeros((200_000, 3), "float32")
    before = resident_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, y, batch_size=32, steps_per_epoch=5, verbose=0, shuffle=False)
    assert resident_bytes() - before < x.nbytes / 10


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_shuffling_draws_when_keras_draws(shuffle: Any) -> None:
    def program(model: Any) -> Any:
        model.fit(X, Y, epochs=2, batch_size=10, shuffle=shuffle, verbose=0)
        return [model.get_weights(), torch.rand(2).numpy()]

    assert_as_in_keras(lambda: classifier(layers.Dense(16), layers.Dropout(0.5)), program)


@pytest.mark.parametrize("name", ["fit", "evaluate", "predict"])
def test_empty_arrays_raise_as_in_keras(name: str) -> None:
    def program(model: Any) -> Any:
        arguments = (X[:0],) if name == "predict" else (X[:0], Y[:0])
        with pytest.raises(Exception) as raised:  # noqa: PT011 (whatever Keras raises)
            getattr(model, name)(*arguments, verbose=0)
        return [type(raised.value).__name__, str(raised.value)]

    assert_as_in_keras(classifier, program)


def test_masked_arrays_and_lists_train_as_in_keras() -> None:
    masked = np.ma.masked_greater(X, 1.0)
    assert_as_in_keras(classifier, lambda model: model.fit(masked, Y, verbose=0).history)
    assert_as_in_keras(classifier, lambda model: model.fit([X], [Y], verbose=0).history)


def test_a_training_that_was_backed_up_continues(tmp_path: Path) -> None:
    class Stops(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    runs = iter(range(2))

    def program(model: Any) -> Any:
        folder = tmp_path / str(next(runs))
        backup = keras.callbacks.BackupAndRestore(folder)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=4, verbose=0, callbacks=[backup, Stops()], shuffle=False)
        history = model.fit(X, Y, epochs=4, verbose=0, callbacks=[backup], shuffle=False).history
        return [history, model.get_weights()]

    history, _ = assert_as_in_keras(lambda: classifier(layers.Dense(4)), program)
    assert len(history["loss"]) == 2


def test_labels_that_are_ignored_count_as_in_keras() -> None:
    """Images of class -100 have no loss, but count in the mean."""
    y = Y.copy()
    y[::3] = -100

    results = []
    for precision in (None, "bfloat16"):
        keras.utils.set_random_seed(0)
        model = classifier()
        if precision is not None:
            clearsight.accelerate(model, precision)  # pyright: ignore[reportArgumentType]
        results.append(model.evaluate(X, y, verbose=0))
    assert results[1] == pytest.approx(results[0], rel=0.02)


def test_the_warning_states_how_much_is_accelerated() -> None:
    class Unknown(layers.Dense):
        pass

    model = classifier(Unknown(100))
    with pytest.warns(UserWarning, match=r"Unknown.* About 27% of the network's multiply-adds are"):
        clearsight.accelerate(model)


def test_a_replaced_call_is_kept() -> None:
    def make() -> Any:
        model = classifier(layers.Dense(8))
        first = model.layers[0]
        own = first.call
        first.call = lambda values, training=None: own(values) * 2
        return model

    assert_as_in_keras(make, lambda model: model.predict(X, verbose=0))


def test_normalization_by_groups_as_the_first_layer() -> None:
    def make() -> Any:
        model = keras.Sequential(
            [
                keras.Input((6, 8, 6)),
                layers.GroupNormalization(2),
                layers.Flatten(),
                layers.Dense(3),
            ]
        )
        model.compile("sgd", "mse")
        return model

    results = []
    for is_accelerated in (False, True):
        keras.utils.set_random_seed(0)
        model = make()
        if is_accelerated:
            clearsight.accelerate(model, precision="float32")
        x = np.random.default_rng(0).normal(size=(20, 6, 8, 6)).astype("float32")
        results.append(model.fit(x, np.zeros((20, 3)), verbose=0).history["loss"])
    assert results[1] == pytest.approx(results[0], rel=1e-5)
