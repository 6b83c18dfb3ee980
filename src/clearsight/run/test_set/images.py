"""The images that a run is evaluated on."""

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import (
    WHOSE_CLASSES,
    check_stored,
    is_own_source,
    load_run_splits,
    used_images,
)
from clearsight.run.store.split_csv import image_keys, read_split


def load_test_images(
    run: Run, source: str | None = None, options: SourceOptions | None = None
) -> ImageSet:
    """Load the images to evaluate a run on.

    Args:
        run: the run.
        source: name or path of a source: its test images, or all if it has none, without those
            that the run has trained on. None, or the path of the run's source, for the run's own
            test images, wherever in their source they are now.
        options: how another source's images are read.

    Raises:
        DataError: when there are none, or their classes are not the run's.
        RunError: when the run was trained on arrays, or its images no longer exist.
    """
    if source is not None and not is_own_source(run.record, source):
        splits = load_splits(source, (options or SourceOptions()).fitted_to(run.preparation))
        images = splits.test if splits.test is not None else splits.train
        return _unseen(images, run).with_classes(run.class_names, WHOSE_CLASSES)
    check_stored(run, "A run's own test images should be read again", "give others with --data")
    own = run.record.request
    if run.record.data.get("test") is None:
        raise DataError(f"'{own.source}' has no test images to evaluate on.")
    allow_bad = own.source_options.allow_bad or (options is not None and options.allow_bad)
    as_trained = own.source_options.model_copy(update={"allow_bad": allow_bad})
    return used_images(run, load_run_splits(run, as_trained), "test")


def _unseen(images: ImageSet, run: Run) -> ImageSet:
    """Leave out images that the run has trained or validated on.

    Raises:
        DataError: when no others are left.
    """
    seen = {row.digest for row in read_split(run.folder.split_path) if row.used_for != "test"}
    is_new = np.array([digest not in seen for digest, _ in image_keys(images)])
    if is_new.all():
        return images
    if not is_new.any():
        raise DataError(
            f"There should be images in {images.provenance} that {run.path} has not trained on, "
            f"but it has used all {len(images):,}: give others with --data."
        )
    return images.take(np.flatnonzero(is_new))
