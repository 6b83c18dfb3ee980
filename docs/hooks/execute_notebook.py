"""Run a notebook in a kernel of its own, for the site and for the tests."""

from __future__ import annotations

import os
import sys
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
    with tempfile.TemporaryDirectory() as folder, _environment(folder):
        work = Path(folder) / path.stem
        work.mkdir()
        client = NotebookClient(
            notebook,
            timeout=_CELL_SECONDS,
            kernel_name="python3",
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(work)}},
        )
        client.execute()
    shown = nbformat.writes(notebook).replace(folder, "/home/you")
    return nbformat.reads(shown, as_version=4)


@contextmanager
def _environment(folder: str) -> Iterator[None]:
    """Let cells run this Python's commands, and count uses of test sets elsewhere.

    Earlier builds are no trials of the reader's. Commands animate nothing on a dumb terminal.
    """
    commands = str(Path(sys.executable).parent)
    changed = {
        "COLUMNS": "96",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "CLEARSIGHT_DATA": str(Path(folder) / "ledger"),
        "PATH": os.pathsep.join([commands, os.environ.get("PATH", "")]),
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
