"""``clearsight export --to-web``: a run's bundle as a page for browsers."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import print_json

if TYPE_CHECKING:
    from rich.console import Console

_PORT = 8000


def export_page(
    path: Path, folder: Path, runtime_from: Path | None, precision: str, console: Console | None
) -> None:
    """Make a page and say how to open it.

    Args:
        path: a run's folder, or a bundle.
        folder: where the page goes.
        runtime_from: see `write_web_folder`.
        precision: of the bundle that is taken, "float32" or "int8".
        console: where words go; None prints JSON.
    """
    from clearsight.bundle.web.web_folder import write_web_folder

    bundle = _bundle_of(path, precision, console)
    size_bytes = write_web_folder(bundle, folder, runtime_from)
    python = "python" if os.name == "nt" else "python3"
    serve = shlex.join(
        [python, "-m", "http.server", "--directory", str(folder), "--bind", "127.0.0.1", str(_PORT)]
    )
    url = f"http://127.0.0.1:{_PORT}/"
    values: dict[str, Any] = {
        "bundle": str(bundle),
        "page": str(folder),
        "size_bytes": size_bytes,
        "serve": serve,
        "url": url,
    }
    if console is None:
        print_json(values)
        return
    console.print(f"page: {folder} ({size_bytes / 1e6:.1f} MB)")
    console.print("Any web server shows it. On this machine:")
    console.print(f"  {serve}", soft_wrap=True)
    console.print(f"and open {url}")


def _bundle_of(path: Path, precision: str, console: Console | None) -> Path:
    """Return a run's bundle, made now where a run in single precision has none yet."""
    from clearsight.bundle.files import bundle_path, find_bundle, is_bundle

    is_there = is_bundle(path) or is_bundle(bundle_path(path, precision=precision))
    if is_there or precision != "float32" or not os.path.isfile(path / "run.json"):
        return find_bundle(path, precision=precision)
    from clearsight.cli.output import console_for

    with loading_keras(console or console_for(as_json=True)):
        from clearsight.run.export.bundle import export_run
        from clearsight.run.store.run import Run

        place, _ = export_run(Run.load(path))
    return place
