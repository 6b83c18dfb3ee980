"""The test images that several runs have in common, and that none of them has trained on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.errors import RunError
from clearsight.option_names import for_reader, option
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import check_stored
from clearsight.run.store.split_csv import Key, image_keys, read_split
from clearsight.run.test_set.images import load_test_images
from clearsight.run.test_set.ledger import is_use_of, read_uses


@dataclass(frozen=True)
class SharedImages:
    """Test images of all runs that none of them has trained or validated on.

    Attributes:
        keys: content and class of each, in a fixed order.
        num_left_out: number of test images of some run that another has trained or validated on.
        class_names: of the first run.
    """

    keys: tuple[Key, ...]
    num_left_out: int
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def labels(self) -> np.ndarray:
        """The true labels in the order of `class_names`: int64 (N,)."""
        label_of = {name: label for label, name in enumerate(self.class_names)}
        return np.array([label_of[name] for _, name in self.keys])

    def is_correct(self, run: Run) -> np.ndarray:
        """Return whether a run predicts each image's class correctly: bool (N,)."""
        images = load_test_images(run)
        row_of = {key: row for row, key in enumerate(image_keys(images))}
        rows = np.array([row_of[key] for key in self.keys])
        return run.predict(images.images[rows]).labels == images.labels[rows]


def check_several(paths: Sequence[Path]) -> None:
    """Check that there are at least two runs to compare, and none twice.

    Raises:
        RunError: when there are fewer, or a run is given twice.
    """
    if len(paths) < 2:
        number = "one" if paths else "none"
        raise RunError(
            f"At least two runs should be compared, but {number} was given: add another."
        )
    counts = Counter(path.resolve() for path in paths)
    if twice := [path for path, count in counts.items() if count > 1]:
        raise RunError(
            f"Different runs should be compared, but {twice[0]} is given twice: leave one out."
        )


def shared_images(runs: Sequence[Run]) -> SharedImages:
    """Return the test images that two or more runs share and that none has trained on.

    Raises:
        RunError: when their classes or image sizes differ, their images are not stored or not
            evaluated yet, or they share none.
    """
    first = runs[0]
    for run in runs:
        _check_comparable(run, first)
    used = [read_split(run.folder.split_path) for run in runs]
    tested = [{row.key for row in rows if row.used_for == "test"} for rows in used]
    seen = {row.digest for rows in used for row in rows if row.used_for != "test"}
    shared = set.intersection(*tested)
    fair = {key for key in shared if key[0] not in seen}
    left_out = {key for key in set.union(*tested) if key[0] in seen}
    if not fair:
        raise RunError(
            f"The runs should share test images that none of them has trained on, but of "
            f"{len(shared):,} shared ones {len(fair):,} are left: train both on the same source, "
            f"with the same {option('image_size')} and {option('test_split')}."
        )
    return SharedImages(tuple(sorted(fair)), len(left_out), first.class_names)


def _check_comparable(run: Run, first: Run) -> None:
    check_stored(
        run,
        "Runs should be compared on their test images",
        "save them with numpy.savez (x_train, y_train, x_test, y_test) and train on that file, or "
        "evaluate each run on other images with "
        + for_reader("`clearsight evaluate RUN --data SOURCE`", "clearsight.evaluate(RUN, SOURCE)"),
    )
    if run.record.request.no_test and not _was_evaluated(run):
        raise RunError(
            f"The test images of {run.path} have not been used yet, and comparing would use them: "
            "evaluate the run first with "
            + for_reader(
                f"`clearsight evaluate {run.path}`.", f"clearsight.evaluate({str(run.path)!r})."
            )
        )
    if set(run.class_names) != set(first.class_names):
        raise RunError(
            f"Runs that are compared should have the same classes, but {first.path} has "
            f"{', '.join(first.class_names)} and {run.path} has {', '.join(run.class_names)}."
        )
    if _size(run) != _size(first):
        raise RunError(
            "Runs that are compared should take images of one size, because shared images are "
            f"identified by their pixels, but {first.path} takes {_size(first)} and {run.path} "
            f"{_size(run)}: train both with the same {option('image_size')} and "
            f"{option('channels')}."
        )


def _was_evaluated(run: Run) -> bool:
    """Return whether the ledger holds a use of the run's test images by the run."""
    test = run.record.data.get("test")
    uses = read_uses(test.sha256) if test else ()
    return any(is_use_of(use, run.path) for use in uses)


def _size(run: Run) -> str:
    preparation = run.preparation
    return f"{preparation.height}x{preparation.width}x{preparation.channels}"
