"""``predictions.csv``: the predictions for a run's test images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.errors import RunError
from clearsight.evaluation.predictions import Predictions
from clearsight.io.csv_file import write_csv
from clearsight.io.csv_rows import read_rows
from clearsight.run.store.files import open_csv

_FIRST = ("index", "name", "truth", "prediction", "correct")
_PROBABILITY = "probability_"  # followed by the class's name


@dataclass(frozen=True, eq=False)
class PredictedImages:
    """The contents of ``predictions.csv``, in the order of the test images.

    Attributes:
        names: of the images in their source, or "".
        labels: int64 (N,), the true labels.
        predictions: of all images.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    predictions: Predictions


def write_predictions(images: ImageSet, probabilities: np.ndarray, path: Path) -> None:
    """Write a row for each image: index, name, truth, prediction, and each class's probability.

    Args:
        images: the test images.
        probabilities: float32 (N, K); written with enough digits to be read back exactly.
        path: of ``predictions.csv``.
    """
    classes = images.class_names
    names = images.names or ("",) * len(images)
    predicted = probabilities.argmax(axis=1).tolist()
    row_format = ",".join(["%.9g"] * len(classes))
    rows = (
        (index, name, classes[truth], classes[label], int(truth == label),
         *(row_format % tuple(row)).split(","))
        for index, (name, truth, label, row) in enumerate(
            zip(names, images.labels.tolist(), predicted, probabilities.tolist(), strict=True)
        )
    )  # fmt: skip
    write_csv((*_FIRST, *(f"{_PROBABILITY}{name}" for name in classes)), rows, path)


def read_predictions(path: Path, class_names: tuple[str, ...]) -> PredictedImages:
    """Read what `write_predictions` wrote for images with these classes.

    Raises:
        RunError: when the file is missing or has another form.
    """
    columns = (*_FIRST, *(f"{_PROBABILITY}{name}" for name in class_names))
    label_of = {name: label for label, name in enumerate(class_names)}
    try:
        with open_csv(path) as file:
            rows = read_rows(file)
            if tuple(next(rows)) != columns:
                raise ValueError("it has other columns")
            found = []
            for number, row in enumerate(rows, 1):
                if len(row) != len(columns) or row[2] not in label_of:
                    raise ValueError(f"row {number} is not that of an image")
                found.append((row[1], label_of[row[2]], np.array(row[len(_FIRST) :], np.float32)))
    except (OSError, StopIteration, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error) or "it is empty"
        raise RunError(
            f"{path} should hold a run's predictions, with the columns {', '.join(_FIRST)} and one "
            f"per class, but cannot be read: {reason}."
        ) from error
    if not found:
        raise RunError(f"{path} should hold the predictions for at least one image, but is empty.")
    return PredictedImages(
        tuple(name for name, *_ in found),
        np.array([label for _, label, _ in found], dtype=np.int64),
        Predictions(np.stack([probabilities for *_, probabilities in found]), class_names),
    )
