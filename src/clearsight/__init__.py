"""Train Keras image classifiers and read honestly what they learned.

The public names load when they are first used, so that ``import clearsight`` is quick and loads
neither Keras nor torch. It only has an ``import keras`` that follows run on torch.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from clearsight.bundle.bundle import Bundle, load
    from clearsight.data.image_set import ImageSet
    from clearsight.data.preparation.read_images import read_images
    from clearsight.data.sources.load import load_data
    from clearsight.data.splits.splits import Splits
    from clearsight.engine.accelerate import accelerate
    from clearsight.errors import ClearsightError, FitError, TrainingInterrupted
    from clearsight.models.api import trace
    from clearsight.models.fit_check.check_fit import check_fit
    from clearsight.run.api import resume, train
    from clearsight.run.compare import compare
    from clearsight.run.exercises.api import exercise
    from clearsight.run.request import TrainRequest
    from clearsight.run.seeds.runs import SeedRuns
    from clearsight.run.store.run import Run
    from clearsight.run.test_set.evaluation import evaluate
    from clearsight.training.recipe import Recipe

_HOMES = {
    "Bundle": "clearsight.bundle.bundle",
    "ClearsightError": "clearsight.errors",
    "FitError": "clearsight.errors",
    "ImageSet": "clearsight.data.image_set",
    "Recipe": "clearsight.training.recipe",
    "Run": "clearsight.run.store.run",
    "SeedRuns": "clearsight.run.seeds.runs",
    "Splits": "clearsight.data.splits.splits",
    "TrainRequest": "clearsight.run.request",
    "TrainingInterrupted": "clearsight.errors",
    "accelerate": "clearsight.engine.accelerate",
    "check_fit": "clearsight.models.fit_check.check_fit",
    "compare": "clearsight.run.compare",
    "evaluate": "clearsight.run.test_set.evaluation",
    "exercise": "clearsight.run.exercises.api",
    "load": "clearsight.bundle.bundle",
    "load_data": "clearsight.data.sources.load",
    "read_images": "clearsight.data.preparation.read_images",
    "resume": "clearsight.run.api",
    "trace": "clearsight.models.api",
    "train": "clearsight.run.api",
}

__all__ = [
    "Bundle",
    "ClearsightError",
    "FitError",
    "ImageSet",
    "Recipe",
    "Run",
    "SeedRuns",
    "Splits",
    "TrainRequest",
    "TrainingInterrupted",
    "__version__",
    "accelerate",
    "check_fit",
    "compare",
    "evaluate",
    "exercise",
    "load",
    "load_data",
    "read_images",
    "resume",
    "trace",
    "train",
]


def _choose_keras_backend() -> None:
    """Have Keras run on torch in this process, unless it is loaded or the user chose a backend."""
    if "keras" not in sys.modules and not os.environ.get("KERAS_BACKEND"):
        os.environ["KERAS_BACKEND"] = "torch"


_choose_keras_backend()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'clearsight' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
