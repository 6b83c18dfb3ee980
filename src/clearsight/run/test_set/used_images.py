"""The images that a run has trained or validated on, found again in its source."""

from __future__ import annotations

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.evenly_spaced import evenly_spaced
from clearsight.data.splits.splits import Splits
from clearsight.errors import RunError
from clearsight.run.store.run import Run
from clearsight.run.store.split_csv import found_again, read_split


def used_images(run: Run, splits: Splits, used_for: str, most: int | None = None) -> ImageSet:
    """Find the images that a run used for one purpose; all lie in one part of its source.

    Args:
        run: it.
        splits: its source's images, from `own_splits`.
        used_for: "train", "validation" or "test".
        most: take at most so many, spread over all; None for all. Those that are not taken are not
            read from a set that lies on disk.

    Raises:
        RunError: when the source no longer holds them.
    """
    used = tuple(row for row in read_split(run.folder.split_path) if row.used_for == used_for)
    found = found_again(used, splits)
    if found is None:
        raise RunError(
            f"The images of '{run.record.request.source}' are no longer those that "
            f"{run.path} used: "
            "bring them back."
        )
    part = used[0].part
    rows = found[part]
    return splits.parts[part].take(rows if most is None else rows[evenly_spaced(len(rows), most)])
