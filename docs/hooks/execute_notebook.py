"""Run a notebook in a kernel of its own, for the site and for the tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

_CELL_SECONDS = 400


def execute(path: Path) -> nbformat.NotebookNode:
    """Return a notebook with its outputs, run in an empty folder that is deleted afterwards.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell raises an error that it does not announce
            by the tag "raises-exception".
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder, _own_ledger(folder):
        work = Path(folder) / path.stem
        work.mkdir()
        client = NotebookClient(
            notebook,
            timeout=_CELL_SECONDS,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(work)}},
        )
        client.execute()
    return notebook


@contextmanager
def _own_ledger(folder: str) -> Iterator[None]:
    """Count uses of test sets elsewhere: earlier builds are not trials of the reader's."""
    before = os.environ.get("CLEARSIGHT_DATA")
    os.environ["CLEARSIGHT_DATA"] = str(Path(folder) / "ledger")
    try:
        yield
    finally:
        del os.environ["CLEARSIGHT_DATA"]
        if before is not None:
            os.environ["CLEARSIGHT_DATA"] = before
