"""`open_predictor`: open a bundle, a run's bundle, or a run's own network, to classify images.

Keras, torch and pydantic are loaded only for a run without a bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.bundle.bundle import Bundle, load
from clearsight.bundle.files import bundle_path, is_bundle
from clearsight.errors import ClearsightError
from clearsight.run.store.location import is_run

if TYPE_CHECKING:
    from clearsight.run.store.run import Run


def run_as_bundle(run: Run) -> Bundle:
    """Return a run's own network as an open bundle, of which nothing is written."""
    from clearsight.run.export.bundle import describe_bundle

    return Bundle(
        run.path, describe_bundle(run, "keras"), lambda images: run.predict(images).probabilities
    )


def open_predictor(
    path: Path, loading_keras: Callable[[], AbstractContextManager[object]]
) -> tuple[Bundle, tuple[str, ...]]:
    """Open a bundle or a run; a bundle is made for a finished run that has none.

    Args:
        path: the bundle or the run's folder.
        loading_keras: a context in which Keras is loaded, entered only if it is needed.

    Returns:
        The open bundle, and notes for the user.

    Raises:
        BundleError: if a bundle is damaged.
        RunError: if there is neither a bundle nor a run.
    """
    if is_bundle(path):
        return load(path), ()
    in_run = bundle_path(path)
    if is_run(path) and is_bundle(in_run):
        return load(in_run), ()
    with loading_keras():
        from clearsight.run.export.bundle import export_run
        from clearsight.run.store.run import Run

        run = Run.load(path)
        if run.record.status != "finished":
            note = f"{path} is not finished: predicting with its last saved network."
            return run_as_bundle(run), (note,)
        try:
            with run.folder.writing():
                exported, _ = export_run(run)
        except ClearsightError as error:
            return run_as_bundle(run), (f"Predicting with the run's own network. {error}",)
        return load(exported), (f"Exported {exported}; from now on predict starts faster.",)
