"""Whatever lies at a path, opening it neither waits nor reads without end."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from clearsight.io.regular_file import append_to_regular, open_regular, read_regular


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


OTHERS: dict[str, Callable[[Path], None]] = {
    "is a named pipe": os.mkfifo,
    "is a socket": _socket,
    "is a device": _link_to("/dev/zero"),
    "Is a directory": Path.mkdir,
    "Not a directory": _link_to("file/inside"),
    "No such file": _link_to("nothing"),
    "Too many levels of symbolic links": _link_to("other"),
}


@pytest.mark.parametrize("found", OTHERS)
def test_only_a_regular_file_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    (tmp_path / "file").touch()
    OTHERS[found](tmp_path / "other")
    with pytest.raises(OSError, match=found):
        open_regular(tmp_path / "other")
    with pytest.raises(OSError, match=r"it is a|Is a"):
        append_to_regular(tmp_path / "other", b"line\n")
    assert not (tmp_path / "nothing").exists()


def test_a_link_to_a_file_is_read_unless_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="it is a symbolic link"):
        read_regular(tmp_path / "link", 5, follow_links=False)
    with pytest.raises(OSError, match="symbolic link"):
        append_to_regular(tmp_path / "link", b"6")
    assert (tmp_path / "file").read_bytes() == b"12345"


def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_regular(tmp_path / "file", 4)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 100 bytes"):
        read_regular(tmp_path / "sparse", 100)


def test_a_limit_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(200_000))
    assert read_regular(tmp_path / "file", 1 << 60) == bytes(200_000)
    assert read_regular(Path("/proc/self/stat"), 1 << 60)  # whose size the system gives as 0


def test_lines_are_appended_whole(tmp_path: Path) -> None:
    for number in range(3):
        append_to_regular(tmp_path / "lines", b"%d\n" % number)
    assert (tmp_path / "lines").read_bytes() == b"0\n1\n2\n"
