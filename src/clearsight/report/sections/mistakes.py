"""The sections of the confusion matrix and of the galleries of mistakes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.display.thumbnail import thumbnail
from clearsight.evaluation.mistakes import Mistakes
from clearsight.report.rendering import percent

_MAX_CLASSES = 20  # in the matrix
_MAX_IMAGES = 12  # in a gallery
_MAX_PAIRS, _MAX_IMAGES_OF_PAIR = 4, 6  # galleries of confused pairs
_MAX_LISTED_PAIRS = 10  # in the table
_MAX_GROUPS = 20
_DEEPEST = 55  # percentage of colour in a cell, so that its number stays legible


@dataclass(frozen=True, eq=False)
class EvaluatedImages:
    """Images with a network's predictions and its mistakes.

    Attributes:
        class_names: K names.
        labels: integers (N,).
        probabilities: float (N, K).
        mistakes: found in these predictions.
        images: the images themselves; None if they no longer exist.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    mistakes: Mistakes
    images: ImageSet | None


def confusion_section(evaluated: EvaluatedImages) -> dict[str, Any]:
    """Return the matrix, of the most confused classes if there are many, pairs and groups."""
    mistakes, names = evaluated.mistakes, evaluated.class_names
    confusion = mistakes.confusion
    wrong = confusion - np.diag(np.diag(confusion))
    num_wrong = wrong.sum(axis=0) + wrong.sum(axis=1)
    shown = np.sort(np.argsort(-num_wrong, kind="stable")[:_MAX_CLASSES]).tolist()
    most_wrong = max(int(wrong.max()), 1)
    totals = confusion.sum(axis=1).tolist()
    return {
        "names": [names[label] for label in shown],
        "rows": [
            {
                "name": names[label],
                "cells": [
                    _cell(
                        int(confusion[label, predicted]),
                        totals[label] if label == predicted else most_wrong,
                        is_correct=label == predicted,
                    )
                    for predicted in shown
                ],
                "total": totals[label],
            }
            for label in shown
        ],
        "num_left_out": len(names) - len(shown),
        "totals": totals,
        "pairs": mistakes.pairs[:_MAX_LISTED_PAIRS],
        "groups": mistakes.by_group[:_MAX_GROUPS],
        "num_groups_left_out": max(len(mistakes.by_group) - _MAX_GROUPS, 0),
    }


def _cell(count: int, most: int, *, is_correct: bool) -> dict[str, Any]:
    """Return a cell, coloured by its count relative to `most`."""
    depth = round(min(_DEEPEST * count / max(most, 1), _DEEPEST))
    return {"count": count, "kind": "correct" if is_correct else "wrong", "depth": depth}


def gallery_section(evaluated: EvaluatedImages) -> list[dict[str, Any]]:
    """Return galleries of mistakes, confused pairs, possible label errors and uncertain images.

    There are none without images.
    """
    mistakes, names = evaluated.mistakes, evaluated.class_names
    if evaluated.images is None:
        return []
    galleries = [
        (
            "Most confident mistakes",
            "Classified incorrectly with the highest confidence. What these images have in common "
            "is what the network has not learned.",
            mistakes.wrong[:_MAX_IMAGES],
        ),
        *(
            (
                f"{names[pair.label]} predicted as {names[pair.predicted]} ({pair.count:,} images)",
                "",
                pair.indices[:_MAX_IMAGES_OF_PAIR],
            )
            for pair in mistakes.pairs[:_MAX_PAIRS]
            if pair.count > 1
        ),
        (
            "Possible label errors",
            "The network disagrees with these labels so confidently that the labels may be wrong. "
            "Check before you correct them: every score here is computed on the test images.",
            mistakes.suspects[:_MAX_IMAGES],
        ),
        (
            "Least certain",
            "The two most probable classes are closest together, whether the prediction is correct "
            "or not.",
            mistakes.least_certain[:_MAX_IMAGES],
        ),
    ]
    return [
        {"title": title, "sentence": sentence, "images": _images(evaluated, indices.tolist())}
        for title, sentence, indices in galleries
        if len(indices)
    ]


def _images(evaluated: EvaluatedImages, indices: Iterable[int]) -> list[dict[str, Any]]:
    """Return images with their labels and predictions."""
    assert evaluated.images is not None  # a gallery without images is never asked for
    rows = []
    for index in indices:
        probabilities, label = evaluated.probabilities[index], int(evaluated.labels[index])
        predicted = int(probabilities.argmax())
        row = {
            "label": evaluated.class_names[label],
            "predicted": evaluated.class_names[predicted],
            "confidence": percent(float(probabilities[predicted])),
            "is_correct": predicted == label,
            "name": evaluated.images.name_of(index),
        }
        alt = "{name}: true {label}, predicted {predicted}, confidence {confidence}".format(**row)
        rows.append({**row, "image": thumbnail(evaluated.images.images[index], alt)})
    return rows
