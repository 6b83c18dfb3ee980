"""The images that a run is evaluated on."""

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import is_source_name, load_splits, resolve_source
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, RunError
from clearsight.run.store.record import RunRecord
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import load_run_splits
from clearsight.run.store.split_csv import find_images, read_split

_WHOSE = "the run's classes"


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
    record, own = run.record, run.record.request
    if source is not None and not is_own_source(record, source):
        splits = load_splits(source, (options or SourceOptions()).fitted_to(run.preparation))
        images = splits.test if splits.test is not None else splits.train
        return _unseen(images, run).with_classes(record.class_names, _WHOSE)
    if own.source == "arrays":
        raise RunError(f"{run.path} was trained on arrays from Python: give images with --data.")
    if record.data.get("test") is None:
        raise DataError(f"'{own.source}' has no test images to evaluate on.")
    as_trained = own.source_options
    allow_bad = as_trained.allow_bad or (options is not None and options.allow_bad)
    splits = load_run_splits(record, as_trained.model_copy(update={"allow_bad": allow_bad}))
    test = tuple(used for used in read_split(run.folder.split_path) if used.used_for == "test")
    found = find_images(test, splits)
    if found is None:
        raise RunError(
            f"The test images of '{own.source}' should be those that {run.path} was evaluated on, "
            "but some are gone: restore them, or give others with --data."
        )
    parts = [
        splits.parts[part].take(indices).with_classes(record.class_names, _WHOSE)
        for part, indices in found.items()
        if len(indices)
    ]
    if len(parts) == 1:
        return parts[0]
    return ImageSet(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        record.class_names,
        own.source,
    )


def is_own_source(record: RunRecord, source: str | None) -> bool:
    """Return whether a source is the run's own: None, or the path that the run was trained on."""
    return source is None or (
        not is_source_name(source) and resolve_source(source) == record.request.source
    )


def _unseen(images: ImageSet, run: Run) -> ImageSet:
    """Leave out images that the run has trained or validated on.

    Raises:
        DataError: when no others are left.
    """
    seen = {row.digest for row in read_split(run.folder.split_path) if row.used_for != "test"}
    is_new = np.array([row.tobytes().hex() not in seen for row in images.digests])
    if is_new.all():
        return images
    if not is_new.any():
        raise DataError(
            f"There should be images in {images.provenance} that {run.path} has not trained on, "
            f"but it has used all {len(images):,}: give others with --data."
        )
    return images.take(np.flatnonzero(is_new))
