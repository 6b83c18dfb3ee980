"""`Run`: a training that has ended or was stopped, loaded from its folder."""

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from clearsight.data.arrays.checks import to_array
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.views import Views
from clearsight.display.html import or_reason, output
from clearsight.engine.accelerate import accelerate_with_notes
from clearsight.engine.optimizers.muon import Muon
from clearsight.engine.runtime.device import choose_device, on_device
from clearsight.errors import ClearsightError, RunError
from clearsight.evaluation.predictions import Predictions
from clearsight.io.argument_checks import check_switch
from clearsight.io.atomic import write_atomically
from clearsight.io.displayed_text import displayed
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.run.store.find_run import find_run
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results
from clearsight.run.store.run_markup import curve_chart, run_markup
from clearsight.training.checkpoint.checkpoint import read_newest_checkpoint
from clearsight.training.checkpoint.snapshot import rebuild_network
from clearsight.training.history import History, is_fully_trained, read_history

_PREDICT_BATCH_SIZE = 256
_BLOCK_VALUES = 32_000_000  # pixel values prepared at once: 128 MB as floats


@dataclass(frozen=True)
class Run:
    """A training that has ended or was stopped.

    Attributes:
        folder: its files.
        record: what was requested, and what it ran on.
        allow_download: whether its images may be downloaded if they are not on this machine.

    Example:
        >>> import clearsight, pathlib, tempfile
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> run = clearsight.train("digits", epochs=1, out=out, report=False, verbose=False)
        >>> images = clearsight.load_data("digits").test.images
        >>> Run.load(out).predict(images).probabilities.shape
        (359, 10)
        >>> clearsight.load(out / "bundle").predict(images).probabilities.shape
        (359, 10)
    """

    folder: RunFolder
    record: RunRecord
    allow_download: bool = False

    @classmethod
    def load(cls, path: str | Path, *, allow_download: bool = False) -> Self:
        """Load a run from its folder.

        Args:
            path: the folder, the run's name or its beginning in ``runs/``, or "latest"; see
                `find_run`.
            allow_download: whether its images may be downloaded from the source that it names, if
                they are not on this machine.

        Raises:
            RunError: when the folder holds no run, or a damaged one, or the name is ambiguous.
        """
        allow_download = check_switch(allow_download, "allow_download")
        folder = RunFolder.existing(find_run(path))
        return cls(folder, folder.read_record(), allow_download)

    def __repr__(self) -> str:
        state: str = self.record.status
        with suppress(ClearsightError):
            results = self.folder.read_results()
            state += "" if results is None else f", {results.headline}"
        request = self.record.request
        what = displayed(f"'{self.path}': {request.model} on {request.source_name}")
        return f"Run({what}, {state})"

    @or_reason
    def _repr_html_(self) -> str:
        return output(run_markup(self.folder, self.record))

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label k means ``class_names[k]``."""
        return self.record.class_names

    @property
    def preparation(self) -> Preparation:
        """How images become the network's input."""
        return self.record.preparation

    @property
    def history(self) -> History:
        """One `Epoch` for each finished epoch; ``history["val_accuracy"]`` lists one of them."""
        return read_history(self.folder.history_path)

    def plot(self, ax: Any = None) -> Any:
        """Draw accuracy and loss over the epochs.

        Args:
            ax: matplotlib axes to draw on: one for the accuracy, or two for accuracy and loss; None
                for a separate chart, which does not need matplotlib.

        Returns:
            `ax`, or a `CurveChart`, which a notebook displays and which can be saved.

        Raises:
            RunError: when no epoch is finished.
            RequestError: when `ax` is something else.
        """
        chart = curve_chart(self.folder, self.record)
        return chart if ax is None else chart.draw_on(ax)

    @property
    def how_to_finish(self) -> str:
        """What to do with an unfinished run, ending with the command or the call."""
        what = "resume it"
        with suppress(RunError):
            if is_fully_trained(self.history, self.record.request.recipe):
                what = "all its epochs are trained, and resuming it only evaluates it"
        return f"{what}: {self.folder.how_to_resume()}"

    @property
    def results(self) -> Results:
        """What the training achieved.

        Raises:
            RunError: when the run has not finished.
        """
        results = self.folder.read_results()
        if results is None:
            raise RunError(
                f"{self.path} has no results, because it has not finished; {self.how_to_finish}"
            )
        return results

    @cached_property
    def model(self) -> keras.Model:
        """The trained network, loaded in Keras's safe mode.

        An unfinished run's network comes from its last good checkpoint.

        Raises:
            RunError: when the run was stopped before it saved any weights, or the network does not
                fit its record.
            ModelError: when ``model.keras`` cannot be loaded.
        """
        model = self._load_model()
        expected = (None, *self.preparation.image_shape), (None, len(self.class_names))
        found: Any = model.input_shape, model.output_shape
        for what, wanted, shape in zip(("input", "output"), expected, found, strict=True):
            is_single = isinstance(shape, tuple) and len(shape) == len(wanted)
            if not is_single or any(b not in (None, a) for a, b in zip(wanted, shape, strict=True)):
                raise RunError(
                    f"The network of {self.path} should have the {what} shape {wanted}, as its "
                    f"run.json says, but has {shape}: restore the run from a copy."
                )
        return model

    def _load_model(self) -> keras.Model:
        if self.record.status != "finished":
            checkpoint = read_newest_checkpoint(self.folder.checkpoints_path).checkpoint
            if checkpoint is not None and not checkpoint.is_initial:
                with on_device(choose_device("auto")):
                    return rebuild_network(checkpoint)
        if not self.folder.model_path.is_file():
            raise RunError(f"{self.path} has no model.keras: it was stopped before one was saved.")
        with on_device(choose_device("auto")):
            return build_model(ModelRequest(str(self.folder.model_path)))

    def predict(self, images: np.ndarray) -> Predictions:
        """Predict the classes of images.

        Args:
            images: uint8 (N, H, W, C), 0..255, of the network's size and channels.

        Raises:
            DataError: when they have another type or shape, e.g. pixels that are scaled already.
            RunError: when the network's training diverged.
        """
        images = to_array(images, "images")
        self.preparation.check(images)  # before the network is loaded, which takes longer
        views = self.record.request.recipe.views
        probabilities = predict_probabilities(self.model, self.preparation, images, views)
        if not np.isfinite(probabilities).all():
            raise RunError(
                f"The network of {self.path} predicts values that are not finite, because its "
                "training diverged. Train again with a lower learning rate."
            )
        return Predictions.of(images, probabilities, self.class_names)


def predict_probabilities(
    model: keras.Model, preparation: Preparation, images: np.ndarray, views: Views
) -> np.ndarray:
    """Return class probabilities, float32 (N, K), for uint8 images of the network's shape.

    They are means over the views of each image, computed in float32 whatever the precision of the
    training, so that ``model.keras`` gives the same elsewhere.

    Raises:
        DataError: when the images do not have that type and shape.
    """
    preparation.check(images)
    accelerate_with_notes(model, "float32")
    options: Any = {"batch_size": _PREDICT_BATCH_SIZE, "verbose": 0}

    def predict_block(block: np.ndarray) -> np.ndarray:
        weighted_views = views.of(torch.from_numpy(preparation.apply(block)))
        parts = [weight * model.predict(view.numpy(), **options) for weight, view in weighted_views]
        return np.asarray(np.sum(parts, axis=0, dtype=np.float32))

    # Block by block: as floats, all images together might be larger than memory.
    size = max(_BLOCK_VALUES // max(math.prod(images.shape[1:]), 1), _PREDICT_BATCH_SIZE)
    starts = range(0, max(len(images), 1), size)
    return np.concatenate([predict_block(images[start : start + size]) for start in starts])


def save_finished_model(model: keras.Model, folder: RunFolder) -> None:
    """Write a ``model.keras`` that plain Keras opens, whatever optimizer trained it.

    A Keras optimizer is saved too, so that training can continue anywhere; clearsight's own, which
    plain Keras cannot load, is left out.
    """
    if isinstance(model.optimizer, Muon):
        bare = type(model).from_config(model.get_config())
        bare.set_weights(model.get_weights())
        model = bare
    save_model(model, folder)


def save_model(model: keras.Model, folder: RunFolder) -> None:
    """Write ``model.keras`` with the optimizer's state, replacing an older one atomically."""
    with write_atomically(folder.model_path) as temporary:
        model.save(temporary)
