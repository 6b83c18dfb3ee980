"""The test images that runs share and none has seen, and which of them a run names rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearsight.errors import RunError
from clearsight.run.store.run import Run
from clearsight.run.store.split_csv import UsedImage, read_split
from clearsight.run.test_set.images import measured_images
from clearsight.run.test_set.ledger import read_looks

Key = tuple[str, str]  # an image's content and class


@dataclass(frozen=True)
class SharedImages:
    """Test images of all runs that none of them has trained or validated on.

    Attributes:
        keys: content and class of each, in a fixed order.
        num_left_out: how many test images of some run another has trained or validated on.
        class_names: of the first run.
    """

    keys: tuple[Key, ...]
    num_left_out: int
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def labels(self) -> np.ndarray:
        """The true classes in the order of `class_names`: int64 (N,)."""
        label_of = {name: label for label, name in enumerate(self.class_names)}
        return np.array([label_of[name] for _, name in self.keys])

    def named_rightly(self, run: Run) -> np.ndarray:
        """Tell for each image whether a run's network names it rightly: bool (N,)."""
        images = measured_images(run.record, run.folder, None, None)
        wanted, digests = set(self.keys), [row.tobytes().hex() for row in images.digests]
        names = [images.class_names[label] for label in images.labels]
        row_of = {
            key: row for row, key in enumerate(zip(digests, names, strict=True)) if key in wanted
        }
        rows = np.array([row_of[key] for key in self.keys])
        return run.predict(images.images[rows]).labels == images.labels[rows]


def shared_images(runs: Sequence[Run]) -> SharedImages:
    """Find the images that are test images of all runs and were seen by none.

    Raises:
        RunError: when the runs' classes or image sizes differ, their images are not kept or
            still sealed, or they share none.
    """
    first = runs[0]
    for run in runs:
        if run.record.request.source == "arrays":
            raise RunError(
                f"{run.path} was trained on arrays from Python, which are not kept, so that its "
                "test images cannot be compared again: save them with numpy.savez (x_train, "
                "y_train, x_test, y_test) and train on that file, or measure each run on other "
                "images with `clearsight evaluate RUN --data SOURCE`."
            )
        if run.record.request.no_test and not _was_opened(run):
            raise RunError(
                f"The test images of {run.path} are sealed, and comparing would open them: open "
                f"them first with `clearsight evaluate {run.path}`."
            )
        if set(run.class_names) != set(first.class_names):
            raise RunError(
                f"Runs that are compared should have the same classes, but {first.path} has "
                f"{', '.join(first.class_names)} and {run.path} has {', '.join(run.class_names)}."
            )
        if _size(run) != _size(first):
            raise RunError(
                f"Runs that are compared should take images of one size, because shared images "
                f"are known by their pixels, but {first.path} takes {_size(first)} and {run.path} "
                f"{_size(run)}: train both with the same --image-size and --channels."
            )
    used = [read_split(run.folder.split_path) for run in runs]
    tested = [{_key(row) for row in rows if row.used_for == "test"} for rows in used]
    seen = {row.digest for rows in used for row in rows if row.used_for != "test"}
    shared = set.intersection(*tested)
    fair = {key for key in shared if key[0] not in seen}
    left_out = {key for key in set.union(*tested) if key[0] in seen}
    if not fair:
        raise RunError(
            f"The runs should share test images that none of them has trained on, but of "
            f"{len(shared):,} shared ones {len(fair):,} are left: train both on the same source, "
            "with the same --image-size and --test-split."
        )
    return SharedImages(tuple(sorted(fair)), len(left_out), first.class_names)


def _was_opened(run: Run) -> bool:
    """Tell whether the ledger knows of a look at a sealed run's test images."""
    test = run.record.data.get("test")
    looks = read_looks(test["sha256"]) if test else ()
    return any(look.run == str(run.path.resolve()) for look in looks)


def _size(run: Run) -> str:
    preparation = run.preparation
    return f"{preparation.height}x{preparation.width}x{preparation.channels}"


def _key(row: UsedImage) -> Key:
    return row.digest, row.class_name
