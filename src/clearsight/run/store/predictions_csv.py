"""``predictions.csv``: what a run says of each of its test images."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.errors import RunError
from clearsight.evaluation.predictions import Predictions
from clearsight.io.atomic import write_atomically

_FIRST = ("index", "name", "truth", "prediction", "correct")
_PROBABILITY = "probability_"  # and the class's name


@dataclass(frozen=True, eq=False)
class PredictedImages:
    """What ``predictions.csv`` holds, in the order of the test images.

    Attributes:
        names: what the source calls each image, or "".
        labels: int64 (N,), the truth.
        predictions: of each image.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    predictions: Predictions


def write_predictions(images: ImageSet, probabilities: np.ndarray, path: Path) -> None:
    """Write a row for each image: number, name, truth, prediction, and each class's probability.

    Args:
        images: the test images.
        probabilities: float32 (N, K); they are written so that the same come back.
        path: of ``predictions.csv``.
    """
    kinds = images.class_names
    names = images.names or ("",) * len(images)
    predicted = probabilities.argmax(axis=1).tolist()
    form = ",".join(["%.9g"] * len(kinds))
    with write_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:  # fmt: skip  # noqa: E501
        writer = csv.writer(file)
        writer.writerow((*_FIRST, *(f"{_PROBABILITY}{kind}" for kind in kinds)))
        writer.writerows(
            (index, name, kinds[truth], kinds[called], int(truth == called),
             *(form % tuple(row)).split(","))
            for index, (name, truth, called, row) in enumerate(
                zip(names, images.labels.tolist(), predicted, probabilities.tolist(), strict=True)
            )
        )  # fmt: skip


def read_predictions(path: Path) -> PredictedImages:
    """Read what `write_predictions` wrote.

    Raises:
        RunError: when the file is absent or not of that form.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = csv.reader(file)
            header = next(rows)
            if tuple(header[: len(_FIRST)]) != _FIRST:
                raise ValueError("other columns")
            kinds = tuple(column.removeprefix(_PROBABILITY) for column in header[len(_FIRST) :])
            label_of = {kind: label for label, kind in enumerate(kinds)}
            found = [(row[1], label_of[row[2]], row[len(_FIRST) :]) for row in rows]
        probabilities = np.array([values for *_, values in found], dtype=np.float32)
    except (OSError, StopIteration, ValueError, KeyError, IndexError) as error:
        raise RunError(
            f"{path} should say what a run predicts, with the columns {', '.join(_FIRST)} and one "
            f"a class, but cannot be read so: {error}."
        ) from error
    return PredictedImages(
        tuple(name for name, *_ in found),
        np.array([label for _, label, _ in found], dtype=np.int64),
        Predictions(probabilities.reshape(len(found), len(kinds)), kinds),
    )
