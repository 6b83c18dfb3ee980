"""A folder of one's own photographs: trained, measured, named, and known again when it changes."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.run.resume.plan_resume import plan_resume
from clearsight.run.resume.request import resume_request
from support.command_line import Cli, assert_refused, run_cli

NUM_A_CLASS = 60
LINES = ("data", "decided")
MAX_DECIDED = 200  # characters: two lines of a terminal


def write_photographs(root: Path) -> None:
    """Cut pieces of many shapes out of two real colour photographs, some stored lying."""
    generator = np.random.default_rng(0)
    for name, photograph in zip(("temple", "flower"), load_sample_images().images, strict=True):
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(NUM_A_CLASS):
            height, width = generator.integers(40, 90, 2)
            top = generator.integers(0, photograph.shape[0] - height)
            left = generator.integers(0, photograph.shape[1] - width)
            piece = Image.fromarray(photograph[top : top + height, left : left + width])
            exif = Image.Exif()
            if number % 4 == 0:
                exif[0x0112] = 6  # to be turned a quarter clockwise by whoever shows it
                piece = piece.transpose(Image.Transpose.ROTATE_90)
            piece.save(folder / f"{number:02}.jpg", exif=exif)
    (root / "temple" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (root / "notes.txt").write_text("not an image")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own") / "my photographs"
    write_photographs(root)
    return root


@pytest.fixture(scope="module")
def photo_run(photographs: Path) -> Path:
    """What `clearsight train FOLDER` makes, with no option but where to put it."""
    out = photographs.parent / "run"
    done = run_cli("train", str(photographs), "--out", str(out))
    assert done.returncode == 0, done.stderr
    data, decided = (re.findall(rf"^{line}  .*", done.stdout, re.M)[0] for line in LINES)
    assert re.search(r"classes .* Size \d+x\d+, .*--image-size.* 3 channels, as some are in", data)
    assert "the default for your own images" in decided
    assert re.search(r"\d+ epochs instead of \d+.*--epochs", decided)
    assert len(decided) <= MAX_DECIDED
    assert "1 of 121 images cannot be used and are left out: temple/broken.jpg" in done.stdout
    assert "(not an image)." in done.stdout
    return out


def test_photographs_are_learned_and_measured(photo_run: Path) -> None:
    run = clearsight.Run.load(photo_run)
    assert run.class_names == ("flower", "temple")
    assert run.preparation.channels == 3
    results = run.results
    assert results.train_count + results.val_count + results.test_count == 120
    assert 12 <= results.test_count <= 36  # of 24 expected, chosen by content
    assert results.val_count == pytest.approx((120 - results.test_count) / 5, abs=1)
    assert results.test_accuracy is not None
    assert results.test_accuracy > 0.9  # two photographs in other colours
    assert run.record.request.recipe.epochs > 9  # so few images need more


def test_a_resumed_run_notes_again_what_still_holds(photo_run: Path) -> None:
    plan = plan_resume(resume_request(photo_run, epochs=100))
    assert any("temple/broken.jpg" in note for note in plan.notes)
    before = clearsight.Run.load(photo_run).record.notes
    assert set(plan.notes) < set(before), "what was decided is not decided again"


def test_the_split_is_kept_with_the_run(photo_run: Path, photographs: Path) -> None:
    with (photo_run / "split.csv").open() as file:
        rows = list(csv.DictReader(file))
    used = {
        what: {row["name"] for row in rows if row["used_for"] == what}
        for what in ("train", "validation", "test")
    }
    results = clearsight.Run.load(photo_run).results
    expected = [results.train_count, results.val_count, results.test_count]
    assert [len(names) for names in used.values()] == expected
    assert len(set.union(*used.values())) == 120
    for names in used.values():
        assert {name.split("/")[0] for name in names} == {"flower", "temple"}
    assert all((photographs / row["name"]).is_file() for row in rows)


def test_predict_reads_a_file_as_training_did(photo_run: Path, photographs: Path, cli: Cli) -> None:
    run = clearsight.Run.load(photo_run)
    lying = photographs / "flower" / "00.jpg"  # stored turned, and larger than the network's size
    train, test = clearsight.load_data(photographs)
    assert test is not None
    rows = train if "flower/00.jpg" in (train.names or ()) else test
    index = (rows.names or ()).index("flower/00.jpg")
    assert np.array_equal(run.preparation.read(lying).pixels, rows.images[index])
    done = cli(
        "predict", str(photo_run), str(lying), str(photographs / "temple" / "01.jpg"), "--json"
    )
    images = json.loads(done.stdout)["images"]
    assert [image["predictions"][0]["class"] for image in images] == ["flower", "temple"]


@pytest.mark.parametrize("form", ["class folders", "one folder", "archive", "selection"])
def test_predict_names_whole_sources(
    photo_run: Path, photographs: Path, cli: Cli, tmp_path: Path, form: str
) -> None:
    source, expected, broken = str(photographs), 120, ["temple/broken.jpg"]
    if form == "one folder":
        source, expected, broken = str(photographs / "flower"), NUM_A_CLASS, []
    elif form == "archive":
        source = shutil.make_archive(str(tmp_path / "packed"), "zip", photographs)
    elif form == "selection":
        source, expected, broken = f"{photographs}:test[0:7]", 7, []
    done = cli("predict", str(photo_run), source, "--json")
    assert done.returncode == (2 if broken else 0), done.stderr
    answer = json.loads(done.stdout)
    failed = [failure["image"] for failure in answer["failed"]]
    assert len(failed) == len(broken)
    assert all(name.endswith(end) for name, end in zip(failed, broken, strict=True))
    images = answer["images"]
    assert len(images) == expected
    truths = [image["true_label"] for image in images]
    assert set(truths) == ({None} if form == "one folder" else {"flower", "temple"})
    named = [image["predictions"][0]["class"] for image in images]
    wanted = ["flower"] * expected if form == "one folder" else truths
    assert np.mean([a == b for a, b in zip(named, wanted, strict=True)]) > 0.85


_SAME = ("test_count", "test_accuracy", "test_accuracy_interval", "test_loss")


def test_evaluate_measures_the_same_images_wherever_they_lie_now(
    photo_run: Path, photographs: Path, cli: Cli, tmp_path: Path
) -> None:
    first = json.loads(cli("evaluate", str(photo_run), "--json").stdout)
    assert first["test_accuracy"] == clearsight.Run.load(photo_run).results.test_accuracy
    moved, run = tmp_path / "my photographs", tmp_path / "run"
    shutil.copytree(photographs, moved)
    shutil.copytree(photo_run, run)
    record = json.loads((run / "run.json").read_text())
    record["request"]["source"] = str(moved)
    (run / "run.json").write_text(json.dumps(record))
    shutil.copy(moved / "flower" / "01.jpg", moved / "flower" / "new.jpg")  # other numbers for all
    Image.new("RGB", (60, 60), "red").save(moved / "temple" / "0.jpg")
    again = json.loads(cli("evaluate", str(run), "--json").stdout)
    # Their order, and with it what a bootstrap draws, is another.
    for name in _SAME:
        assert again[name] == pytest.approx(first[name], rel=1e-12)
    with (run / "split.csv").open() as file:
        gone = next(row["name"] for row in csv.DictReader(file) if row["used_for"] == "test")
    (moved / gone).unlink()
    assert_refused(cli("evaluate", str(run)), "but some are gone", "restore them")


def test_evaluate_measures_all_of_another_folder(
    photo_run: Path, photographs: Path, cli: Cli, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(photographs / "flower", other / "flower")
    shutil.copytree(photographs / "temple", other / "temple")
    done = cli("evaluate", str(photo_run), "--data", str(other), "--json")
    # Those that it has trained or validated on are no measure of it.
    test_count = clearsight.Run.load(photo_run).results.test_count
    found = json.loads(done.stdout)
    assert found["test_count"] == test_count
    left_out = f"{120 - test_count} images on which the run was trained are left out."
    assert left_out in found["notes"]
    assert any("temple/broken.jpg" in note for note in found["notes"])
    own = cli("evaluate", str(photo_run), "--data", str(photographs), "--json")
    assert json.loads(own.stdout)["test_count"] == test_count
    (other / "temple").rename(other / "castle")
    assert_refused(cli("evaluate", str(photo_run), "--data", str(other)), "has castle")


def test_options_for_the_runs_own_images_are_refused(photo_run: Path, cli: Cli) -> None:
    done = cli("evaluate", str(photo_run), "--nested-classes")
    assert_refused(done, "read as in training, so that --nested-classes cannot apply")


def test_options_that_a_source_does_not_support_are_refused(photographs: Path, cli: Cli) -> None:
    assert_refused(
        cli("train", str(photographs), "--group-column", "patient"), "--group-column was given"
    )
    assert_refused(cli("data", "show", "digits", "--class-names", "x.txt"), "--class-names was")


def test_a_folder_with_a_broken_image_is_named_all_the_same(
    photo_run: Path, photographs: Path, cli: Cli, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    shutil.copytree(photographs / "flower", new)
    (new / "._00.jpg").write_bytes(b"litter")
    (new / "cut.jpg").write_bytes((new / "00.jpg").read_bytes()[:200])
    done = cli("predict", str(photo_run), str(new), "--json")
    answer = json.loads(done.stdout)
    assert len(answer["images"]) == NUM_A_CLASS
    (failure,) = answer["failed"]
    assert "cut.jpg should be an image file" in failure["error"]


def test_images_of_one_group_stay_on_one_side(small_fashion: Splits, tmp_path: Path) -> None:
    train = small_fashion.train
    rows = ["path,label,product"]
    for index in range(240):
        Image.fromarray(train.images[index, ..., 0]).save(tmp_path / f"{index}.png")
        rows.append(f"{index}.png,{train.labels[index] % 2},product {index // 6}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    run = clearsight.train(
        tmp_path / "table.csv", group_column="product", epochs=1, recipe="lesson",
        out=tmp_path / "run", report=False, bundle=False, verbose=False,
    )  # fmt: skip
    group_of = {f"{index}.png": index // 6 for index in range(240)}
    with (run.path / "split.csv").open() as file:
        used = {
            (row["used_for"], group_of[row["name"].split("/")[-1]]) for row in csv.DictReader(file)
        }
    assert len(used) == 40  # no group is used for two things
    assert {what for what, _ in used} == {"train", "validation", "test"}


def test_a_source_that_brings_validation_images_has_them_used(
    small_fashion: Splits, tmp_path: Path
) -> None:
    train = small_fashion.train
    for index in range(300):
        part = "val" if index % 5 == 0 else "test" if index % 5 == 1 else "train"
        folder = tmp_path / "images" / part / f"class {train.labels[index] % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(train.images[index, ..., 0]).save(folder / f"{index}.png")
    run = clearsight.train(
        str(tmp_path / "images"),
        epochs=1,
        recipe="lesson",
        out=tmp_path / "run",
        report=False,
        bundle=False,
        verbose=False,
    )
    results = run.results
    assert (results.train_count, results.val_count, results.test_count) == (180, 60, 60)
    assert run.record.split.method == "own"
    assert clearsight.evaluate(run).scores.num_images == 60


def test_python_objects_train(fashion: tuple[ImageSet, ImageSet], tmp_path: Path) -> None:
    train, test = fashion
    pairs = tuple((part.images[:300, ..., 0], part.labels[:300]) for part in (train, test))
    run = clearsight.train(
        pairs,
        epochs=1,
        recipe="lesson",
        out=tmp_path / "run",
        report=False,
        bundle=False,
        verbose=False,
    )
    assert run.results.test_count == 300
    assert run.record.request.source == "arrays"
