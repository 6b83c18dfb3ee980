"""Outputs of a notebook in a real browser: readable on any ground, and no wider than the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import clearsight
from clearsight.evaluation.predictions import Predictions
from clearsight.run.store.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Notebooks set the colours of text and ground on an element around the output, and nothing else.
THEMES = {
    "JupyterLab light": ("rgba(0, 0, 0, 0.87)", "#fff"),
    "JupyterLab dark": ("rgba(255, 255, 255, 0.87)", "#111"),
    "VS Code dark": ("#ccc", "#1f1f1f"),
    "Colab dark": ("#d5d5d5", "#383838"),
}
# What JupyterLab's own style sheet does to lists and tables.
NOTEBOOK_STYLE = """
.jp-RenderedHTMLCommon { font-size: 14px }
.jp-RenderedHTMLCommon table { table-layout: fixed; margin: 0 auto; font-size: 12px }
.jp-RenderedHTMLCommon:not(.jp-RenderedMarkdown) td { text-align: right; max-width: none }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: #f5f5f5 }
.jp-RenderedHTMLCommon ul:not(.list-inline) { padding-left: 2em }
"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("theme", THEMES)
def test_outputs_are_readable_in_every_theme(
    digits_run_of_two_epochs: Path, browser: Browser, theme: str, width: int
) -> None:
    run = Run.load(digits_run_of_two_epochs)
    _, test = clearsight.load_data("digits")
    images = test.images[:5]
    names = tuple(f"a class with a long name, number {k}" for k in range(10))
    predictions = Predictions.of(images, np.eye(10, dtype=np.float32)[:5], names)
    results = (run, run.history, predictions, clearsight.trace("lesson"))
    outputs = "".join(result._repr_html_() for result in results)
    ink, paper = THEMES[theme]
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.set_content(
        f'<!doctype html><html lang="en"><title>Notebook</title><style>{NOTEBOOK_STYLE}</style>'
        f'<body style="background: {paper}"><main class="jp-RenderedHTMLCommon" '
        f'style="color: {ink}"><h1>Notebook</h1><h2>Cells</h2><h3>Cell</h3>{outputs}</main></body>'
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()
