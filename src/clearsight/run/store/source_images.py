"""Loading a run's images again from its source."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clearsight.data.decoding.workers import ShowProgress, silent
from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import (
    is_source_name,
    load_splits,
    must_be_downloaded,
    resolve_source,
)
from clearsight.data.sources.options import TEST_FRACTION, SourceOptions
from clearsight.data.splits.evenly_spaced import evenly_spaced
from clearsight.data.splits.splits import Splits
from clearsight.errors import RunError
from clearsight.option_names import for_reader
from clearsight.run.request import ARRAYS
from clearsight.run.store.record import RunRecord
from clearsight.run.store.split_csv import find_images, read_split

if TYPE_CHECKING:  # it loads Keras, which predicting with a bundle does without
    from clearsight.run.store.run import Run

WHOSE_CLASSES = "the run's classes"  # in messages about images with others


def check_stored(run: Run, needed: str, remedy: str) -> None:
    """Check that a run's images can be read again; the error begins and ends with these words.

    Raises:
        RunError: when they were arrays from Python.
    """
    if run.record.request.source == ARRAYS:
        raise RunError(
            f"{needed}, but {run.path} was trained on arrays from Python, which are not stored: "
            f"{remedy}."
        )


def check_download(source: str, options: SourceOptions, path: Path) -> None:
    """Check that the source named by the run in `path` needs no download.

    A run's folder may come from somebody else, and must not choose the hosts that are contacted.

    Raises:
        RunError: when it does.
    """
    if must_be_downloaded(source, options):
        resume = for_reader(
            f"add --allow-download, or to resume the run name the source: "
            f"`{shlex.join(['clearsight', 'train', source, '--resume', str(path)])}`",
            f"load it with Run.load({str(path)!r}, allow_download=True), or to resume it name the "
            f"source: clearsight.resume({str(path)!r}, data={source!r})",
        )
        raise RunError(
            f"{path} was trained on {source}, which is on the network, and a run's folder alone "
            f"never starts a download: {resume}."
        )


def load_run_splits(
    run: Run, options: SourceOptions | None = None, show_progress: ShowProgress = silent
) -> Splits:
    """Load all images of a run's source, at the size that its network takes.

    They are read with the run's own options unless others are given.

    Raises:
        DataError: when they cannot be loaded.
        RunError: when they are no longer where the run found them, or must be downloaded and may
            not be.
    """
    record = run.record
    source = record.request.source
    if not is_source_name(source) and not os.path.lexists(source):
        raise RunError(
            f"The run was trained on {source}, but nothing is there any more: move the images "
            "back, or give their new path: "
            + for_reader(
                "`clearsight train NEWPATH --resume RUN`, or `clearsight evaluate RUN --data "
                "NEWPATH`.",
                "clearsight.resume(RUN, data=NEWPATH), or clearsight.evaluate(RUN, NEWPATH).",
            )
        )
    preparation = record.preparation
    options = options or record.request.source_options
    if not run.allow_download:
        check_download(source, options, run.path)
    if options.test_split == TEST_FRACTION:  # as if left open: the source may have got test images
        options = options.model_copy(update={"test_split": None})
    splits = load_splits(source, options, show_progress)
    if (splits.train.image_shape, splits.pixel_range) == (
        preparation.image_shape,
        preparation.pixel_range,
    ):
        return splits
    # The images have changed so that another size or range would be chosen for them now.
    fitted = options.fitted_to(preparation)
    return load_splits(
        source, fitted.model_copy(update={"test_split": options.test_split}), show_progress
    )


def used_images(run: Run, splits: Splits, used_for: str, most: int | None = None) -> ImageSet:
    """Return the images that a run used, wherever in its source they are now.

    Args:
        run: the run.
        splits: its source's images, from `load_run_splits`.
        used_for: "train", "validation" or "test".
        most: return at most this many, evenly spread; None for all. Only those are read from disk.

    Raises:
        RunError: when the source no longer holds them.
        DataError: when its classes are no longer the run's.
    """
    source = run.record.request.source
    used = tuple(row for row in read_split(run.folder.split_path) if row.used_for == used_for)
    if most is not None:
        used = tuple(used[row] for row in evenly_spaced(len(used), most))
    if not used:
        raise RunError(
            f"{run.folder.split_path} should list the run's {used_for} images, but lists none: "
            "restore it from a copy."
        )
    found = find_images(used, splits)
    if found is None:
        others = (
            f", or give others with {for_reader('--data', 'source=')}" if used_for == "test" else ""
        )
        raise RunError(
            f"The {used_for} images of '{source}' should be those that {run.path} used, but some "
            f"are gone: restore them{others}."
        )
    parts = [
        splits.parts[part].take(rows).with_classes(run.class_names, WHOSE_CLASSES)
        for part, rows in found.items()
        if len(rows)
    ]
    if len(parts) == 1:
        return parts[0]
    images, labels = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "labels")
    )
    return ImageSet(images, labels, run.class_names, source)


def is_own_source(record: RunRecord, source: str) -> bool:
    """Return whether a source is the path that a run was trained on."""
    return not is_source_name(source) and resolve_source(source) == record.request.source


def options_for(record: RunRecord, source: str, options: SourceOptions) -> SourceOptions:
    """Return how to read a source: the run's own as in training, others to fit the network."""
    preparation = record.preparation
    if resolve_source(source) == record.request.source:
        own = record.request.source_options
        return own.model_copy(update={"pixel_range": preparation.pixel_range})
    return options.fitted_to(preparation)
