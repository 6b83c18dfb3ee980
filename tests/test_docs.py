"""The documentation says what the program does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import clearsight

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_command_line_reference_is_fresh() -> None:
    from make_cli_reference import PAGE, reference

    assert PAGE.read_text(encoding="utf-8") == reference(), "stale: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_file_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    absent = [link for link in links if not (page.parent / link).exists()]
    assert absent == []


def test_the_readmes_speed_table_is_what_was_measured() -> None:
    measured = (ROOT / "benchmarks" / "results" / "speed.md").read_text(encoding="utf-8")
    assert measured.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of the README, the long training on fewer epochs."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 4
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        call = 'train("fashion-mnist"'
        program = block.replace(call, f"{call}, epochs=1, train_limit=2000")
        exec(compile(program, "README.md", "exec"), {"__name__": "readme"})
    kinds = {clearsight.Run.load(path).class_names[0] for path in (tmp_path / "runs").iterdir()}
    assert kinds == {"T-shirt/top", "0"}
