"""Loading a run's images again from its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearsight.data.decoding.decode import ShowProgress, silent
from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.load import load_splits, resolve_source
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.evenly_spaced import evenly_spaced
from clearsight.data.splits.splits import Splits
from clearsight.errors import RunError
from clearsight.run.store.record import RunRecord
from clearsight.run.store.split_csv import find_images, read_split

if TYPE_CHECKING:  # it loads Keras, which predicting with a bundle does without
    from clearsight.run.store.run import Run


def load_run_splits(
    record: RunRecord, options: SourceOptions | None = None, show_progress: ShowProgress = silent
) -> Splits:
    """Load all images of a run's source, at the size that its network takes.

    They are read with the run's own options unless others are given.
    """
    preparation = Preparation.from_json(record.preparation)
    shape = (preparation.height, preparation.width, preparation.channels)
    options = options or record.request.source_options
    splits = load_splits(record.request.source, options, show_progress)
    if splits.train.image_shape == shape:
        return splits
    # The images have changed so that another size would be chosen for them now.
    return load_splits(record.request.source, options.fitted_to(preparation), show_progress)


def used_images(run: Run, splits: Splits, used_for: str, most: int | None = None) -> ImageSet:
    """Return the images that a run used for training or validation.

    Args:
        run: the run.
        splits: its source's images, from `load_run_splits`.
        used_for: "train" or "validation".
        most: return at most this many, evenly spread; None for all. Only those are read from disk.

    Raises:
        RunError: when the source no longer holds them.
    """
    used = tuple(row for row in read_split(run.folder.split_path) if row.used_for == used_for)
    found = find_images(used, splits)
    if found is None:
        raise RunError(
            f"The images of '{run.record.request.source}' should be those that {run.path} used, "
            "but some are gone: restore them."
        )
    part = used[0].part
    rows = found[part]
    return splits.parts[part].take(rows if most is None else rows[evenly_spaced(len(rows), most)])


def options_for(record: RunRecord, source: str, options: SourceOptions) -> SourceOptions:
    """Return how to read a source: the run's own as in training, others to fit the network."""
    if resolve_source(source) == record.request.source:
        return record.request.source_options
    return options.fitted_to(Preparation.from_json(record.preparation))
