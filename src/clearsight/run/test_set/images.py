"""The images that a run is evaluated on."""

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from clearsight.option_names import for_reader
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import (
    WHOSE_CLASSES,
    check_stored,
    load_run_splits,
    used_images,
)
from clearsight.run.store.split_csv import image_keys, read_split


def load_other_images(
    run: Run, source: str, options: SourceOptions
) -> tuple[ImageSet, tuple[str, ...]]:
    """Load another source's images to evaluate a run on.

    They are its test images, or if it has none all, without those that the run has trained on.

    Returns:
        The images, and sentences about what was left out and how they were read.

    Raises:
        DataError: when there are none, or their classes are not the run's.
    """
    splits = load_splits(source, options.fitted_to(run.preparation))
    images = splits.train if splits.test is None else splits.test
    unseen = _unseen(images, run)
    notes = list(splits.load_report.sentences)
    if splits.test is not None:
        notes.append(f"Only the {len(images):,} test images of {source} are used.")
    if len(unseen) < len(images):
        num_seen = len(images) - len(unseen)
        notes.append(f"{num_seen:,} images on which the run was trained are left out.")
    if splits.pixel_range is not None and run.preparation.pixel_range is None:
        notes.append(
            f"The network was trained on 8-bit images, and these have values from "
            f"{splits.pixel_range}: the scores may not be comparable."
        )
    return unseen.with_classes(run.class_names, WHOSE_CLASSES), tuple(notes)


def load_test_images(run: Run, options: SourceOptions | None = None) -> ImageSet:
    """Load a run's own test images, wherever in its source they are now.

    Args:
        run: the run.
        options: whether more images may be bad than in training (`allow_bad`).

    Raises:
        DataError: when there are none, or their classes are not the run's.
        RunError: when the run was trained on arrays, or its images no longer exist.
    """
    check_stored(
        run,
        "A run's own test images should be read again",
        f"give others with {for_reader('--data', 'source=')}",
    )
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
            f"but it has used all {len(images):,}: give others with "
            f"{for_reader('--data', 'source=')}."
        )
    return images.take(np.flatnonzero(is_new))
