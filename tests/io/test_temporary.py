"""What killed processes leave behind is removed by the next one that writes there, and no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clearsight.io.atomic import write_atomically
from clearsight.io.scratch import scratch_folder
from clearsight.io.temporary import remove_entry, remove_leftovers, temporary_directory
from clearsight.io.whole_folder import temporary_folder

WRITER = """
import sys, time
from pathlib import Path
from clearsight.io.atomic import write_atomically
from clearsight.io.whole_folder import temporary_folder
write = {"file": write_atomically, "folder": temporary_folder}[sys.argv[1]]
with write(Path(sys.argv[2])) as temporary:
    (temporary / "half" if temporary.is_dir() else temporary).write_text("half")
    print(temporary, flush=True)
    time.sleep(60)
"""
SCRATCH = """
import time
from clearsight.io.scratch import scratch_folder
with scratch_folder() as folder:
    print(folder, flush=True)
    time.sleep(60)
"""
WRITE = {"file": write_atomically, "folder": temporary_folder}


@contextmanager
def running(*words: str) -> Iterator[Path]:
    """Start a program, yield the path that it prints, and kill it at the end."""
    process = subprocess.Popen([sys.executable, "-c", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Path(process.stdout.readline().rstrip())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("kind", WRITE)
def test_only_the_leftover_of_a_dead_process_is_removed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "result.zip"
    # Names like those of temporary files, of other targets or by chance.
    others = {".notes-0123abcd.zip", ".result-original.zip", ".result-0123abcd.txt"}
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / ".result-76543210.zip").touch()  # is no folder
    others.add(".result-76543210.zip")

    def hidden() -> set[str]:
        return {each.name for each in tmp_path.iterdir()} - {"result.zip"}

    with running(WRITER, kind, str(path)):
        (theirs,) = hidden() - others
        with WRITE[kind](path):
            assert theirs in hidden()
        remove_leftovers(tmp_path)
        assert theirs in hidden()
        assert hidden() & others == {".result-original.zip", ".result-76543210.zip"}
    assert theirs in hidden()
    with WRITE[kind](path):
        assert theirs not in hidden()
    assert hidden() == {".result-original.zip", ".result-76543210.zip"}


def test_scratch_folders_of_killed_processes_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with running(SCRATCH) as theirs:
        assert theirs.parent == tmp_path
        assert theirs.stat().st_mode & 0o777 == 0o700
        with scratch_folder():
            assert theirs.exists()
    assert theirs.exists()
    with scratch_folder():
        assert not theirs.exists()
    assert list(tmp_path.iterdir()) == []


def test_links_and_what_they_lead_to_stay(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".model-0123abcd.keras").symlink_to(victim / "file")
    (folder / ".bundle-0123abcd").symlink_to(victim)
    remove_leftovers(folder)
    with temporary_directory(folder / "bundle") as temporary:
        (temporary / "inner").symlink_to(victim)
    remove_entry(folder / ".bundle-0123abcd")
    remove_entry(folder / "absent")
    assert [path.name for path in folder.iterdir()] == [".model-0123abcd.keras"]
    assert (victim / "file").exists()


@pytest.mark.parametrize("name", [".-0123abcd", "..-0123abcd", "...-0123abcd", ".-0123abcd.x"])
def test_what_no_file_is_named_after_is_nobodys_leftover(tmp_path: Path, name: str) -> None:
    for inner in ("new", "older"):
        (tmp_path / name / inner).mkdir(parents=True)
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
