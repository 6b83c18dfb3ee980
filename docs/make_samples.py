"""Write the sample output in README.md and docs/ again, from real runs; `make samples` runs it.

A sample is a `console` block after the comment `<!-- sample -->`: each line that begins with "$ "
is run, in one empty folder for all pages, and what it prints follows it. The comment may name the
part that is shown, as `<!-- sample: from "WORDS" to "WORDS" -->`: the lines from the first that
begins with some words to the next that begins with others, both inclusive.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
CURVES = ROOT / "docs" / "curves.png"
_SAMPLE = re.compile(
    r"<!-- sample(?:: from \"(?P<first>[^\"]+)\"(?: to \"(?P<last>[^\"]+)\")?)? -->\n"
    r"```console\n(?P<block>.*?)```\n",
    re.DOTALL,
)
_COLUMNS = 96


@dataclass(frozen=True)
class Sample:
    """A block of commands with their output.

    Attributes:
        page: the file that it is in.
        block: its lines.
        first: the words that the first line shown begins with; None shows all.
        last: likewise the last.
    """

    page: Path
    block: str
    first: str | None
    last: str | None

    @property
    def commands(self) -> list[str]:
        """What is typed."""
        return [line[2:] for line in self.block.splitlines() if line.startswith("$ ")]

    def fresh_block(self, folder: Path) -> str:
        """Run the commands and return the block with what they print now."""
        lines = []
        for command in self.commands:
            shown = self._shown(output_of(command, folder))
            lines += [f"$ {command}", *(part for line in shown for part in _wrapped(line))]
        return "\n".join([*lines, ""])

    def _shown(self, output: str) -> list[str]:
        lines = output.rstrip("\n").splitlines()
        if self.first is None:
            return lines
        start = _line(lines, self.first, 0)
        stop = len(lines) if self.last is None else _line(lines, self.last, start) + 1
        return lines[start:stop]


def samples(page: Path) -> Iterator[Sample]:
    """Iterate over the samples of a page."""
    for found in _SAMPLE.finditer(page.read_text(encoding="utf-8")):
        yield Sample(page, found["block"], found["first"], found["last"])


def pages() -> list[Path]:
    """Return the pages that may have samples."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def output_of(command: str, folder: Path) -> str:
    """Return what a command prints on standard output; each command runs once."""
    environment = {
        **os.environ,
        "COLUMNS": str(_COLUMNS),
        "NO_COLOR": "1",
        # Earlier runs on this machine are no trials of the reader's.
        "CLEARSIGHT_DATA": str(folder / "ledger"),
    }
    environment.pop("OMP_NUM_THREADS", None)  # with which tests train: sums are rounded otherwise
    program = [Path(sys.executable).with_name("clearsight"), *shlex.split(command)[1:]]
    done = subprocess.run(
        program,
        cwd=folder,
        env=environment,
        capture_output=True,  # on standard error it says what it is doing, if that takes long
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        output = f"{done.stdout}{done.stderr}"
        raise SystemExit(f"`{command}` ended with {done.returncode}:\n{output}")
    return done.stdout


def _wrapped(line: str) -> list[str]:
    """Break a long line as a terminal of that width does, between words."""
    return textwrap.wrap(line, _COLUMNS, break_long_words=False, break_on_hyphens=False) or [""]


def _line(lines: list[str], words: str, start: int) -> int:
    for number in range(start, len(lines)):
        if lines[number].startswith(words):
            return number
    raise SystemExit(f"no line of the output begins with '{words}':\n" + "\n".join(lines))


def main() -> None:
    """Write the samples of all pages, or of the given ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="by default all")
    chosen = [page.resolve() for page in parser.parse_args().pages] or pages()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for page in chosen:
            text = page.read_text(encoding="utf-8")
            for sample in samples(page):
                text = text.replace(sample.block, sample.fresh_block(folder))
            page.write_text(text, encoding="utf-8")
        for curves in folder.glob("runs/*fashion-mnist_lesson/curves.png"):
            shutil.copy(curves, CURVES)


if __name__ == "__main__":
    main()
