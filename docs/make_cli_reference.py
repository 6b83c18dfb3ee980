"""Write docs/cli.md from the command line's own help; `make docs` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("cli.md")
COMMANDS = (
    (),
    ("train",),
    ("trace",),
    ("data", "list"),
    ("data", "show"),
    ("data", "check"),
    ("evaluate",),
    ("predict",),
    ("export",),
    ("report",),
    ("serve",),
    ("compare",),
    ("exercise",),
    ("runs",),
    ("runs", "prune"),
)


def reference() -> str:
    """Return the page: each command's help as the terminal shows it, 100 columns wide."""
    program = Path(sys.executable).with_name("clearsight")
    sections = ["# The command line\n\nMade by `make docs` from `--help`; do not edit by hand.\n"]
    for command in COMMANDS:
        done = subprocess.run(
            [program, *command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100"},
        )
        title = " ".join(("clearsight", *command))
        sections.append(f"## {title}\n\n```\n{done.stdout.strip()}\n```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
