"""``predictions.csv``: the predictions for a run's test images."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.errors import RunError
from clearsight.evaluation.predictions import Predictions
from clearsight.run.store.files import open_csv, write_csv

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


def read_predictions(path: Path) -> PredictedImages:
    """Read what `write_predictions` wrote.

    Raises:
        RunError: when the file is missing or has another form.
    """
    try:
        with open_csv(path) as file:
            rows = csv.reader(file)
            header = next(rows)
            if tuple(header[: len(_FIRST)]) != _FIRST:
                raise ValueError("other columns")
            classes = tuple(column.removeprefix(_PROBABILITY) for column in header[len(_FIRST) :])
            label_of = {name: label for label, name in enumerate(classes)}
            found = [(row[1], label_of[row[2]], row[len(_FIRST) :]) for row in rows]
        probabilities = np.array([values for *_, values in found], dtype=np.float32)
    except (OSError, StopIteration, ValueError, KeyError, IndexError) as error:
        raise RunError(
            f"{path} should hold a run's predictions, with the columns {', '.join(_FIRST)} and one "
            f"per class, but cannot be read: {error}."
        ) from error
    return PredictedImages(
        tuple(name for name, *_ in found),
        np.array([label for _, label, _ in found], dtype=np.int64),
        Predictions(probabilities.reshape(len(found), len(classes)), classes),
    )
