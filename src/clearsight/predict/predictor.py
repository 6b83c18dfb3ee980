"""`open_predictor`: open a bundle, a run's bundle, or a run's own network, to classify images.

Keras, torch and pydantic are loaded only for a run without a bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clearsight.bundle.bundle import Bundle, load
from clearsight.bundle.files import bundle_path, is_bundle
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import ClearsightError, RunError
from clearsight.evaluation.scores.temperature import apply_temperature
from clearsight.run.store.location import is_run

if TYPE_CHECKING:
    from clearsight.run.store.run import Run

ArrayFunction = Callable[[np.ndarray], np.ndarray]
_BATCH_SIZE = 256  # of a run's own network


@dataclass(frozen=True)
class RunPredictor:
    """What classifies images with a run's own network, as a bundle does.

    Attributes:
        class_names: the name of each class, in the order of the probabilities.
        preparation: how images become the network's input.
        batch_size: images per batch.
        probabilities: maps uint8 (N, H, W, C) to float32 (N, K).
        apply_temperature: maps probabilities to those at the temperature fitted on validation
            images, float32 (N, K); raises RunError if there is none.
    """

    class_names: tuple[str, ...]
    preparation: Preparation
    batch_size: int
    probabilities: ArrayFunction
    apply_temperature: ArrayFunction


Predictor = Bundle | RunPredictor


def run_predictor(run: Run) -> RunPredictor:
    """Predict with a run's own network."""

    def probabilities(images: np.ndarray) -> np.ndarray:
        return run.predict(images).probabilities

    def at_temperature(values: np.ndarray) -> np.ndarray:
        scores = run.folder.read_scores()
        if scores is None or scores.temperature_scaling is None:
            raise RunError(
                f"{run.path} should have a temperature to apply, but has none, because it fitted "
                "none on validation images: predict without it."
            )
        return apply_temperature(values, scores.temperature_scaling.temperature).astype("float32")

    return RunPredictor(
        run.class_names, run.preparation, _BATCH_SIZE, probabilities, at_temperature
    )


def open_predictor(
    path: Path, loading_keras: Callable[[], AbstractContextManager[None]]
) -> tuple[Predictor, tuple[str, ...]]:
    """Open a bundle or a run; a bundle is made for a finished run that has none.

    Args:
        path: the bundle or the run's folder.
        loading_keras: a context in which Keras is loaded, entered only if it is needed.

    Returns:
        The predictor, and notes for the user.

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
            return run_predictor(run), (note,)
        try:
            exported, _ = export_run(run)
        except ClearsightError as error:
            return run_predictor(run), (f"Predicting with the run's own network. {error}",)
        return load(exported), (f"Exported {exported}; from now on predict starts faster.",)
