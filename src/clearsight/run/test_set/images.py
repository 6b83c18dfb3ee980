"""Which images a run is measured on, and how images of any source are read for its network."""

from __future__ import annotations

import numpy as np

from clearsight.data.decoding.decode import ShowProgress, silent
from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.load import is_source_name, load_splits, resolve_source
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, RunError
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.record import RunRecord
from clearsight.run.store.split_csv import found_again, read_split

_WHOSE = "the run's classes"


def measured_images(
    record: RunRecord, folder: RunFolder, source: str | None, options: SourceOptions | None
) -> ImageSet:
    """Load the images to measure a run on.

    Args:
        record: of the run.
        folder: of the run.
        source: a source's name or path: its test images, or all where it has none, without those
            that the run has trained on; None, or the run's own path, takes the run's own test
            images, wherever in their source they lie now.
        options: how another source's images are to be read.

    Raises:
        DataError: when there are none, or their classes are not the run's.
        RunError: when the run was trained on arrays, or its images no longer exist.
    """
    if source is not None and not is_own_source(record, source):
        splits = load_splits(source, fitting_options(record, options))
        images = splits.test if splits.test is not None else splits.train
        return _unseen(images, folder).with_classes(record.class_names, _WHOSE)
    if record.request.source == "arrays":
        raise RunError(f"{folder.path} was trained on arrays from Python: name images with --data.")
    if record.data.get("test") is None:
        raise DataError(f"'{record.request.source}' has no test images to measure on.")
    as_read = record.request.source_options
    if options is not None and options.allow_bad:
        as_read = as_read.model_copy(update={"allow_bad": True})
    splits = own_splits(record, as_read)
    test = tuple(used for used in read_split(folder.split_path) if used.used_for == "test")
    found = found_again(test, splits)
    if found is None:
        raise RunError(
            f"The test images of '{record.request.source}' are no longer those that "
            f"{folder.path} was "
            "measured on: bring them back, or name others with --data."
        )
    parts = [splits.parts[part].take(indices) for part, indices in found.items() if len(indices)]
    if len(parts) == 1:
        return parts[0].with_classes(record.class_names, _WHOSE)
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate(
        [part.with_classes(record.class_names, _WHOSE).labels for part in parts]
    )
    return ImageSet(images, labels, record.class_names, record.request.source)


def is_own_source(record: RunRecord, source: str | None) -> bool:
    """Tell whether a source stands for the run's own test images: None, or the run's own path."""
    return source is None or (
        not is_source_name(source) and resolve_source(source) == record.request.source
    )


def _unseen(images: ImageSet, folder: RunFolder) -> ImageSet:
    """Leave out images that the run has trained or validated on: a score of them is no score.

    Raises:
        DataError: when no others are left.
    """
    seen = {row.digest for row in read_split(folder.split_path) if row.used_for != "test"}
    is_new = np.array([row.tobytes().hex() not in seen for row in images.digests])
    if is_new.all():
        return images
    if not is_new.any():
        raise DataError(
            f"There should be images in {images.provenance} that {folder.path} has not trained "
            f"on, but it has seen all {len(images):,}: name others with --data."
        )
    return images.take(np.flatnonzero(is_new))


def own_splits(
    record: RunRecord, options: SourceOptions | None = None, show_progress: ShowProgress = silent
) -> Splits:
    """Load all images of a run's own source, at the size that its network takes.

    Args:
        record: of the run.
        options: how they are to be read; None for as they were.
        show_progress: shows how far the decoding of images is.
    """
    preparation = Preparation.from_json(record.preparation)
    shape = (preparation.height, preparation.width, preparation.channels)
    options = options or record.request.source_options
    splits = load_splits(record.request.source, options, show_progress)
    if splits.train.image_shape == shape:
        return splits
    # The images have changed so that another size would be chosen for them now.
    return load_splits(record.request.source, fitting_options(record, options), show_progress)


def fitting_options(record: RunRecord, options: SourceOptions | None = None) -> SourceOptions:
    """Return options that bring the images of any source to a run's network.

    Args:
        record: of the run.
        options: how the source is to be read otherwise.
    """
    preparation = Preparation.from_json(record.preparation)
    return (options or SourceOptions()).fitted_to(preparation)


def options_for(record: RunRecord, source: str, options: SourceOptions) -> SourceOptions:
    """Return how to read a source: the run's own as it was read, others to fit the network."""
    if resolve_source(source) == record.request.source:
        return record.request.source_options
    return fitting_options(record, options)
