"""Training through the Python API on real images: right, repeatable, and whole on disk."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.data.splits.splits import Splits
from clearsight.errors import ClearsightError, DataError, FitError, RequestError, RunError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.run.advise.command import repeat_command
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.listing import list_runs


def weights_of(model: keras.Model) -> list[np.ndarray]:
    return [weight.numpy() for weight in model.weights]


def small_run(source, out: Path, **options) -> clearsight.Run:
    options = {"recipe": "lesson", "epochs": 2, "report": False, "verbose": False, **options}
    return clearsight.train(source, out=out, **options)


@pytest.fixture(scope="module")
def run(small_fashion: Splits, tmp_path_factory: pytest.TempPathFactory) -> clearsight.Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return small_run(small_fashion, out, precision="float32", report=True)


def test_it_is_keras_fit_with_validation_split(run: clearsight.Run, small_fashion: Splits) -> None:
    """The same seed through plain Keras gives the same epochs and the same weights, to the bit."""
    keras.utils.set_random_seed(0)
    model = build_model(ModelRequest("lesson"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = small_fashion.train.images.astype("float32") / 255
    expected = model.fit(
        x, small_fashion.train.labels, batch_size=64, epochs=2, validation_split=0.2, verbose=0
    ).history
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        found = [getattr(epoch, name) for epoch in run.history]
        assert found == pytest.approx(expected[name], rel=1e-6), name
    for found, wanted in zip(weights_of(run.model), weights_of(model), strict=True):
        assert np.array_equal(found, wanted)


def test_the_same_seed_gives_the_same_weights_and_another_others(
    run: clearsight.Run, small_fashion: Splits, tmp_path: Path
) -> None:
    same = small_run(small_fashion, tmp_path / "same", precision="float32")
    other = small_run(small_fashion, tmp_path / "other", seed=1)
    for first, second in zip(weights_of(run.model), weights_of(same.model), strict=True):
        assert np.array_equal(first, second)
    assert not np.array_equal(weights_of(run.model)[0], weights_of(other.model)[0])
    assert run.record.reproducible


def test_the_folder_holds_exactly_what_the_design_says(run: clearsight.Run) -> None:
    assert {path.name for path in run.path.iterdir()} == {
        "run.json", "history.csv", "results.json", "model.keras", "curves.png", "checkpoints",
        "split.csv", "predictions.csv", "scores.json", "report.html", "bundle",
    }  # fmt: skip
    with (run.path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "learning_rate",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[0]["learning_rate"]) == pytest.approx(0.001)
    results = json.loads((run.path / "results.json").read_text())
    for name in (
        "train_accuracy", "val_accuracy", "test_accuracy", "test_loss", "train_count", "val_count",
        "test_count", "test_accuracy_interval", "fit_seconds", "epoch_seconds", "total_seconds",
    ):  # fmt: skip
        assert name in results
    assert (results["train_count"], results["val_count"], results["test_count"]) == (1600, 400, 500)
    for name in ("train", "val", "test"):
        assert 0.1 <= results[f"{name}_guessing_accuracy"] < 0.2
    low, high = results["test_accuracy_interval"]
    assert low < results["test_accuracy"] < high
    record = json.loads((run.path / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["request"]["recipe"]["epochs"] == 2
    assert record["given"]["epochs"] == 2
    assert record["preparation"]["divisor"] == 255
    assert record["versions"]["keras"] == keras.__version__
    assert record["machine"]["num_threads"] >= 1


def test_guessing_is_scored_on_the_same_images(run: clearsight.Run, small_fashion: Splits) -> None:
    assert small_fashion.test is not None
    train, test = small_fashion.train.labels, small_fashion.test.labels
    for name, labels in (("train", train[:1600]), ("val", train[1600:]), ("test", test)):
        guess = getattr(run.results, f"{name}_guessing_accuracy")
        assert guess == np.unique(labels, return_counts=True)[1].max() / len(labels)
    assert run.record.split.val_guessing_accuracy == run.results.val_guessing_accuracy


def test_one_gap_and_one_validation_score(run: clearsight.Run, small_fashion: Splits) -> None:
    """All that speaks of the saved network gives the same accuracies and the same gap."""
    results = run.results
    rows = np.arange(results.train_count)
    images, labels = small_fashion.train.images[rows], small_fashion.train.labels[rows]
    assert results.train_measured_count == results.train_count
    assert results.train_accuracy == pytest.approx(np.mean(run.predict(images).labels == labels))
    assert results.val_accuracy == run.history[-1].val_accuracy
    assert results.gap == pytest.approx(results.train_accuracy - results.val_accuracy)
    low, high = results.gap_interval
    assert low < results.gap < high
    for finding in results.findings:
        if "gap" in finding.evidence:
            assert finding.evidence["gap"] == results.gap
    page = run.folder.report_path.read_text()
    for accuracy in (results.train_accuracy, results.val_accuracy):
        assert f"{100 * accuracy:.1f}%" in page
    assert list_runs(run.path.parent)[0].val_accuracy == results.val_accuracy


def test_data_are_known_by_their_content(run: clearsight.Run, small_fashion: Splits) -> None:
    assert run.record.data["train"].sha256 == small_fashion.train.fingerprint


def test_a_loaded_run_predicts_as_it_was_measured(
    run: clearsight.Run, small_fashion: Splits
) -> None:
    loaded = clearsight.Run.load(run.path)
    assert small_fashion.test is not None
    predictions = loaded.predict(small_fashion.test.images)
    accuracy = np.mean(predictions.labels == small_fashion.test.labels)
    assert accuracy == pytest.approx(loaded.results.test_accuracy)
    assert 0.6 < accuracy < 0.95
    assert predictions.labels[:5].tolist() == list(loaded.results.first_test_predictions)
    with pytest.raises(DataError, match="at least one image"):
        loaded.predict(small_fashion.test.images[:0])
    for scaled, message in ((1 / 255, "but are float"), (1.0, "but are float")):
        with pytest.raises(DataError, match=message):
            loaded.predict(small_fashion.test.images * scaled)


def test_an_existing_folder_is_refused_and_left_alone(
    run: clearsight.Run, small_fashion: Splits
) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="exists and is never overwritten: choose another"):
        small_run(small_fashion, run.path)
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before


def test_sorted_images_are_noticed_and_split_by_class(
    small_fashion: Splits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = small_fashion.train
    in_order = train.take(np.argsort(train.labels, kind="stable"))
    run = clearsight.train(
        Splits(in_order, small_fashion.test), recipe="lesson", epochs=2, out=tmp_path / "run"
    )
    split = run.record.split
    assert (split.method, split.num_validation) == ("stratified", 400)
    said = " ".join(capsys.readouterr().out.split())
    assert "the images seem to be sorted" in said
    assert "a stratified 20% is held out instead" in said
    assert "seem to be sorted" in run.record.notes[0]
    assert run.results.val_accuracy > 0.6, "a tail of one class would not validate"


def test_without_test_images_there_is_no_test_score(small_fashion: Splits, tmp_path: Path) -> None:
    run = small_run(small_fashion.train, tmp_path / "run")
    assert run.results.test_accuracy is None
    assert run.results.test_count == 0
    assert run.record.status == "finished"


def test_a_keras_model_and_a_function_file_can_be_trained(
    small_fashion: Splits, tmp_path: Path
) -> None:
    layers = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")], name="mine")
    run = small_run(small_fashion, tmp_path / "mine", model=model)
    assert run.record.request.model == "mine (Keras model)"
    assert run.record.preparation.divisor == 1, "the network scales the pixels itself"
    assert run.results.test_accuracy is not None
    assert run.results.test_accuracy > 0.5
    path = tmp_path / "networks.py"
    path.write_text(
        "import keras\n"
        "def flat(input_shape, num_classes, units):\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),\n"
        "        keras.layers.Dense(units, 'relu'), keras.layers.Dense(num_classes, 'softmax')])\n"
    )
    run = small_run(
        small_fashion, tmp_path / "flat", model=f"{path}:flat", model_arguments={"units": 32}
    )
    assert run.record.num_parameters == 785 * 32 + 33 * 10


@pytest.mark.slow
def test_bfloat16_trains_and_keeps_float32_weights(small_fashion: Splits, tmp_path: Path) -> None:
    fewer = Splits(small_fashion.train.first(800), small_fashion.test)
    for engine in ("clearsight", "keras"):
        run = small_run(fewer, tmp_path / engine, precision="bfloat16", engine=engine)
        assert run.record.request.precision == "bfloat16"
        assert {str(weight.dtype) for weight in run.model.weights} == {"float32"}
        assert run.results.val_accuracy > 0.4
    assert run.model.layers[0].compute_dtype == "bfloat16"  # Keras's own way to do it


def test_keras_alone_and_the_engine_give_the_same_run(
    run: clearsight.Run, small_fashion: Splits, tmp_path: Path
) -> None:
    alone = small_run(small_fashion, tmp_path / "run", engine="keras")
    assert (alone.record.request.engine, run.record.request.engine) == ("keras", "clearsight")
    assert alone.record.request.precision == "float32"
    for epoch, expected in zip(run.history, alone.history, strict=True):
        assert epoch.val_accuracy == expected.val_accuracy
        assert epoch.loss == pytest.approx(expected.loss, rel=1e-6)


@pytest.mark.slow
def test_own_images_are_never_cut_by_a_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.zeros((16_000, 2, 2, 1), np.uint8)
    labels = np.repeat(np.arange(2), 8_000)
    images[labels == 1] = 255
    path = tmp_path / "tiny.py"
    path.write_text(
        "import keras\n"
        "def network(input_shape, num_classes):\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),\n"
        "        keras.layers.Dense(num_classes, 'softmax')])\n"
    )
    everything = ImageSet(images, labels, ("dark", "[light]"))
    options = {
        "model": f"{path}:network",
        "epochs": 1,
        "batch_size": 500,
        "report": False,
        "verbose": False,
    }
    run = clearsight.train(everything, out=tmp_path / "all", **options)
    assert run.results.train_count + run.results.val_count == 16_000
    cut = clearsight.train(everything, out=tmp_path / "cut", train_limit=9_000, **options)
    assert cut.results.train_count + cut.results.val_count == 9_000
    options["verbose"] = True
    none = clearsight.train(everything, out=tmp_path / "none", train_limit=8_000, **options)
    for said in (" ".join(none.record.notes), capsys.readouterr().out.replace("\n", " ")):
        assert "contain none of '[light]', so the network cannot learn" in said


def test_a_run_that_could_not_be_measured_is_measured_when_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up after the last epoch, simulated where the results are worked out."""
    out = tmp_path / "run"

    def full_disk(*_) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("clearsight.run.finish.evaluate.compute_scores", full_disk)
        with pytest.raises(OSError, match="No space left"):
            clearsight.train("digits", epochs=1, out=out, report=False, bundle=False, verbose=False)
    assert clearsight.Run.load(out).record.status == "failed"
    run = clearsight.resume(out, report=False, bundle=False, verbose=False)
    assert run.record.status == "finished"
    assert len(run.history) == 1
    assert run.results.test_count == 359
    with pytest.raises(RunError, match="has already trained for 1 epochs"):
        clearsight.resume(out)
    for epochs in (0, -3):
        with pytest.raises(RequestError, match=f"epochs = {epochs}"):
            clearsight.resume(out, epochs=epochs)


def test_networks_that_could_not_be_opened_again_are_refused_before_training(
    tmp_path: Path,
) -> None:
    class Own(keras.layers.Layer):
        def call(self, x):
            return x * 1.0

    def network(layer: keras.layers.Layer) -> keras.Model:
        first = [keras.Input((8, 8, 1)), layer, keras.layers.Flatten()]
        return keras.Sequential([*first, keras.layers.Dense(10, "softmax")], name="own")

    for layer in (Own(), keras.layers.Lambda(lambda x: x * 1.0)):
        with pytest.raises(ClearsightError, match="'own' could be trained, but not loaded again"):
            small_run("digits", tmp_path / "run", model=network(layer))
    assert not (tmp_path / "run").exists()
    registered = keras.saving.register_keras_serializable("tests")(Own)
    run = small_run("digits", tmp_path / "run", model=network(registered()))
    assert any("your own layers (Own)" in note for note in run.record.notes)
    assert clearsight.evaluate(clearsight.Run.load(tmp_path / "run")).scores.num_images == 359


def test_a_model_object_is_not_called_reproducible(small_fashion: Splits, tmp_path: Path) -> None:
    model = build_model(ModelRequest("lesson"))
    run = small_run(small_fashion.train.first(200), tmp_path / "run", model=model)
    assert not run.record.reproducible
    assert "the weights that the model object had" in run.record.reproducible_because


def test_a_function_builds_the_network_of_a_run(tmp_path: Path) -> None:
    def lesson(input_shape, num_classes, units) -> keras.Model:  # called like one of the zoo
        layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(units)]
        return keras.Sequential([*layers, keras.layers.Dense(num_classes, "softmax")])

    run = small_run(
        "digits", tmp_path / "run", model=lesson, model_arguments={"units": 3}, epochs=1
    )
    assert run.record.num_parameters == 65 * 3 + 4 * 10
    assert (run.record.request.model, run.record.given.model) == ("lesson()", "lesson()")
    assert run.record.reproducible
    assert repeat_command(run.record) is None
    assert clearsight.load(run.path / "bundle").spec.provenance["model"] == "lesson()"
    with pytest.raises(RequestError, match=r"keeps its network, lesson\(\), but lambda was given"):
        clearsight.resume(run.path, model=lambda: None, epochs=9, verbose=False)


def test_a_model_that_is_compiled_already_is_compiled_as_the_recipe_says(tmp_path: Path) -> None:
    model = build_model(ModelRequest("lesson", {}, (8, 8, 1)))
    model.compile("sgd", "mse")
    run = small_run("digits", tmp_path / "run", model=model, epochs=1, bundle=False)
    assert "is compiled again, with the optimizer, loss and metrics of" in run.record.notes[0]
    assert isinstance(model.optimizer, keras.optimizers.Adam)


def two_outputs() -> keras.Model:
    images = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(images)
    heads = [keras.layers.Dense(10, "softmax")(flat) for _ in range(2)]
    return keras.Model(images, heads)


def grey(count: int) -> ImageSet:
    return ImageSet(np.zeros((count, 28, 28, 1), np.uint8), np.arange(count) % 2, ("a", "b"))


def logits_network() -> keras.Model:
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(10)])


@pytest.mark.parametrize(
    ("source", "options", "kind", "message"),
    [
        ("fashion-mnits", {}, DataError, "Did you mean 'fashion-mnist'"),
        ("digits", {"recipe": "leson"}, RequestError, "Did you mean 'lesson'"),
        ("digits", {"epochs": 0, "batch_size": -1}, RequestError, "epochs = 0.*batch_size = -1"),
        ("digits", {"epoch": 3}, RequestError, "there is no option 'epoch' .did you mean 'epochs'"),
        ("digits", {"validation_split": 1.5}, RequestError, "validation_split = 1.5"),
        ("digits", {"learning_rate": float("inf")}, RequestError, "learning_rate = inf"),
        ("digits", {"device": "cuda"}, RequestError, "'cuda' needs a GPU that torch can use"),
        (3, {}, DataError, "but are 3"),
        ("digits", {"model": two_outputs()}, FitError, "one output, the classes, but has 2"),
        (
            "digits",
            {"model_arguments": {"filters": np.int64(8)}},
            RequestError,
            "arguments should be plain values",
        ),
        (grey(2).take([0]), {}, DataError, "add images or change"),
        ("digits", {"model": logits_network()}, FitError, r"for this network, but is .*8, 8, 1"),
        ("fashion-mnist", {"model": logits_network()}, FitError, "the network ends in logits"),
        (grey(100), {"model": logits_network()}, FitError, "should end in 2 units, one per class"),
        ("digits", {"model_arguments": {"padding": "valid"}}, ClearsightError, "cannot be built"),
    ],
)
def test_wrong_requests_get_a_sentence_and_leave_nothing(
    tmp_path: Path, source, options: dict, kind: type, message: str
) -> None:
    if options.get("device") == "cuda":
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU")
    with pytest.raises(kind, match=message):
        clearsight.train(source, **{"out": tmp_path / "runs" / "run", **options})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("verbose", [True, False])
def test_warnings_are_printed_only_if_verbose(tmp_path: Path, verbose: bool) -> None:
    program = (
        "import sys, clearsight; sys.modules['altair'] = None\n"
        "clearsight.train('digits', epochs=1, out='run', report=False, bundle=False, "
        f"verbose={verbose})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ("No curve image was drawn" in done.stderr) == verbose
    assert verbose or done.stdout + done.stderr == ""


def test_the_total_time_includes_reading_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_slowly(*arguments: object) -> Splits:
        time.sleep(1.0)
        return load_splits(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr("clearsight.run.plan.data.load_splits", load_slowly)
    results = small_run("digits", tmp_path / "run").results
    assert results.total_seconds >= results.fit_seconds + 1.0


def test_a_folder_that_is_no_run_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not exist"):
        clearsight.Run.load(tmp_path / "absent")
    with pytest.raises(RunError, match=r"has no run\.json"):
        clearsight.Run.load(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    with pytest.raises(RunError, match="is a link to nothing"):
        clearsight.Run.load(tmp_path / "link")
    (tmp_path / "run.json").write_text('{"format_version": 9}')
    with pytest.raises(RunError, match="is damaged or of another version"):
        clearsight.Run.load(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"")
    with pytest.raises(RunError, match=f"model.keras is a file: give its folder {tmp_path}"):
        clearsight.Run.load(tmp_path / "model.keras")


def test_runs_on_arrays_need_them_again(run: clearsight.Run) -> None:
    with pytest.raises(RunError, match="trained on arrays from Python, which are not saved"):
        clearsight.resume(run.path, epochs=4)
    with pytest.raises(RunError, match="give others with source="):
        clearsight.evaluate(run)
    with pytest.raises(DataError, match="should have the run's classes"):
        clearsight.evaluate(run, "digits")
    assert clearsight.evaluate(run, "fashion-mnist").scores.num_images == 10_000


def test_runs_that_begin_in_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    wanted = tmp_path / "runs" / "2026-01-01_00-00-00_digits_lesson"
    paths = [RunFolder.create(wanted, is_named=False).path for _ in range(3)]
    assert paths == [wanted, Path(f"{wanted}_2"), Path(f"{wanted}_3")]
    with pytest.raises(RunError, match="is never overwritten"):
        RunFolder.create(wanted, is_named=True)


def test_without_altair_training_still_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    run = clearsight.train(
        "digits", epochs=1, out=tmp_path / "run", report=False, bundle=False, verbose=False
    )
    assert run.record.status == "finished"
    said = caplog.text
    assert "No curve image was drawn" in said
    assert "pip install 'clearsight[report]'" in said
