"""What names images for a path: a bundle, a run's bundle, or the run's own network.

Nothing here loads Keras, torch or pydantic unless the path leaves no other way.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.bundle.bundle import load
from clearsight.bundle.files import bundle_path, is_bundle
from clearsight.errors import ClearsightError, RunError
from clearsight.predict.predict import Predictor
from clearsight.run.store.location import is_run

if TYPE_CHECKING:
    import numpy as np

    from clearsight.data.preparation.preparation import Preparation
    from clearsight.data.sources.options import SourceOptions
    from clearsight.run.store.run import Run

KerasStarted = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class RunPredictor:
    """A run's own network as a `Predictor`.

    Attributes:
        run: it.
        batch_size: how many images go through the network at once.
    """

    run: Run
    batch_size: int = 256

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label k means ``class_names[k]``."""
        return self.run.class_names

    @property
    def preparation(self) -> Preparation:
        """How images become the network's input."""
        return self.run.preparation

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Map uint8 (N, H, W, C) to float32 (N, K)."""
        return self.run.predict(images).probabilities

    def tempered(self, probabilities: np.ndarray) -> np.ndarray:
        """Apply the temperature that was fitted when the run was measured.

        Raises:
            RunError: when none was.
        """
        measures = self.run.folder.read_scores()
        if measures is None or measures.temperature_scaling is None:
            raise RunError(
                f"A temperature should be applied, but {self.run.path} has fitted none: leave it "
                "out."
            )
        from clearsight.evaluation.scores.temperature import apply_temperature

        temperature = measures.temperature_scaling.temperature
        return apply_temperature(probabilities, temperature).astype("float32")


def predictor_for(path: Path, keras_started: KerasStarted) -> tuple[Predictor, tuple[str, ...]]:
    """Open what names images.

    Args:
        path: a bundle or a run's folder. A finished run without a bundle is given one.
        keras_started: starts Keras, where it is needed.

    Returns:
        It, and sentences that the user should read.

    Raises:
        BundleError: when a bundle is damaged.
        RunError: when there is neither a bundle nor a run.
    """
    if is_bundle(path):
        return load(path), ()
    place = bundle_path(path)
    if is_run(path) and is_bundle(place):
        return load(place), ()
    with keras_started():
        from clearsight.run.export.bundle import export_run
        from clearsight.run.store.run import Run

        run = Run.load(path)
        if run.record.status != "finished":
            note = f"{path} has not finished: its network as it was saved last names the images."
            return RunPredictor(run), (note,)
        try:
            made, _ = export_run(run)
        except ClearsightError as error:
            return RunPredictor(run), (f"The run's own network names the images. {error}",)
        return load(made), (f"{made} was made: from now on this starts at once.",)


def reading_options(
    path: Path, preparation: Preparation, options: SourceOptions
) -> tuple[SourceOptions, Callable[[str], SourceOptions] | None]:
    """Say how sources are read: all to fit the network, the run's own as it read them.

    Args:
        path: the bundle or run.
        preparation: of the network.
        options: how sources are to be read otherwise.

    Returns:
        How a source is read, and how that of a selection is; None where the latter is no other.
    """
    fitting = options.fitted_to(preparation)
    if not is_run(path):
        return fitting, None
    from clearsight.run.store.folder import RunFolder
    from clearsight.run.store.source_images import options_for

    record = RunFolder(path).read_record()
    return fitting, lambda source: options_for(record, source, options)
