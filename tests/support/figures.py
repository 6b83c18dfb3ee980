"""Figures that tests measure and pytest prints at the end of its output."""

from __future__ import annotations

from collections.abc import Callable

ReportFigure = Callable[[str], None]
