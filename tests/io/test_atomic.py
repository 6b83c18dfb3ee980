from __future__ import annotations

import os
from pathlib import Path

import pytest

from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically
from clearsight.io.whole_folder import replace_folder, temporary_folder
from support.umask import umask


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")

    def write_half() -> None:
        with write_atomically(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    def write() -> None:
        with write_atomically(tmp_path / "file" / "results.json") as temporary:
            temporary.write_text("whole")

    with pytest.raises(OutputError, match=r"results\.json cannot be written"):
        write()


def test_the_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    with write_atomically(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"


def mode_of(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_permissions_follow_the_umask_or_the_replaced_file(tmp_path: Path, mask: int) -> None:
    file, folder = tmp_path / "new" / "file.json", tmp_path / "new" / "folder"
    with umask(mask):
        with write_atomically(file) as temporary:
            temporary.write_text("{}")
        with temporary_folder(folder) as new:
            (new / "inner.json").touch()
            replace_folder(new, folder)
    assert mode_of(file) == mode_of(folder / "inner.json") == 0o666 & ~mask
    assert mode_of(folder) == mode_of(file.parent) == 0o777 & ~mask
    file.chmod(0o4604)
    with umask(mask), write_atomically(file) as temporary:
        temporary.write_text("[]")
    assert mode_of(file) == 0o604  # without the right to run as its owner


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    for name, target in (("link", "victim"), ("dangling", "nothing")):
        (tmp_path / name).symlink_to(target)
        with write_atomically(tmp_path / name) as temporary:
            temporary.write_text("new")
        assert (tmp_path / name).read_text() == "new"
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "nothing").exists()
    os.link(tmp_path / "victim", tmp_path / "hard link")
    with write_atomically(tmp_path / "hard link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "victim").read_text() == "mine"


def test_a_pipe_and_a_folder_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name, found in (("folder", "is a folder"), ("pipe", "a pipe"), ("link", "a pipe")):
        with (
            pytest.raises(OutputError, match=f"should be a file or not exist, but .*{found}"),
            write_atomically(tmp_path / name),
        ):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "pipe"]
