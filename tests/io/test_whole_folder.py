"""Folders that are written and deleted whole, whenever the process that does it is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from clearsight.errors import OutputError
from clearsight.io.exchange import exchange
from clearsight.io.temporary import remove_deleted
from clearsight.io.whole_folder import (
    delete_folder,
    place_folder,
    replace_folder,
    temporary_folder,
)


def write(path: Path, content: str) -> None:
    with temporary_folder(path) as folder:
        (folder / "content").write_text(content)
        replace_folder(folder, path)


def test_a_folder_is_replaced_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    for content in ("first", "second"):
        write(path, content)
        assert (path / "content").read_text() == content
        assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_finds_the_folder_missing(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    write(path, "0")
    if not exchange(path, path):
        pytest.skip("this filesystem cannot exchange two paths")
    writer = threading.Thread(target=lambda: [write(path, str(k)) for k in range(100)])
    writer.start()
    reads = 0
    while writer.is_alive():
        assert path.is_dir()
        reads += 1
    writer.join()
    assert reads > 100
    assert (path / "content").read_text() == "99"


KILLED = """
import os, signal, sys
from pathlib import Path
from clearsight.io import temporary, whole_folder

def die(*_): os.kill(os.getpid(), signal.SIGKILL)

path, moment = Path(sys.argv[1]), sys.argv[2]
whole_folder.exchange = lambda *_: False
rename = Path.rename
def rename_and_die(self, target):
    rename(self, target)
    if moment == target.name:
        die()
Path.rename = rename_and_die
if moment == "deleted":
    whole_folder.delete_folder(path)
with whole_folder.temporary_folder(path) as folder:
    (folder / "content").write_text("new")
    if moment == "filled":
        die()
    whole_folder.replace_folder(folder, path)
"""


def write_and_die(path: Path, moment: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(path.parent.glob(f".{path.name}-*"))) == 1


@pytest.mark.parametrize("moment", ["filled", "older", "bundle"])
def test_what_a_killed_process_leaves_is_completed_or_removed(tmp_path: Path, moment: str) -> None:
    """`moment`: the new folder is filled, the older one moved away, the new one moved there."""
    path = tmp_path / "bundle"
    write(path, "old")
    write_and_die(path, moment)
    assert path.exists() == (moment != "older")
    with temporary_folder(path):  # by the next one that writes there
        assert (path / "content").read_text() == ("old" if moment == "filled" else "new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_gone_once_its_deletion_has_begun(tmp_path: Path) -> None:
    path = tmp_path / "run"
    write(path, "old")
    write_and_die(path, "deleted")
    assert not path.exists()
    (tmp_path / ".notes-0123abcd").mkdir()
    (tmp_path / ".notes-0123abcd" / "mine").touch()
    remove_deleted(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [".notes-0123abcd"]


def test_links_are_deleted_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path / "elsewhere")
    delete_folder(tmp_path / "run")
    assert [each.name for each in tmp_path.rglob("*")] == ["elsewhere", "mine"]


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    with temporary_folder(path) as first:
        (first / "content").write_text("first")
        write(path, "second")
        replace_folder(first, path)
    assert (path / "content").read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_folder_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "page"
    write(path, "mine")

    def place() -> None:
        with temporary_folder(path) as folder:
            (folder / "content").touch()
            place_folder(folder, path)

    with pytest.raises(OutputError, match="page cannot be written"):
        place()
    assert (path / "content").read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]
