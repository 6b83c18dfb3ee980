"""A MkDocs hook: each notebook in docs/notebooks/ becomes a page with the outputs of a real run.

Notebooks are stored without outputs. One is run when the site is built, and again only when it or
the package has changed.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
from execute_notebook import execute

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "notebooks"
CACHE = ROOT / "build" / "notebooks"
_LINK_TO_FILE = re.compile(r'<a [^>]*href="(?!https?:|#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HTML: dict[str, list[str]] = {}  # by page: what Markdown must not touch


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and its images; the notebook itself stays, to download."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = _executed(path)
        page = f"notebooks/{path.stem}.md"
        _HTML[page] = []
        images: dict[str, bytes] = {}
        text = markdown(notebook, path.stem, _HTML[page], images)
        files.append(File.generated(config, page, content=text))
        for name, content in images.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def on_page_content(html: str, *, page: Page, **others: object) -> str:
    """Put the HTML that cells have displayed where Markdown has a placeholder for it."""
    del others
    for number, output in enumerate(_HTML.get(page.file.src_uri, [])):
        html = html.replace(f"<p>{_placeholder(number)}</p>", output)
    return html


def markdown(
    notebook: nbformat.NotebookNode, name: str, html: list[str], images: dict[str, bytes]
) -> str:
    """Return a notebook as Markdown.

    Args:
        notebook: with its outputs.
        name: what its images are called after.
        html: where HTML outputs are put, in the order of their placeholders.
        images: where PNG outputs are put, by file name.
    """
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            parts.append(_shown(output, name, html, images))
    first, *others = [part for part in parts if part]
    download = f"This page is a notebook with the outputs of a run: [download it]({name}.ipynb)."
    return "\n\n".join([first, download, *others])


def _shown(
    output: nbformat.NotebookNode, name: str, html: list[str], images: dict[str, bytes]
) -> str:
    if output.output_type == "stream":
        return _text(output.text)
    if output.output_type == "error":
        return _text(f"{output.ename}: {output.evalue}")
    data = output.data
    for media_type in ("text/html", "image/svg+xml"):
        if media_type in data:
            # The files of a run that links lead to are not on the site.
            unlinked = _LINK_TO_FILE.sub(r"\1", data[media_type])
            html.append(f'<div class="cell-output">{unlinked}</div>')
            return _placeholder(len(html) - 1)
    if "image/png" in data:
        file = f"{name}-{len(images) + 1}.png"
        images[file] = base64.b64decode(data["image/png"])
        return f"![What the cell above displays]({file})"
    return _text(data.get("text/plain", ""))


def _text(text: str) -> str:
    """Return a block of what a terminal would show in the end: the last of overwritten lines."""
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in _ANSI.sub("", text).splitlines()]
    shown = "\n".join(lines).strip("\n")
    return f"``` {{.text .cell-text}}\n{shown}\n```" if shown.strip() else ""


def _placeholder(number: int) -> str:
    return f"CELL-OUTPUT-{number}"


def _executed(path: Path) -> nbformat.NotebookNode:
    sources = sorted((ROOT / "src").rglob("*.py"))
    digest = hashlib.sha256(path.read_bytes())
    for source in sources:
        digest.update(source.read_bytes())
    cached = CACHE / f"{path.stem}-{digest.hexdigest()[:16]}.ipynb"
    if not cached.exists():
        notebook = execute(path)
        CACHE.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, cached)
    return nbformat.read(cached, as_version=4)
