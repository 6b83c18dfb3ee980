"""Cells run in a real Jupyter kernel."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient


class ExecutedCell:
    """A cell that was run, with its outputs as a notebook stores them.

    Attributes:
        outputs: nbformat's.
        messages: how many messages of each type the kernel sent for it.
    """

    def __init__(self, outputs: list[Any], messages: Counter[str]) -> None:
        self.outputs = outputs
        self.messages = messages

    @property
    def types(self) -> list[str]:
        """The types of the outputs, in order."""
        return [output.output_type for output in self.outputs]

    def html(self, index: int = 0) -> str:
        """The HTML of an output."""
        return self.outputs[index].data["text/html"]

    def text(self, index: int = 0) -> str:
        """The plain text of an output, or a stream's."""
        output = self.outputs[index]
        return output.text if output.output_type == "stream" else output.data["text/plain"]


def run_cells(folder: Path, *cells: str) -> list[ExecutedCell]:
    """Run cells, which may raise nothing, in a kernel that is started in a folder."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    sent: dict[int, Counter[str]] = {index: Counter() for index in range(len(cells))}

    class Client(NotebookClient):
        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            sent[cell_index][msg["msg_type"]] += 1
            return super().process_message(msg, cell, cell_index)

    client = Client(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=dict(os.environ))
    return [ExecutedCell(cell.outputs, sent[i]) for i, cell in enumerate(notebook.cells)]
