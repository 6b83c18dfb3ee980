"""`accelerate` on real Fashion-MNIST: plain Keras's numbers, files and whole border."""

from __future__ import annotations

import inspect
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.engine import accelerate as accelerate_module
from clearsight.errors import ModelError, RequestError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model

layers = keras.layers
Fashion = tuple[ImageSet, ImageSet]


def reference(seed: int = 0, precision: str | None = None) -> Any:
    """Build the reference network, compiled as in the lesson; fast if a precision is given."""
    keras.utils.set_random_seed(seed)
    model = build_model(ModelRequest("lesson"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model if precision is None else clearsight.accelerate(model, precision)  # pyright: ignore


def arrays(images: ImageSet, count: int, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 images in [0, 1] and their labels."""
    chosen = slice(start, start + count)
    return images.images[chosen] / np.float32(255), images.labels[chosen]


@pytest.mark.slow
def test_two_hundred_steps_in_float32_lose_what_plain_keras_loses(fashion: Fashion) -> None:
    """Within 1e-4 is asked for; on the same machine and threads every bit is the same."""
    x, y = arrays(fashion[0], 200 * 64)
    plain, fast = reference(), reference(precision="float32")
    for start in range(0, len(x), 64):
        batch = x[start : start + 64], y[start : start + 64]
        assert fast.train_on_batch(*batch)[0] == pytest.approx(
            plain.train_on_batch(*batch)[0], abs=1e-4
        )


def test_fit_shuffles_as_keras_does_and_gives_its_history(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 600)
    histories = []
    for model in (reference(), reference(precision="float32")):
        keras.utils.set_random_seed(5)
        histories.append(model.fit(x, y, epochs=3, validation_split=0.2, verbose=0).history)
    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, abs=1e-6), name


def losses_of(model: Any, epochs: int, images: ImageSet) -> list[float]:
    x, y = arrays(images, 1_000)
    history = model.fit(x, y, batch_size=50, epochs=epochs, shuffle=False, verbose=0).history
    return history["loss"]


@pytest.fixture(scope="module")
def plain_training(
    fashion: Fashion, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[float], Path]:
    """The losses of five epochs of plain Keras, and the model saved after three."""
    path = tmp_path_factory.mktemp("plain") / "model.keras"
    model = reference()
    losses = losses_of(model, 3, fashion[0])
    model.save(path)
    return losses + losses_of(model, 2, fashion[0]), path


@pytest.mark.parametrize("begins_fast", [True, False])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_saved_model_goes_on_in_plain_keras_and_the_reverse(
    begins_fast: bool,
    precision: str,
    fashion: Fashion,
    plain_training: tuple[list[float], Path],
    tmp_path: Path,
) -> None:
    expected, path = plain_training
    losses = expected[:3]
    if begins_fast:
        losses = losses_of(first := reference(precision=precision), 3, fashion[0])
        path = tmp_path / "model.keras"
        first.save(path)
    second = keras.saving.load_model(path)
    assert int(second.optimizer.iterations) == 60
    if not begins_fast:
        clearsight.accelerate(second, precision)  # pyright: ignore[reportArgumentType]
    losses += losses_of(second, 2, fashion[0])
    assert losses == pytest.approx(expected, abs=1e-4 if precision == "float32" else 0.05)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_evaluate_and_predict_agree_with_keras(precision: Any, fashion: Fashion) -> None:
    x, y = arrays(fashion[1], 500)
    plain, fast = reference(), reference(precision=precision)
    tolerance = 1e-6 if precision == "float32" else 0.01
    np.testing.assert_allclose(
        fast.predict(x, verbose=0), plain.predict(x, verbose=0), atol=tolerance
    )
    assert fast.predict(x[:3], verbose=0).dtype == np.float32
    expected = plain.evaluate(x, y, verbose=0, return_dict=True)
    found = fast.evaluate(x, y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(expected["loss"], abs=tolerance)
    assert found["accuracy"] == pytest.approx(expected["accuracy"], abs=tolerance)
    assert fast.test_on_batch(x[:64], y[:64]) == pytest.approx(
        plain.test_on_batch(x[:64], y[:64]), abs=tolerance
    )
    np.testing.assert_allclose(
        fast.predict_on_batch(x[:5]), plain.predict_on_batch(x[:5]), atol=tolerance
    )


def test_predictions_follow_weights_that_change_between_calls(fashion: Fashion) -> None:
    x, _ = arrays(fashion[1], 40)
    fast = reference(precision="bfloat16")
    before = fast.predict(x, verbose=0)
    fast.set_weights(reference(seed=1).get_weights())
    assert not np.allclose(fast.predict(x, verbose=0), before, atol=0.02)


def test_bytes_of_pixels_and_torch_tensors_train_as_well(fashion: Fashion) -> None:
    images, labels = fashion[0].images[:64], fashion[0].labels[:64]
    forms = [
        (images, labels),
        (images.astype("float32"), labels.astype("uint8")),
        (images.astype("float64"), labels[:, None]),
        (torch.from_numpy(images.copy()), torch.from_numpy(labels.copy())),
        (images[::-1], labels[::-1]),
    ]
    losses = [
        reference(precision="float32").fit(x, y, shuffle=False, verbose=0).history["loss"][0]
        for x, y in forms[:4]
    ]
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-5)
    reversed_ = reference(precision="float32").fit(*forms[4], verbose=0)
    assert np.isfinite(reversed_.history["loss"]).all()


def test_batches_from_a_loader_or_a_generator_train_as_well(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 128)
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))

    def generate() -> Any:
        for start in range(0, 128, 32):
            yield x[start : start + 32], y[start : start + 32]

    def expected() -> float:
        model = reference(precision="float32")
        return model.fit(x, y, batch_size=32, shuffle=False, verbose=0).history["loss"][0]

    for source in (torch.utils.data.DataLoader(pairs, batch_size=32), generate()):
        history = reference(precision="float32").fit(source, shuffle=False, verbose=0).history
        assert history["loss"][0] == pytest.approx(expected(), rel=1e-6)


@pytest.mark.parametrize("source", ["arrays", "loader"])
@pytest.mark.parametrize("has_own_fit", [False, True])
def test_a_batchs_logs_are_read_before_the_next_batch(
    fashion: Fashion, source: str, has_own_fit: bool
) -> None:
    """Keras calls callbacks from another thread where it may; metrics are read in this one."""
    x, y = arrays(fashion[0], 128)
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = torch.utils.data.DataLoader(pairs, batch_size=32)
    data = (x, y) if source == "arrays" else (loader,)

    class Own(keras.Model):
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            return super().fit(*args, **kwargs)

        def evaluate(self, *args: Any, **kwargs: Any) -> Any:
            return super().evaluate(*args, **kwargs)

    model = reference()
    if has_own_fit:
        model = Own(model.inputs, model.outputs)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model = clearsight.accelerate(model, "float32")
    readers = set[int]()
    results = model.get_metrics_result

    def read() -> Any:
        readers.add(threading.get_ident())
        return results()

    model.get_metrics_result = read
    model.fit(*data, validation_data=loader, verbose=0)
    model.evaluate(*data, verbose=0)
    assert readers == {threading.get_ident()}


def test_what_a_callback_reads_after_a_batch_is_kerass(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 160)

    class Reader(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[dict[str, float]] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert batch == len(self.seen)
            self.seen.append({name: float(value) for name, value in logs.items()})

    seen = []
    for model in (reference(), reference(precision="float32")):
        reader = Reader()
        model.fit(x, y, shuffle=False, callbacks=[reader], verbose=0)
        seen.append(reader.seen)
    assert len(seen[0]) == 5
    for expected, found in zip(*seen, strict=True):
        assert found == pytest.approx(expected, rel=1e-5)


def test_stopping_early_and_checkpoints_work(fashion: Fashion, tmp_path: Path) -> None:
    x, y = arrays(fashion[0], 200)
    fast, batches = reference(precision="bfloat16"), []
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", mode="max", patience=0),
        keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), save_best_only=True),
        keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: batches.append(batch) if logs else None
        ),
    ]
    history = fast.fit(x, y, epochs=4, validation_split=0.2, verbose=0, callbacks=callbacks).history
    assert len(history["loss"]) == 2
    assert batches == [0, 1, 2, 3, 4] * 2
    loaded = keras.saving.load_model(tmp_path / "best.keras")
    assert loaded.count_params() == 421_642


def test_the_progress_bar_ends_with_the_metrics_of_the_epoch(
    fashion: Fashion, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = arrays(fashion[0], 320)
    history = reference(precision="float32").fit(x, y, verbose=1).history
    shown = capsys.readouterr().out
    assert "10/10" in shown
    assert f"loss: {history['loss'][0]:.4f}" in shown


def test_metrics_and_losses_that_are_not_known_are_kerass(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 256)
    results = []
    for precision in (None, "float32", "bfloat16"):
        model = reference()
        model.compile(
            "adam",
            "sparse_categorical_crossentropy",
            metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(3)],
            weighted_metrics=["accuracy"],
        )
        if precision is not None:
            clearsight.accelerate(model, precision)
        weights = np.linspace(0.1, 1.0, len(y), dtype="float32")
        results.append(model.fit(x, y, sample_weight=weights, shuffle=False, verbose=0).history)
    for name, values in results[0].items():
        assert results[1][name] == pytest.approx(values, rel=1e-5), name
        assert results[2][name] == pytest.approx(values, abs=0.05), name


class Doubled(layers.Layer):
    """A layer of the user's own."""

    def call(self, inputs: Any) -> Any:
        self.add_loss(0.5 * keras.ops.mean(inputs))
        return inputs * 2.0


def own_layer() -> Any:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            Doubled(name="doubled"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def test_a_layer_that_is_not_known_runs_in_keras_and_is_named_once(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 128)
    losses = []
    for is_fast in (False, True):
        keras.utils.set_random_seed(0)
        model = own_layer()
        model.compile("sgd", "sparse_categorical_crossentropy")
        if is_fast:
            with pytest.warns(UserWarning, match="Keras itself runs Doubled 'doubled'") as said:
                clearsight.accelerate(model, "float32")
            assert len(said) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            losses.append(model.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"])
    assert losses[1] == pytest.approx([float(loss) for loss in losses[0]], rel=1e-5)


class OwnStep(keras.Model):
    """A model that trains in a way of its own."""

    def train_step(self, data: Any) -> Any:
        del data
        return {"own": keras.ops.convert_to_tensor(42.0)}


def test_a_model_with_a_training_step_of_its_own_is_left_to_it(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 64)
    inputs = keras.Input((28, 28, 1))
    model = OwnStep(inputs, layers.Dense(10, "softmax")(layers.Flatten()(inputs)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="left to Keras, because it has a `train_step` of its own"):
        clearsight.accelerate(model)
    assert model.fit(x, y, verbose=0).history["own"] == [42.0]


class Named(keras.Model):
    """A subclass with a functional core and nothing redefined."""


def test_a_subclass_with_a_functional_core_and_a_nested_shared_model_is_fast(
    fashion: Fashion,
) -> None:
    x, y = arrays(fashion[0], 128)
    losses = []
    for precision in (None, "float32"):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((28, 28, 1))
        shared = keras.Sequential([keras.Input((28, 14, 1)), layers.Conv2D(4, 3, strides=2)])
        halves = [shared(layers.Cropping2D(((0, 0), cut))(inputs)) for cut in ((0, 14), (14, 0))]
        joined = layers.Flatten()(layers.Concatenate()(halves)) / 3.0 + 0.1
        model = Named(inputs, layers.Dense(10, "softmax")(joined))
        model.compile("adam", "sparse_categorical_crossentropy")
        if precision is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                clearsight.accelerate(model, precision)
        losses.append(model.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_several_inputs_and_outputs_train_as_in_keras(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 96)
    losses = []
    for precision in (None, "float32"):
        keras.utils.set_random_seed(0)
        left, right = keras.Input((28, 28, 1), name="left"), keras.Input((28, 28, 1), name="right")
        both = layers.Flatten()(layers.Add()([left, right]))
        outputs = {
            "kind": layers.Dense(10, "softmax", name="kind")(both),
            "size": layers.Dense(1, name="size")(both),
        }
        model = keras.Model({"left": left, "right": right}, outputs)
        model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
        if precision is not None:
            clearsight.accelerate(model, precision)
        history = model.fit(
            {"left": x, "right": x[:, ::-1]},
            {"kind": y, "size": y.astype("float32")},
            shuffle=False,
            verbose=0,
        ).history
        losses.append(history)
    for name, values in losses[0].items():
        assert losses[1][name] == pytest.approx(values, rel=1e-5), name


def test_run_eagerly_runs_every_layers_own_code(fashion: Fashion) -> None:
    x, y = arrays(fashion[0], 32)
    called = []

    class Watched(layers.Dense):
        def call(self, inputs: Any, training: Any = None) -> Any:
            called.append(training)
            return super().call(inputs)

    model = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, "softmax")]
    )
    model.layers[-1].__class__ = Watched
    model.layers[-1].__class__ = layers.Dense  # lowered as what it is
    clearsight.accelerate(model, "float32")
    model.layers[-1].__class__ = Watched
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(x, y, verbose=0)
    assert called


def test_a_step_that_torch_shall_compile_is_left_to_it() -> None:
    model = reference(precision="float32")
    with pytest.warns(UserWarning, match="jit_compile=True the steps are left to Keras"):
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=True)


def test_hooks_look_like_the_methods_that_they_stand_for() -> None:
    plain, fast = reference(), reference(precision="float32")
    for name in ("fit", "evaluate", "predict", "compile", "train_on_batch"):
        expected = inspect.signature(getattr(plain, name))
        assert inspect.signature(getattr(fast, name)) == expected
        assert getattr(fast, name).__doc__ == getattr(plain, name).__doc__


def test_accelerating_again_changes_the_precision(fashion: Fashion) -> None:
    x, _ = arrays(fashion[1], 64)
    model = reference(precision="bfloat16")
    coarse = model.predict(x, verbose=0)
    clearsight.accelerate(model, "float32")
    exact = reference().predict(x, verbose=0)
    assert not np.allclose(coarse, exact, atol=1e-6)
    np.testing.assert_allclose(model.predict(x, verbose=0), exact, atol=1e-6)


def test_a_image_of_the_wrong_size_is_refused_in_kerass_words(fashion: Fashion) -> None:
    model = reference(precision="float32")
    with pytest.raises(ValueError, match="incompatible"):
        model.fit(np.zeros((8, 20, 20, 1), "float32"), np.zeros(8, "int64"), verbose=0)


def test_the_process_is_left_alone_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(accelerate_module, "keep_freed_memory", lambda: calls.append(True))
    clearsight.accelerate(reference(), tune_process=False)
    assert calls == []
    clearsight.accelerate(reference())
    assert calls == [True]


def test_what_cannot_be_accelerated_is_said_in_one_sentence() -> None:
    with pytest.raises(ModelError, match=r"should be a keras.Model, but is 3"):
        clearsight.accelerate(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ModelError, match="should know its input shape"):
        clearsight.accelerate(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(
        RequestError,
        match="precision= should be 'auto', 'float64', 'float32' or 'bfloat16', but is 'half'",
    ):
        clearsight.accelerate(reference(), "half")  # pyright: ignore[reportArgumentType]


def test_no_layout_is_copied_between_layers(fashion: Fashion) -> None:
    """Apart from the loss of precision at the input, no operation of a step copies an image."""
    x, y = arrays(fashion[0], 48)
    model = reference(precision="bfloat16")
    model.train_on_batch(x, y)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as recorded:
        model.train_on_batch(x, y)
    copied = [
        event.input_shapes[0]
        for event in recorded.events()
        if event.name in ("aten::copy_", "aten::clone", "aten::contiguous")
        and event.input_shapes
        and len(event.input_shapes[0]) == 4
        and event.input_shapes[0][0] == 48
    ]
    assert all(np.prod(shape) == 48 * 28 * 28 for shape in copied), copied
