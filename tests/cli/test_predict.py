"""``clearsight predict`` with a bundle: its inputs and its output formats."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.data.image_set import ImageSet
from support.command_line import Cli, assert_refused


@pytest.fixture
def folder(tmp_path: Path, fashion: tuple[ImageSet, ImageSet]) -> Path:
    """Five real images, some in subfolders or hidden, and a broken one."""
    _, test = fashion
    root = tmp_path / "images"
    (root / "deep" / "Trouser").mkdir(parents=True)
    (root / ".hidden").mkdir()
    paths = ("0.png", "1.png", "deep/2.png", "deep/Trouser/3.png", ".hidden/4.png")
    for index, path in enumerate(paths):
        Image.fromarray(test.images[index, ..., 0]).save(root / path)
    (root / "deep" / "broken.png").write_bytes(b"not an image")
    return root


@pytest.fixture
def bundle(run_folder: Path) -> str:
    """The bundle that a training wrote."""
    return str(run_folder / "bundle")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_folder_is_searched_recursively(cli: Cli, bundle: str, folder: Path) -> None:
    done = cli("predict", bundle, str(folder), "--format", "csv", "--top", "2")
    assert done.returncode == 2
    assert "All images should be readable, but 1 of 5 cannot be read. The first: " in done.stderr
    rows = rows_of(done.stdout)
    names = [str(Path(row["image"]).relative_to(folder)) for row in rows]
    assert names == ["0.png", "1.png", "deep/2.png", "deep/broken.png", "deep/Trouser/3.png"]
    assert "should be an image file" in rows[3]["error"]
    assert [row["true_label"] for row in rows] == ["", "", "", "", "Trouser"]
    good = [row for row in rows if not row["error"]]
    assert all(float(row["probability"]) >= float(row["probability_2"]) for row in good)


def test_files_patterns_and_standard_input_give_the_same(
    cli: Cli, bundle: str, folder: Path
) -> None:
    path = folder / "0.png"
    alone = json.loads(cli("predict", bundle, str(path), "--format", "jsonl").stdout)
    pattern = cli("predict", bundle, str(folder / "**" / "0.p[n]g"), "--format", "jsonl")
    assert json.loads(pattern.stdout) == alone
    program = Path(sys.executable).with_name("clearsight")
    piped = subprocess.run(
        [program, "predict", bundle, "-", "--format", "jsonl"],
        input=path.read_bytes(),
        capture_output=True,
        check=True,
    )
    row = json.loads(piped.stdout)
    assert row["predictions"] == alone["predictions"]
    assert row["image"] == "standard input"


def test_the_bundle_predicts_as_its_run(
    cli: Cli, run_folder: Path, bundle: str, folder: Path
) -> None:
    of_bundle = json.loads(cli("predict", bundle, str(folder / "1.png"), "--json").stdout)
    with Image.open(folder / "1.png") as image:
        expected = clearsight.Run.load(run_folder).predict(np.asarray(image)[None, ..., None])
    ((class_name, probability),) = expected.top(1)[0]
    (found,) = of_bundle["images"][0]["predictions"]
    assert found["class"] == class_name
    assert found["probability"] == pytest.approx(probability, abs=1e-5)


def test_json_lists_failed_images_and_the_exit_code_is_2(
    cli: Cli, bundle: str, folder: Path
) -> None:
    done = cli("predict", bundle, str(folder), "--json")
    assert done.returncode == 2
    assert "1 of 5 cannot be read" in done.stderr
    answer = json.loads(done.stdout)
    assert len(answer["images"]) == 4
    (failed,) = answer["failed"]
    assert failed["image"] == str(folder / "deep" / "broken.png")
    assert "should be an image file" in failed["error"]


@pytest.mark.parametrize("form", ["table", "csv", "--json"])
def test_every_file_of_a_folder_is_predicted_or_listed_with_a_reason(
    cli: Cli, bundle: str, folder: Path, form: str
) -> None:
    shutil.move(folder / "deep", folder.parent / "deep")
    (folder / "more").symlink_to("../deep")
    shutil.copy(folder / "0.png", folder / "no suffix")
    (folder / "notes.txt").write_text("no image")
    reason = (
        f"{folder / 'more'} was not read (link out of the folder, followed with --follow-links)"
    )
    done = cli(
        "predict", bundle, str(folder), *([form] if form == "--json" else ["--format", form])
    )
    assert done.returncode == 2
    assert "1 of 4 cannot be read" in done.stderr
    assert "Note: Skipped: 1 x .hidden (hidden), 1 x notes.txt (not an image).\n" in done.stderr
    names = [str(folder / name) for name in ("0.png", "1.png", "more", "no suffix")]
    if form == "table":
        rows = [line.rstrip() for line in done.stdout.splitlines()]
        assert [row[: row.index("  ")] for row in rows] == names
        assert rows[2].endswith("  cannot be read")
        assert f"Warning: {reason}.\n" in done.stderr
    elif form == "csv":
        rows = rows_of(done.stdout)
        assert [row["image"] for row in rows] == names
        assert [row["error"] for row in rows] == ["", "", f"{reason}.", ""]
    else:
        answer = json.loads(done.stdout)
        assert answer["failed"] == [{"image": names[2], "error": f"{reason}."}]
        assert [row["image"] for row in answer["images"]] == [names[0], names[1], names[3]]
        assert len(answer["notes"]) == 1
    followed = cli("predict", bundle, str(folder), "--follow-links", "--format", "csv")
    assert len(rows_of(followed.stdout)) == 6


def test_what_was_left_out_of_a_source_is_a_note(
    cli: Cli, bundle: str, folder: Path, tmp_path: Path
) -> None:
    for name in ("a/0.png", "b/1.png"):
        (tmp_path / "classes" / name).parent.mkdir(parents=True)
        shutil.copy(folder / Path(name).name, tmp_path / "classes" / name)
    (tmp_path / "classes" / "a" / "notes.txt").write_text("no image")
    archive = shutil.make_archive(str(tmp_path / "images"), "zip", tmp_path / "classes")
    answer = json.loads(cli("predict", bundle, archive, "--json").stdout)
    assert "Skipped: 1 x a/notes.txt (not an image)." in answer["notes"]
    assert len(answer["images"]) == 2


@pytest.mark.parametrize("options", [[], ["--json"], ["--format", "csv"]])
def test_a_folder_without_images_is_refused(
    cli: Cli, bundle: str, tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    done = cli("predict", bundle, "empty", *options)
    assert_refused(done, "empty should hold images, but holds none.")


def test_what_was_left_out_of_a_file_is_a_warning_of_its_row(
    cli: Cli, bundle: str, folder: Path
) -> None:
    path, frames = folder / "two.gif", [Image.open(folder / name) for name in ("0.png", "1.png")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    warning = f"{path} has several frames or pages, of which only the first was used."
    text = cli("predict", bundle, str(path))
    assert (text.returncode, text.stderr) == (0, f"Warning: {warning}\n")
    (row,) = rows_of(cli("predict", bundle, str(path), "--format", "csv").stdout)
    assert row["warning"] == warning
    assert json.loads(cli("predict", bundle, str(path), "--json").stdout)["warnings"] == [warning]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_rows_are_written_whole_or_not_at_all(
    cli: Cli, bundle: str, folder: Path, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"rows.{suffix}"
    failed = cli("predict", bundle, str(folder), "--out", str(out), "fashion-mnist:test[99999]")
    assert_refused(failed, "should select at least one of the 10,000 images")
    assert not out.exists()
    done = cli("predict", bundle, str(folder), "--out", str(out))
    assert done.stdout == ""
    if suffix == "csv":
        rows = [row["error"] for row in rows_of(out.read_text())]
    elif suffix == "jsonl":
        rows = [json.loads(line)["error"] for line in out.read_text().splitlines()]
    else:
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(out).column("error").to_pylist()
    assert [bool(error) for error in rows] == [False, False, False, True, False]


def test_a_temperature_is_applied_on_request(cli: Cli, bundle: str, folder: Path) -> None:
    arguments = ("predict", bundle, str(folder / "1.png"), "--json", "--top", "10")
    plain, scaled = (
        json.loads(cli(*arguments, *more).stdout)["images"][0]["predictions"]
        for more in ((), ("--temperature",))
    )
    temperature = clearsight.load(bundle).spec.temperature
    assert temperature is not None
    powers = {row["class"]: row["probability"] ** (1 / temperature) for row in plain}
    expected = {name: power / sum(powers.values()) for name, power in powers.items()}
    assert {row["class"]: row["probability"] for row in scaled} == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["https://example.org/a.png"], "is a URL: download it first"),
        (["a.png", "--format", "parquet"], "is not text: choose a file with --out FILE"),
        (["a.png", "--format", "tabel"], "Did you mean 'table'"),
        (["a.png", "--format", "csv", "--json"], "leave one of them out"),
        (["nothing-*.png"], "there is no such file"),
    ],
)
def test_invalid_requests_get_a_clear_message(
    cli: Cli, bundle: str, arguments: list[str], expected: str
) -> None:
    assert_refused(cli("predict", bundle, *arguments), expected)


def test_a_bundle_is_exported_for_a_run_without_one(
    cli: Cli, run_folder: Path, folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run, ignore=shutil.ignore_patterns("bundle"))
    first = cli("predict", str(run), str(folder / "0.png"))
    assert f"Exported {run / 'bundle'}" in first.stderr
    again = cli("predict", str(run), str(folder / "0.png"))
    assert (again.stdout, again.stderr) == (first.stdout, "")


def test_an_unfinished_run_predicts_with_its_own_network(
    cli: Cli, run_folder: Path, folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run, ignore=shutil.ignore_patterns("bundle"))
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "status": "interrupted"}))
    done = cli("predict", str(run), str(folder / "0.png"))
    assert done.returncode == 0
    assert "is not finished: predicting with its last saved network" in done.stderr
    assert not (run / "bundle").exists()


@pytest.mark.slow
def test_many_images_take_no_more_memory(
    cli: Cli, bundle: str, tmp_path: Path, fashion: tuple[ImageSet, ImageSet]
) -> None:
    import resource

    train, _ = fashion
    for index in range(20_000):
        part = tmp_path / "many" / str(index // 10_000)
        part.mkdir(parents=True, exist_ok=True)
        Image.fromarray(train.images[index, ..., 0]).resize((64, 64)).save(part / f"{index}.png")
    peaks = []
    for part in ("many/0", "many"):
        done = cli("predict", bundle, str(tmp_path / part), "--out", str(tmp_path / "rows.csv"))
        assert done.returncode == 0, done.stderr
        peaks.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 20_001
    assert peaks[1] < peaks[0] + 20_000, "kilobytes; the images themselves are 40 MB more"
