"""The lock of a run's folder: one holder, and no harm to files that are not its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clearsight.errors import RunError
from clearsight.run.store.lock import check_unlocked, is_locked, lock_run

HOLDER = """
import sys, time
from pathlib import Path
from clearsight.run.store.lock import lock_run
with lock_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_locked(tmp_path)
        with (
            pytest.raises(RunError, match=f"but process {process.pid} does already"),
            lock_run(tmp_path),
        ):
            pass
        process.kill()
    assert not is_locked(tmp_path)
    with lock_run(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())
    assert not (tmp_path / "lock").exists()
    check_unlocked(tmp_path)


def test_a_planted_symlink_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lock").symlink_to(victim)
    with pytest.raises(RunError, match="lock cannot be opened there"), lock_run(tmp_path / "run"):
        pass
    assert victim.read_text() == "mine"
    assert not is_locked(tmp_path / "run")


def test_a_hard_link_or_other_content_is_not_overwritten(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("123")
    (tmp_path / "run").mkdir()
    os.link(victim, tmp_path / "run" / "lock")
    with lock_run(tmp_path / "run"):
        assert is_locked(tmp_path / "run")
    assert victim.read_text() == "123"
    (tmp_path / "run" / "lock").write_text("notes")
    with lock_run(tmp_path / "run"):
        assert (tmp_path / "run" / "lock").read_text() == "notes"
