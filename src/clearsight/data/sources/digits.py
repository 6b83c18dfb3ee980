"""scikit-learn's real 8x8 scans of handwritten digits: the source that needs no download."""

from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.stratified import stratified_split
from clearsight.errors import DataError, needs_extra
from clearsight.option_names import option

TEST_FRACTION = 0.2
_MAX_VALUE = 16  # the scans count ink in 4x4 blocks, so values run from 0 to 16


def locate(data_dir: Path | None = None) -> str | None:
    """Return where the scans are: "inside scikit-learn", or None if it is not installed."""
    import importlib.util

    del data_dir
    found = importlib.util.find_spec("sklearn") is not None
    return "inside scikit-learn" if found else None


def load(data_dir: Path | None = None) -> Splits:
    """Load the 1,797 scans: 1,438 training and 359 test images, the same in every run.

    Images are uint8 (N, 8, 8, 1), 0..255, light ink on a dark background.

    Raises:
        DataError: when a folder is given.
        MissingExtraError: when scikit-learn is not installed.
    """
    if data_dir is not None:
        raise DataError(
            f"The source 'digits' is part of scikit-learn and takes no {option('data_dir')}."
        )
    with needs_extra("The source 'digits'", "report"):
        from sklearn.datasets import load_digits
    scans: Any = load_digits()
    images = np.rint(scans.images * (255 / _MAX_VALUE)).astype(np.uint8)[..., None]
    everything = ImageSet(
        images, scans.target, tuple("0123456789"), provenance="scikit-learn's digits"
    )
    train, test = stratified_split(everything.labels, TEST_FRACTION, seed=0)
    return Splits(everything.take(train), everything.take(test))
