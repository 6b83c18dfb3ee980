"""``clearsight data check`` as its own process."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from support.command_line import BARE, Cli, assert_refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Scans of four digits as class folders, some of the test ones also in training."""
    train, test = clearsight.load_data("digits")
    assert test is not None
    root = tmp_path / "scans"
    for part, images in (("train", train), ("test", test)):
        for number in np.flatnonzero(images.labels < 4)[: 500 if part == "train" else 80]:
            name = root / part / f"digit {images.labels[number]}" / f"{number:04}.png"
            name.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images.images[number, ..., 0]).save(name)
    for number, original in enumerate(sorted((root / "train" / "digit 1").iterdir())[:5]):
        (root / "test" / "digit 1" / f"leak {number}.png").write_bytes(original.read_bytes())
    (root / "train" / "digit 2" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


@pytest.mark.slow
def test_findings_page_and_labels_are_written(cli: Cli, folder: Path, tmp_path: Path) -> None:
    wrong = sorted((folder / "train" / "digit 0").iterdir())[0]
    wrong.rename(folder / "train" / "digit 1" / "moved.png")
    done = cli("data", "check", "scans", "--out", "page.html", "--labels-out", "labels.csv")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    for text in ("5 test images of 85", "problem", "page: page.html", "labels: labels.csv"):
        assert text in words
    page = (tmp_path / "page.html").read_text()
    assert "broken.png" in page
    assert page.count("data:image/png;base64,") >= 10
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[3:] == ["label", "suggested", "score", "corrected_label"]
    assert "into its column 'corrected_label', then train with: --corrections labels.csv" in words
    # Correct labels may be suspected too, as the network was trained on only 500 images.
    moved = next(row for row in rows[:3] if row["name"].endswith("moved.png"))
    assert (moved["part"], moved["label"], moved["suggested"]) == ("train", "digit 1", "digit 0")
    assert moved["corrected_label"] == ""
    moved["corrected_label"] = moved["suggested"]
    with (tmp_path / "corrected.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(moved))
        writer.writeheader()
        writer.writerow(moved)
    plain, corrected = (
        json.loads(cli("data", "show", "scans", "--json", *options).stdout)["train"]["class_counts"]
        for options in ((), ("--corrections", "corrected.csv"))
    )
    assert corrected["digit 0"] == plain["digit 0"] + 1
    assert corrected["digit 1"] == plain["digit 1"] - 1


def test_json_is_one_object_and_quick_trains_no_network(cli: Cli, folder: Path) -> None:
    done = cli("data", "check", "scans", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    found = {finding["id"]: finding for finding in values["findings"]}
    assert found["exact-duplicates-test"]["count"] == 5
    pair = found["exact-duplicates-test"]["cases"][0]["images"]
    assert [one["part"] for one in pair] == ["train", "test"]
    assert "leak" in pair[1]["name"]
    assert found["bad-files"]["count"] == 1
    assert values["quick_accuracy"] is None
    assert Path(values["page"]).is_file()
    assert values["labels"] is None


def test_everything_is_listed_with_a_command_that_removes_it(
    cli: Cli, folder: Path, tmp_path: Path
) -> None:
    leaked = sorted((folder / "train" / "digit 3").iterdir())[:20]
    for number, original in enumerate(leaked):
        (folder / "test" / "digit 3" / f"leak {number}.png").write_bytes(original.read_bytes())
    done = cli("data", "check", "scans", "--quick", "--json", "--list-out", "found list.csv")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    (leak,) = [found for found in values["findings"] if found["id"] == "exact-duplicates-test"]
    assert leak["count"] == len(leak["cases"]) == 25
    with (tmp_path / "found list.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["finding"] == "exact-duplicates-test"]
    assert {row["name"] for row in rows if row["part"] == "test"} >= {
        f"test/digit 3/leak {number}.png" for number in range(20)
    }
    marked = {row["name"] for row in rows if row["remove"] == "yes"}
    assert {f"train/digit 3/{path.name}" for path in leaked} <= marked
    assert values["list"] == "found list.csv"
    command = shlex.split(values["remedy"])
    assert command[:3] == ["clearsight", "train", "scans"]

    done = cli("data", "check", "scans", "--quick")
    words = " ".join(done.stdout.split())
    assert "and 22 more, all listed in" in words
    assert "clearsight train scans --remove-list" in words
    done = cli("data", "check", "scans", "--quick", "--json", *command[3:])
    assert "exact-duplicates-test" not in {
        each["id"] for each in json.loads(done.stdout)["findings"]
    }
    done = cli(*command[1:], *BARE, "--recipe", "lesson", "--epochs", "1", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "are exact duplicates" not in done.stdout
    assert "Images left out because" in " ".join(done.stdout.split())
    (tmp_path / "names.txt").write_text(next(iter(marked)) + "\nnowhere.png\n")
    done = cli("data", "show", "scans", "--remove-list", "names.txt")
    assert "It also lists 1 that the source does not have: 'nowhere.png'" in done.stdout


def test_invalid_options_write_nothing(cli: Cli, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there.html").write_text("mine")
    before = sorted(tmp_path.iterdir())
    for arguments, expected in (
        (("--out", "there.html"), "there.html exists and is never overwritten"),
        (("--out", "page.pdf"), "does not end in .html"),
        (("--labels-out", "labels.txt"), "does not end in .csv"),
        (("--list-out", "list.txt"), "does not end in .csv"),
        (("--quick", "--labels-out", "labels.csv"), "drop one of the two"),
    ):
        assert_refused(cli("data", "check", "scans", *arguments), expected)
    assert_refused(cli("data", "check", "nowhere"), "'nowhere' is neither")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.html").read_text() == "mine"


@pytest.mark.slow
def test_training_reports_the_score_without_leaked_images(cli: Cli, folder: Path) -> None:
    done = cli("train", *BARE, "scans", "--recipe", "lesson", "--epochs", "1", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "are exact duplicates of training" in done.stdout
    assert "also appear in the training set; without them: test accuracy 0." in done.stdout
    # The originals of the others are in the validation set.
    assert 1 <= json.loads(Path("run/results.json").read_text())["test_leaked_count"] <= 5


def test_show_and_check_agree_on_grey_images_stored_in_colour(cli: Cli, tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(6):
            values = np.random.default_rng([number, ord(label)]).integers(0, 256, (16, 16, 1))
            image = Image.fromarray(values.astype(np.uint8).repeat(3, axis=-1))
            image.save(tmp_path / "set" / label / f"{number}.png")
    shown = cli("data", "show", "set").stdout
    assert "16x16x1" in shown
    checked = cli("data", "check", "set", "--quick").stdout
    sizes_and_notes = [line for line in shown.splitlines() if "16x16" in line]
    assert sizes_and_notes
    assert set(sizes_and_notes) <= set(checked.splitlines())
    assert "stored as colour" not in checked
    assert "16x16x3" in cli("data", "show", "set", "--channels", "3").stdout
