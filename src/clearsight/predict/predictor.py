"""`open_predictor`: open a bundle, a run's bundle, or a run's own network, to classify images.

Keras, torch and pydantic are loaded only for a run without a bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from clearsight.bundle.bundle import load
from clearsight.bundle.files import bundle_path, is_bundle
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import ClearsightError, RunError
from clearsight.run.store.location import is_run

if TYPE_CHECKING:
    from clearsight.run.store.run import Run


class Predictor(Protocol):
    """What classifies images: a `Bundle` or a `RunPredictor`."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class, in the order of the probabilities."""
        ...

    @property
    def preparation(self) -> Preparation:
        """How images become the network's input."""
        ...

    @property
    def batch_size(self) -> int:
        """Images per batch."""
        ...

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Map uint8 (N, H, W, C) to float32 (N, K)."""
        ...

    def apply_temperature(self, probabilities: np.ndarray) -> np.ndarray:
        """Return float32 (N, K) at the temperature fitted on validation images."""
        ...


@dataclass(frozen=True)
class RunPredictor:
    """A run's own network as a `Predictor`."""

    run: Run
    batch_size: int = 256

    @property
    def class_names(self) -> tuple[str, ...]:
        """The run's classes."""
        return self.run.class_names

    @property
    def preparation(self) -> Preparation:
        """The run's preparation."""
        return self.run.preparation

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Map uint8 (N, H, W, C) to float32 (N, K)."""
        return self.run.predict(images).probabilities

    def apply_temperature(self, probabilities: np.ndarray) -> np.ndarray:
        """Return float32 (N, K) at the run's temperature.

        Raises:
            RunError: if the run has none.
        """
        scores = self.run.folder.read_scores()
        if scores is None or scores.temperature_scaling is None:
            raise RunError(
                f"{self.run.path} should have a temperature to apply, but has none, because it "
                "fitted none on validation images: predict without it."
            )
        from clearsight.evaluation.scores.temperature import apply_temperature

        temperature = scores.temperature_scaling.temperature
        return apply_temperature(probabilities, temperature).astype("float32")


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
            return RunPredictor(run), (note,)
        try:
            exported, _ = export_run(run)
        except ClearsightError as error:
            return RunPredictor(run), (f"Predicting with the run's own network. {error}",)
        return load(exported), (f"Exported {exported}; from now on predict starts faster.",)
