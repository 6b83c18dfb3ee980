"""The documentation says what the program does."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import clearsight

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path[:0] = [str(DOCS), str(DOCS / "hooks")]
README = ROOT / "README.md"
PAGES = [README, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md"))]
PAGES += sorted(DOCS.rglob("*.md"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
SLOW = "<!-- test: slow -->"


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)


def test_the_command_line_reference_is_fresh() -> None:
    from make_cli_reference import PAGE, reference

    assert PAGE.read_text(encoding="utf-8") == reference(), "stale: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_linked_file_is_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    absent = [link for link in links if not (page.parent / link).exists()]
    assert absent == []


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) <= 150
    first_screen = text.splitlines()[:30]
    assert any(line.startswith("pip install") for line in first_screen)
    assert sum(line.startswith("clearsight ") and "#" in line for line in first_screen) == 3
    unlinked = [
        page_name(page)
        for page in PAGES
        if page != README and page_name(page) not in text and "reference/python" not in str(page)
    ]
    assert unlinked == ["docs/index.md"]


def test_speed_tables_are_what_was_measured() -> None:
    measured = (ROOT / "benchmarks" / "results" / "speed.md").read_text("utf-8").strip()
    assert measured in (DOCS / "explanation" / "benchmarks.md").read_text("utf-8")
    rows = re.findall(
        r"^\| ([^|]+) \| ([\d.]+) \| ([\d.]+x)? ?\|$", README.read_text("utf-8"), re.M
    )
    assert len(rows) == 6
    for program, seconds, ratio in rows:
        row = rf"^\|.*\| {program} +\| {seconds} \(.*\) s +\| +{ratio} *\|"
        assert re.search(row, measured, re.M), f"{program} is not {seconds} s in the long table"


def test_the_table_of_networks_is_what_was_measured() -> None:
    measured = ROOT / "benchmarks" / "results" / "networks.md"
    page = (DOCS / "explanation" / "benchmarks.md").read_text("utf-8")
    (table,) = re.findall(r"<!-- networks -->\n(.*)<!-- end of networks -->", page, re.S)
    assert table.strip() == (measured.read_text("utf-8").strip() if measured.exists() else "")


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of the README, the long training on fewer epochs."""
    blocks = python_blocks(README)
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        call = 'train("fashion-mnist"'
        run_program(block.replace(call, f"{call}, epochs=1, train_limit=2000"), README, {})
    (path,) = (tmp_path / "runs").iterdir()
    assert clearsight.Run.load(path).class_names[0] == "T-shirt/top"


def pages_with_python() -> Iterator[Any]:
    for page in PAGES:
        if page != README and python_blocks(page):
            marks = [pytest.mark.slow] if SLOW in page.read_text("utf-8") else []
            yield pytest.param(page, marks=marks, id=page_name(page))


@pytest.mark.parametrize("page", list(pages_with_python()))
def test_a_pages_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page, one after another, as a reader types them."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in python_blocks(page):
        run_program(block, page, namespace)
    assert set(namespace) - {"__name__", "__builtins__"}, "the page's blocks have defined names"


def run_program(program: str, page: Path, namespace: dict[str, Any]) -> None:
    namespace["__name__"] = "documentation"
    exec(compile(program, page_name(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_exists_with_its_options(page: Path) -> None:
    for command in shell_commands(page):
        assert_accepted(shlex.split(command, comments=True)[1:], command)


def shell_commands(page: Path) -> list[str]:
    """Return the lines of shell blocks, and the complete commands in the text, of clearsight."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"```(?:sh|console)?\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += [" ".join(code.split()) for code in re.findall(r"`(clearsight [^`]+)`", prose)]
    return [line for line in lines if re.match(r"clearsight [a-z]", line)]


def assert_accepted(words: list[str], command: str) -> None:
    """Parse as the command line does, without looking at what the words lead to."""
    from clearsight.cli.main import app

    found: click.Command = app
    while isinstance(found, click.Group) and words:
        context = click.Context(found)
        known = found.get_command(context, words[0])
        assert known is not None, f"`{command}`: there is no command '{words[0]}'"
        found, words = known, words[1:]
    try:
        found.make_parser(click.Context(found)).parse_args(words)
    except click.UsageError as error:
        raise AssertionError(f"`{command}`: {error.format_message()}") from error


@pytest.mark.slow
def test_sample_output_comes_from_a_run(tmp_path: Path) -> None:
    """Numbers depend on the processor and the time, so they are not compared."""
    from make_samples import pages, samples

    count = 0
    for page in pages():
        for sample in samples(page):
            now = words_without_numbers(sample.fresh_block(tmp_path))
            assert words_without_numbers(sample.block) == now, f"{page}: run `make samples`"
            count += 1
    assert count >= 4


def words_without_numbers(text: str) -> list[str]:
    return re.sub(r"\d[\d.,:_-]*", "#", text).split()


def test_the_python_reference_has_every_public_name() -> None:
    text = (DOCS / "reference" / "python.md").read_text("utf-8")
    documented = set(re.findall(r"^::: clearsight\.(\w+)$", text, re.M))
    assert documented == set(clearsight.__all__) - {"__version__"}


def test_the_reference_has_every_file_of_a_run(digits_run: Path) -> None:
    text = (DOCS / "reference" / "files.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `([^`]+)` \|", text, re.M))
    written = {path.name + "/" * path.is_dir() for path in digits_run.iterdir()}
    hidden = {name for name in written if name.startswith(".")}
    assert written - hidden - listed == set()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    assert path.stat().st_size < 20_000
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    from execute_notebook import execute

    printed = json.dumps(execute(path))
    assert "command not found" not in printed
    assert {"lesson": "[9 2 1 1 6]", "own-images": "95% interval"}[path.stem] in printed


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path, browser: Any) -> None:
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = browser.new_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    for html in sorted(site.rglob("*.html")):
        page.goto(html.as_uri())
    page.close()
    assert len(requested) > 100
    assert [url for url in requested if not url.startswith(("file:", "data:", "blob:"))] == []
