"""A run's folder from somebody else may hold folders deeper than functions may call themselves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import RunError
from clearsight.io.temporary import remove_leftovers
from clearsight.io.whole_folder import delete_folder
from clearsight.run.store.deletion import delete_run
from clearsight.run.store.listing import list_runs
from clearsight.run.store.own_files import check_own_files

_NUM_LEVELS = 1_100


def make_deep(path: Path) -> None:
    """Make folders within each other that end with a link to elsewhere."""
    here = os.open(path, os.O_RDONLY)
    for _ in range(_NUM_LEVELS):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.symlink("/", "elsewhere", dir_fd=here)
    os.close(here)


@pytest.fixture
def deep_run(tmp_path: Path) -> Iterator[Path]:
    out = tmp_path / "runs" / "run"
    clearsight.train("digits", epochs=1, out=out, report=False, bundle=False, verbose=False)
    make_deep(out)
    yield out
    subprocess.run(["rm", "-rf", str(out.parent)], check=True)


def test_each_level_is_looked_at(deep_run: Path) -> None:
    assert [run.path for run in list_runs(deep_run.parent)] == [deep_run]
    with pytest.raises(RunError, match="elsewhere is a link to /,"):
        check_own_files(deep_run)


def test_it_is_not_deleted(deep_run: Path) -> None:
    before = sorted(deep_run.iterdir())
    with pytest.raises(RunError, match="folders nested more than 100 deep"):
        delete_run(deep_run)
    assert sorted(deep_run.iterdir()) == before


def test_one_that_cannot_be_deleted_is_out_of_the_way(tmp_path: Path) -> None:
    leftover = tmp_path / ".bundle-01234567"
    leftover.mkdir()
    make_deep(leftover)
    try:
        remove_leftovers(tmp_path)
        leftover.rename(tmp_path / "bundle")
        with suppress(OSError):  # Python deletes them from 3.13 on
            delete_folder(tmp_path / "bundle")
        assert not (tmp_path / "bundle").exists()
    finally:
        for path in tmp_path.iterdir():
            subprocess.run(["rm", "-rf", str(path)], check=True)
