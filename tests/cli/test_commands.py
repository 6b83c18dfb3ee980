"""Every command in its own process: what it prints, what it writes, and which input it rejects."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.data.image_set import ImageSet
from support.command_line import BARE, Cli, assert_refused
from support.terminal import run_on_terminal


@pytest.fixture
def images(tmp_path: Path, fashion: tuple[ImageSet, ImageSet]) -> Path:
    """Real test images as files: one as in training, one inverted and large, one unreadable."""
    folder = tmp_path / "images"
    folder.mkdir()
    _, test = fashion
    boot, trousers = test.images[0, ..., 0], test.images[2, ..., 0]
    Image.fromarray(boot).save(folder / "boot.png")
    large = Image.fromarray(255 - trousers).resize((700, 700), Image.Resampling.BICUBIC)
    large.convert("RGB").save(folder / "trousers on white.jpg")
    (folder / "words.png").write_text("no image")
    return folder


def test_data_list_shows_datasets_and_formats(cli: Cli) -> None:
    done = cli("data", "list")
    assert done.returncode == 0
    for text in ("fashion-mnist", "digits", "present: ", "inside scikit-learn"):
        assert text in done.stdout
    rows = json.loads(cli("data", "list", "--json").stdout)["sources"]
    assert {row["name"] for row in rows} == {"fashion-mnist", "digits"}
    assert all(row["location"] for row in rows)
    formats = json.loads(cli("data", "list", "--json").stdout)["formats"]
    for form in formats:
        assert form["name"] in done.stdout
    assert {"folder", "archive", "table"} < {form["name"] for form in formats}
    nowhere = json.loads(cli("data", "list", "--json", "--data-dir", "nowhere").stdout)["sources"]
    assert [row["location"] for row in nowhere if row["name"] == "fashion-mnist"] == [None]


def test_data_show_counts_images_and_writes_a_contact_sheet(cli: Cli, tmp_path: Path) -> None:
    done = cli("data", "show", "fashion-mnist", "--out", "sheet.png")
    assert done.returncode == 0, done.stderr
    assert "train: 60,000 images, 28x28x1, values 0 to 255, 10 classes" in done.stdout
    assert "test: 10,000 images" in done.stdout
    assert done.stdout.count("6,000  10.0%  █") == 10
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 600
    before = (tmp_path / "sheet.png").read_bytes()
    refused = cli("data", "show", "digits", "--out", "sheet.png")
    assert_refused(refused, "sheet.png exists and is never overwritten")
    assert (tmp_path / "sheet.png").read_bytes() == before
    shown = json.loads(cli("data", "show", "digits", "--json").stdout)
    assert shown["train"]["num_images"] == 1438
    assert Path(shown["contact_sheet"]).exists()


def test_trace_shows_the_formulas_and_json(cli: Cli) -> None:
    done = cli("trace", "lesson")
    assert done.returncode == 0
    assert "floor((28 + 2*1 - 3)/1) + 1 = 28" in done.stdout
    assert "(3*3*1 + 1)*32 = 320" in done.stdout
    assert "95.2% of the parameters are in dense" in done.stdout
    values = json.loads(cli("trace", "lesson", "--input-shape", "8,8,1", "--json").stdout)
    assert values["layers"][0]["output_shape"] == [8, 8, 32]


def test_trace_against_explains_differences(cli: Cli) -> None:
    done = cli("trace", "lesson", "--against", "lesson", "--against-arg", "padding=valid,same")
    assert "28 to 26: the filter cannot reach past the border, one pixel lost" in " ".join(
        done.stdout.split()
    )
    values = json.loads(
        cli(
            "trace", "lesson", "--model-arg", "num_blocks=3", "--against", "lesson", "--json"
        ).stdout
    )
    assert values["first"]["num_parameters"] == 130_890
    assert values["second"]["num_parameters"] == 421_642


def test_evaluate_gives_the_same_scores_as_training(cli: Cli, run_folder: Path) -> None:
    expected = clearsight.Run.load(run_folder).results
    found = json.loads(cli("evaluate", str(run_folder), "--json").stdout)
    assert found["test_accuracy"] == expected.test_accuracy
    assert found["test_count"] == 500
    assert found["test_loss"] == pytest.approx(expected.test_loss)
    assert found["test_accuracy_interval"] == list(expected.test_accuracy_interval or ())
    done = cli("evaluate", str(run_folder), "--data", "fashion-mnist")
    assert "of 10,000 images correct" in done.stdout
    assert_refused(cli("evaluate", str(run_folder), "--data", "digits"), "have the run's classes")


def test_predict_classifies_images_of_a_source(cli: Cli, run_folder: Path) -> None:
    done = cli("predict", str(run_folder), "fashion-mnist:test[0:5]")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("fashion-mnist:test[0]  Ankle boot")
    assert lines[0].endswith("(true: Ankle boot)")
    rows = json.loads(
        cli("predict", str(run_folder), "fashion-mnist:test[0:3]", "--top", "3", "--json").stdout
    )["images"]
    assert [len(row["predictions"]) for row in rows] == [3, 3, 3]
    for row in rows:
        probabilities = [prediction["probability"] for prediction in row["predictions"]]
        assert probabilities == sorted(probabilities, reverse=True)


def test_predict_classifies_files_and_warns_of_inverted_brightness(
    cli: Cli, run_folder: Path, images: Path
) -> None:
    boot, trousers = str(images / "boot.png"), str(images / "trousers on white.jpg")
    plain = cli("predict", str(run_folder), boot, trousers, "--json")
    assert "trousers on white.jpg looks dark on light (judging by its border)" in plain.stderr
    assert "try --invert" in plain.stderr
    assert "boot.png" not in plain.stderr
    rows = json.loads(plain.stdout)["images"]
    assert json.loads(plain.stdout)["warnings"][0] in plain.stderr
    of_source = cli("predict", str(run_folder), "fashion-mnist:test[0]", "--json")
    (boot_of_source,) = json.loads(of_source.stdout)["images"]
    assert rows[0]["predictions"][0] == {
        "class": boot_of_source["predictions"][0]["class"],
        # Another batch size sums in another order.
        "probability": pytest.approx(boot_of_source["predictions"][0]["probability"], abs=1e-5),
    }
    assert rows[1]["predictions"][0]["class"] != "Trouser"
    inverted = cli("predict", str(run_folder), trousers, "--invert", "--json")
    assert inverted.stderr == ""
    assert json.loads(inverted.stdout)["images"][0]["predictions"][0]["class"] == "Trouser"


def test_predict_reports_every_unreadable_input(cli: Cli, run_folder: Path, images: Path) -> None:
    done = cli(
        "predict", str(run_folder), str(images / "boot.png"), str(images / "words.png"),
        "absent.png", "fashion-mnist:test[20000:20005]",
    )  # fmt: skip
    assert_refused(
        done,
        "words.png should be an image file",
        "absent.png should be an image file",
        "should select at least one of the 10,000 images",
    )


def test_train_prints_plain_lines_without_a_terminal(cli: Cli, tmp_path: Path) -> None:
    before = time.perf_counter()
    done = cli("train", "digits", "--epochs", "2", "--seed", "3")
    wall_seconds = time.perf_counter() - before
    assert done.returncode == 0, done.stderr
    for text in (
        "data     digits: 8x8x1 images, 10 classes (0, 1, 2 and 7 more)",
        "split    1,150 training, 288 validation and 359 test images",
        "1/2  loss ",
        "2/2  loss ",
        "% interval ",
        "first test images: predicted [",
        "Validation accuracy was best in epoch ",
        "curves.png",
        "report.html",
        "run folder:    runs/",
    ):
        assert text in done.stdout
    assert "\x1b" not in done.stdout, "no colours or bars where there is no terminal"
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_digits_lesson")
    (in_all,) = re.findall(r"([\d.]+) s in all", done.stdout)
    results = json.loads((folder / "results.json").read_text())
    assert results["total_seconds"] < float(in_all) + 0.06, "with report, bundle and all"
    assert float(in_all) < wall_seconds + 0.1


@pytest.mark.slow
def test_a_terminal_shows_a_progress_bar(tmp_path: Path) -> None:
    """On a real pseudo-terminal: epoch, batch, loss, accuracy, validation and the time left."""
    out = str(tmp_path / "r")
    session = run_on_terminal("train", "digits", "--epochs", "2", "--batch-size", "1", "--out", out)
    assert session.returncode == 0
    text = session.text
    bar = r"epoch 2/2 \S+ \d+/1150 loss \d\.\d+ accuracy \d\.\d+ val_accuracy 0\.\d+ \d\d:\d\d left"
    assert re.search(bar, text), text[-3000:]


@pytest.mark.slow
def test_characters_that_the_terminal_lacks_are_replaced(cli: Cli) -> None:
    done = cli("train", *BARE, "digits", "--epochs", "1", PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    assert "raining accuracy ends" in done.stdout


def test_train_json_prints_one_object_only(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        "train", "digits", "--epochs", "1", "--train-limit", "5000", "--out", "a/b", "--json"
    )
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values["run"] == "a/b"
    assert values["test_count"] == 359
    assert values["fit_seconds"] < values["total_seconds"] < values["wall_seconds"]
    assert "fewer than the 5,000 requested" in values["notes"][0]
    assert "1/1  loss " in done.stderr
    assert (tmp_path / "a" / "b" / "results.json").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train"], "A source is needed"),
        (["train", "fashion"], "Did you mean 'fashion-mnist'"),
        (["train", "digits", "--epochs", "0", "--batch-size", "-3"], "batch_size = '-3'"),
        (["train", "digits", "--epochs", "many"], "epochs = 'many'"),
        (["train", "digits", "--model", "lessn"], "Did you mean 'lesson'"),
        (["train", "digits", "--model-arg", "padding"], "should look like KEY=VALUE"),
        (
            ["train", "digits", "--model-arg", "kernel_size=9", "--model-arg", "padding=valid"],
            "9x9",
        ),
        (["train", "digits", "--recipe", "none"], "The recipe should be one of lesson"),
        (["train", "digits", "--out", "."], "exists and is never overwritten"),
        (["train", "fashion-mnist", "--data-dir", "nowhere"], "the four files are not there"),
        (["train", "--resume", "nowhere"], "nowhere does not exist"),
        (["trace", "absent.keras"], "but does not exist"),
        (["trace", "lesson", "--input-shape", "28"], "height,width,channels such as 28,28,1"),
        (["trace", "lesson", "--against-arg", "a=1"], "add --against MODEL"),
        (["data", "show", "digits", "--out", "sheet.jpg"], "does not end in .png"),
        (["trace", "lesson", "--input-shape", "²,8,1"], "height,width,channels such as 28,28,1"),
        (["train", "digits", "--data-dir", "x"], "takes no --data-dir"),
        (["predict", "nowhere" * 50, "a.png"], "does not exist"),
        (["data", "show", "fashion"], "Did you mean 'fashion-mnist'"),
        (["evaluate", "nowhere"], "but nowhere does not exist"),
        (["predict", "nowhere", "a.png"], "but nowhere does not exist"),
        (["predict", __file__, "a.png"], "test_commands.py is a file"),
        (["export", __file__], "test_commands.py is a file"),
        (["trace", "/.keras"], "but does not exist"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_invalid_input_gets_one_sentence_and_writes_nothing(
    cli: Cli, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    assert_refused(cli(*arguments), expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["trian"], ["train", "digits", "--epoch", "1"], ["predict"], ["--bogus"]]
)
def test_wrong_usage_is_reported_by_click(cli: Cli, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert "Usage: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_created_gets_one_sentence(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = cli("train", *BARE, "digits", "--out", "file/run", "--epochs", "1")
    assert done.returncode == 2
    assert "The run's folder should be made at file/run, but cannot be" in done.stderr
    assert "loss" not in done.stdout


def test_a_failed_download_lists_every_location_that_was_tried(cli: Cli, tmp_path: Path) -> None:
    if Path("/usr/share/datasets/fashion-mnist").exists():
        pytest.skip("Debian's package is installed, so one location works")
    no_network = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "KERAS_HOME": str(tmp_path / "keras"),
        "PATH": str(tmp_path),
        # Nothing listens on the discard port, so no mirror can be reached.
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    done = cli("data", "show", "fashion-mnist", **no_network)
    assert_refused(
        done,
        "clearsight's cache (",
        "Keras's cache (",
        "Debian's package (/usr/share/datasets/fashion-mnist)",
        "download from https://",
        "apt is not on this machine",
        "--data-dir",
    )
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_verb_and_version_is_printed(cli: Cli) -> None:
    done = cli("--help")
    for command in ("train", "trace", "data", "evaluate", "predict"):
        assert f"\n  {command} " in done.stdout
    assert cli("--version").stdout == f"clearsight {clearsight.__version__}\n"


def test_probabilities_are_those_of_the_run(cli: Cli, run_folder: Path, images: Path) -> None:
    run = clearsight.Run.load(run_folder)
    with Image.open(images / "boot.png") as image:
        pixels = np.asarray(image)[None, ..., None]
    expected = float(run.predict(pixels).probabilities.max())
    done = cli("predict", str(run_folder), str(images / "boot.png"), "--json")
    found = json.loads(done.stdout)["images"][0]["predictions"][0]["probability"]
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_warning_of_python_is_one_line_without_source(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "import warnings, keras\n"
        "def network(input_shape, num_classes):\n"
        "    warnings.warn('this is odd\\nand more')\n"
        "    layers = [keras.Input(input_shape), keras.layers.Flatten()]\n"
        "    return keras.Sequential([*layers, keras.layers.Dense(num_classes, 'softmax')])\n"
    )
    done = cli("trace", "odd.py:network", "--input-shape", "8,8,1", "--model-arg", "num_classes=3")
    assert done.returncode == 0, done.stderr
    assert "Warning: this is odd\n" in done.stderr
    assert "odd.py:" not in done.stderr
    assert "and more" not in done.stderr
