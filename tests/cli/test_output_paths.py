"""What a user names to be written, of whatever kind it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
        done = run_cli("export", str(bundle.parent), "--to", str(tmp_path / "link"))
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
