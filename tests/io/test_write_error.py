"""A disk that takes no more is one sentence, whoever was writing."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically
from clearsight.io.regular_file import append_to_regular
from clearsight.io.scratch import scratch_folder
from clearsight.io.whole_folder import temporary_folder
from clearsight.io.write_error import find_refusal


def _plain(path: Path) -> None:
    path.write_bytes(bytes(1_000_000))


def _zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("member", os.urandom(1_000_000))


def _keras(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["weights"] = list(range(200_000))


def _torch(path: Path) -> None:
    import torch

    torch.save(torch.zeros(200_000), path)


def _safetensors(path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"weights": torch.zeros(200_000)}, path)


def _parquet(path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    values = [os.urandom(1_000).hex() for _ in range(1_000)]
    with path.open("wb") as file:
        parquet.write_table(pyarrow.table({"values": values}), file)


WRITERS = (_plain, _zipped, _keras, _torch, _safetensors, _parquet)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_full_disk_is_reported_and_left_as_it_was(
    small_disks: Callable[[int], Path], write: Callable[[Path], None], kind: str
) -> None:
    disk = small_disks(200_000)
    path = disk / "result"
    path.write_text("old")
    target = write_atomically(path) if kind == "file" else temporary_folder(path)
    with pytest.raises(OutputError) as caught, target as temporary:
        write(temporary if kind == "file" else temporary / "file")
    message = str(caught.value)
    # torch holds the removed file open for as long as the error exists.
    del caught, target
    gc.collect()
    left = "0.0" if write is _torch else "0.2"
    assert message == (
        f"{path} cannot be written, because the disk is full (No space left on device): {disk} has "
        f"{left} MB left; free some more, or choose another folder."
    )
    assert path.read_text() == "old"
    assert list(disk.iterdir()) == [path]


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# torch does not say why it cannot write.
@pytest.mark.parametrize("write", [each for each in WRITERS if each is not _torch])
def test_a_limit_of_file_sizes_is_reported(tmp_path: Path, write: Callable[[Path], None]) -> None:
    def write_all() -> None:
        with write_atomically(tmp_path / "result") as temporary:
            write(temporary)

    with (
        file_size_limit(100_000),
        pytest.raises(OutputError, match=r"grow so large .*: raise the limit \(ulimit -f\)"),
    ):
        write_all()
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with file_size_limit(10), pytest.raises(OSError, match=r"No space|too large"):
        append_to_regular(path, b"longer than allowed\n")
    with pytest.raises(OSError, match="is a device"):
        append_to_regular(Path("/dev/full"), b"line\n")


def test_a_disk_that_takes_no_more_files_is_reported(small_disks: Callable[[int], Path]) -> None:
    disk = small_disks(1_000_000)
    subprocess.run(["mount", "-o", "remount,nr_inodes=3", str(disk)], check=True)
    (disk / "first").touch()
    (disk / "second").touch()
    with (
        pytest.raises(OutputError, match=r"the disk is full .* has space for no more files"),
        write_atomically(disk / "result"),
    ):
        pass


def test_a_read_only_disk_is_reported(small_disks: Callable[[int], Path]) -> None:
    disk = small_disks(100_000)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with (
        pytest.raises(
            OutputError, match=r"because the disk is read-only .*: choose another folder"
        ),
        write_atomically(disk / "new" / "result"),
    ):
        pass


def test_a_folder_for_temporary_files_that_is_full_has_its_own_remedy(
    small_disks: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = small_disks(100_000)
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    with (
        pytest.raises(OutputError, match=f"Temporary files .* in {disk}, .* variable TMPDIR"),
        scratch_folder() as folder,
    ):
        _plain(folder / "file")
    assert list(disk.iterdir()) == []


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    def fail() -> None:
        with write_atomically(tmp_path / "result"):
            raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        fail()
    assert find_refusal(FileNotFoundError(2, "No such file or directory")) is None
