"""The types of the options of `train`, `resume` and `exercise`.

Written by docs/make_option_types.py from the fields that define the options; a test compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from clearsight.data.sources.keywords import SourceKeywords

if TYPE_CHECKING:
    from clearsight.models.backend import keras
    from clearsight.training.recipe import Recipe


class TrainKeywords(SourceKeywords, total=False):
    """Options of `train`."""

    model: str | Path | keras.Model | Callable[..., keras.Model] | None
    r"""The network; by default the recipe's."""

    model_arguments: Mapping[str, Any]
    r"""An option of the model, e.g. strides=2; may be repeated."""

    recipe: str | Recipe | None
    r"""How to train; by default the source's own."""

    recipe_arguments: Mapping[str, Any]
    r"""An option of the recipe, e.g. patience=3; may be repeated."""

    epochs: int | None
    r"""Number of passes over the training set."""

    batch_size: int | None
    r"""Images per batch."""

    learning_rate: float | None
    r"""Learning rate."""

    validation_split: float | None
    r"""Fraction of the training images held out for validation."""

    train_limit: int | None
    r"""Use only the first N training images."""

    test_limit: int | None
    r"""Use only the first N test images."""

    seed: int
    r"""Random seed for initial weights and shuffling."""

    engine: Literal["clearsight", "keras"]
    r"""What runs the training steps; keras is slow, for comparison."""

    precision: Literal["auto", "float64", "float32", "bfloat16"]
    r"""Numeric precision."""

    device: Literal["auto", "cpu", "cuda"]
    r"""Device."""

    out: str | Path | None
    r"""Folder of the run, which must be new; by default in runs/."""

    checkpoint_minutes: float
    r"""Minutes between checkpoints; one is always saved when an epoch ends."""

    no_test: bool
    r"""Do not evaluate on the test set yet; `clearsight evaluate RUN` does it later."""

    report: bool
    r"""If False: do not write report.html."""

    bundle: bool
    r"""If False: do not write bundle/, which predicts without Keras or torch."""


class ResumeKeywords(TypedDict, total=False):
    """Options of `resume`."""

    epochs: int | None
    r"""Number of passes over the training set."""

    batch_size: int | None
    r"""Images per batch."""

    learning_rate: float | None
    r"""Learning rate."""

    checkpoint_minutes: float
    r"""Minutes between checkpoints; one is always saved when an epoch ends."""

    no_test: bool
    r"""Do not evaluate on the test set yet; `clearsight evaluate RUN` does it later."""

    report: bool
    r"""If False: do not write report.html."""

    bundle: bool
    r"""If False: do not write bundle/, which predicts without Keras or torch."""

    data_dir: str | Path | None
    r"""Folder with the files of a named source."""


class TrialKeywords(TypedDict, total=False):
    """Options of `exercise`."""

    seeds: int
    r"""third-block: runs of each network; 0 for none."""

    epochs: int | None
    r"""third-block: number of epochs."""

    train_limit: int | None
    r"""third-block: use only the first N training images."""

    out: str | Path | None
    r"""third-block: a new folder for the runs."""
