"""What a user names to be written, of whatever kind it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.command_line import assert_refused, run_cli


@pytest.fixture
def bundle(digits_run: Path) -> Path:
    return digits_run / "bundle"


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_of_the_users_is_followed(tmp_path: Path, bundle: Path, exists: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "results.csv", tmp_path / "link.csv"
    if exists:
        target.write_text("old")
    link.symlink_to("elsewhere/results.csv")
    done = run_cli("predict", str(bundle), "digits:test[0:3]", "--out", str(link))
    assert done.returncode == 0, done.stderr
    assert link.is_symlink()
    assert target.read_text().count("\n") == 4
    assert list(target.parent.iterdir()) == [target]


def test_an_exported_folder_behind_a_link_is_replaced_there(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    for _ in range(2):
        done = run_cli("export", str(bundle.parent), "--out", str(tmp_path / "link"))
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "bundle.json").is_file()


def test_what_is_no_file_stays_as_it_is(tmp_path: Path, bundle: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, found in (("pipe", "a pipe"), ("link", "a pipe"), ("folder", "is a folder")):
        done = run_cli("predict", str(bundle), "digits:test", "--out", f"{tmp_path}/{name}.csv")
        assert_refused(done, "should be a file or not exist, but", found)
    assert (tmp_path / "pipe.csv").is_fifo()
    assert (tmp_path / "link.csv").is_symlink()


def test_what_is_asked_for_is_written_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits_run: Path
) -> None:
    """And never over what is there."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        done = run_cli("data", "show", "digits")
        assert done.returncode == 0, done.stderr
    done = run_cli("data", "check", "digits", "--quick")
    assert "page:   digits-check.html" in done.stdout
    done = run_cli("report", str(digits_run), "--out", "page.html")
    assert done.returncode == 0, done.stderr
    assert_refused(run_cli("report", str(digits_run), "--out", "page.html"), "never overwritten")
    written = {path.name for path in tmp_path.iterdir()}
    sheets = {"digits-contact-sheet.png", "digits-contact-sheet-2.png"}
    assert written - {"digits-check.csv"} == {*sheets, "digits-check.html", "page.html"}


def test_nothing_is_written_among_the_images_of_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(4):
            pixels = np.random.default_rng([number, len(label), ord(label[0])])
            image = Image.fromarray(pixels.integers(0, 255, (9, 9), np.uint8))
            image.save(tmp_path / label / f"{number}.png")
    before = sorted(tmp_path.rglob("*"))
    for folder in (tmp_path, tmp_path / "cat"):
        monkeypatch.chdir(folder)
        shown = run_cli("data", "show", str(tmp_path))
        assert "contact sheet: none, because it would lie among the images" in shown.stdout
        checked = run_cli("data", "check", os.path.relpath(tmp_path), "--quick")
        assert "No page was written, because it would lie among the images" in checked.stderr
        assert (shown.returncode, checked.returncode) == (0, 0), checked.stderr
    assert sorted(tmp_path.rglob("*")) == before
