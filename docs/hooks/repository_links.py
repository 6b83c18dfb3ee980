"""A MkDocs hook: pages from the repository's root, and links to files that are not on the site.

Links in Markdown lead from file to file, as GitHub shows them. On the site, those to `SECURITY.md`
and the like lead to the pages made of them here, and those to source code lead to GitHub.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
SOURCE = "https://github.com/clearsight-ml/clearsight/blob/main"
ROOT_PAGES = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "project/security.md",
}
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
_CODE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are made of files in the repository's root."""
    for name, page in ROOT_PAGES.items():
        if page != "index.md":
            text = (ROOT / name).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **others: object) -> str:
    """Point each relative link at the page, or the source on GitHub, that it means."""
    del others
    site_path = page.file.src_uri
    origin = next((name for name, made in ROOT_PAGES.items() if made == site_path), None)
    if origin is None or site_path == "index.md":
        origin = f"docs/{site_path}"

    def target(found: re.Match[str]) -> str:
        anchor = found["anchor"] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found["path"]))
        if path in ROOT_PAGES:
            return _from(site_path, ROOT_PAGES[path]) + anchor
        if path.startswith("docs/") and files.get_file_from_path(path.removeprefix("docs/")):
            return _from(site_path, path.removeprefix("docs/")) + anchor
        if (ROOT / path).exists():
            return f"{SOURCE}/{path}{anchor}"
        return found[0]  # MkDocs reports it

    parts, end = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_LINK.sub(target, markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _LINK.sub(target, markdown[end:])])


def _from(page: str, path: str) -> str:
    return posixpath.relpath(path, posixpath.dirname(page) or ".")
