"""What the network said of its test images: the confusion matrix and the mistakes in images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.evaluation.mistakes import Mistakes
from clearsight.report.numbers import interval_in_percent, percent
from clearsight.report.thumbnail import thumbnail

_MOST_CLASSES = 20  # in the matrix
_MOST_SHOWN = 12  # images of one kind
_MOST_PAIRS, _OF_A_PAIR = 4, 6
_MOST_LISTED = 10  # pairs in the table
_MOST_GROUPS = 20
_DEEPEST = 55  # per cent of colour in a cell, so that its number stays legible


@dataclass(frozen=True, eq=False)
class Judged:
    """Images, what the network said of them, and what of that is wrong.

    Attributes:
        class_names: K names.
        labels: integers (N,), the truth.
        probabilities: float (N, K).
        mistakes: in these.
        images: the images themselves; None where they are gone.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    mistakes: Mistakes
    images: ImageSet | None


def confusion_section(judged: Judged) -> dict[str, Any]:
    """Return the matrix, of the classes with most mistakes where there are many, and the pairs."""
    mistakes, names = judged.mistakes, judged.class_names
    confusion = mistakes.confusion
    wrong = confusion - np.diag(np.diag(confusion))
    involved = wrong.sum(axis=0) + wrong.sum(axis=1)
    shown = np.sort(np.argsort(-involved, kind="stable")[:_MOST_CLASSES])
    most_wrong = max(int(wrong.max()), 1)
    rows = []
    for truth in shown.tolist():
        total = int(confusion[truth].sum())
        cells = [_cell(confusion, truth, taken, (total, most_wrong)) for taken in shown.tolist()]
        rows.append({"name": names[truth], "cells": cells, "total": total})
    return {
        "names": [names[label] for label in shown.tolist()],
        "rows": rows,
        "num_left_out": len(names) - len(shown),
        "pairs": [
            {
                "truth": names[pair.truth],
                "predicted": names[pair.predicted],
                "count": pair.count,
                "share": percent(pair.count / max(int(confusion[pair.truth].sum()), 1)),
            }
            for pair in mistakes.pairs[:_MOST_LISTED]
        ],
        "groups": [
            {
                "name": score.group,
                "count": score.num_images,
                "accuracy": percent(score.accuracy),
                "interval": interval_in_percent(score.interval),
            }
            for score in mistakes.by_group[:_MOST_GROUPS]
        ],
        "num_groups_left_out": max(len(mistakes.by_group) - _MOST_GROUPS, 0),
    }


def _cell(confusion: np.ndarray, truth: int, taken: int, most: tuple[int, int]) -> dict[str, Any]:
    """Colour right cells by their share of the class, wrong ones by the largest wrong cell."""
    count = int(confusion[truth, taken])
    is_right = truth == taken
    depth = _DEEPEST * count / max(most[0] if is_right else most[1], 1)
    kind = "right" if is_right else "wrong"
    return {"count": count, "kind": kind, "depth": round(min(depth, _DEEPEST))}


def gallery_section(judged: Judged) -> list[dict[str, Any]]:
    """Return the galleries: surest mistakes, confused pairs, suspected labels, least certain.

    Without images there are none.
    """
    mistakes, names = judged.mistakes, judged.class_names
    if judged.images is None:
        return []
    galleries = [
        _gallery(
            judged,
            "Surest mistakes",
            "Named wrongly with the highest confidence. What they have in common is what the "
            "network has not understood.",
            mistakes.wrong[:_MOST_SHOWN],
        )
    ]
    for pair in mistakes.pairs[:_MOST_PAIRS]:
        if pair.count > 1:
            galleries.append(
                _gallery(
                    judged,
                    f"{names[pair.truth]} taken for {names[pair.predicted]}: {pair.count:,}",
                    "",
                    pair.indices[:_OF_A_PAIR],
                )
            )
    galleries.append(
        _gallery(
            judged,
            "Labels that may be wrong",
            "Here the network disagrees so surely that the label itself may be wrong. Look before "
            "you correct: the test images are what everything is measured on.",
            mistakes.suspects[:_MOST_SHOWN],
        )
    )
    galleries.append(
        _gallery(
            judged,
            "Least certain",
            "The two likeliest classes lie closest together, whether the named one is right or "
            "wrong.",
            mistakes.least_certain[:_MOST_SHOWN],
        )
    )
    return [gallery for gallery in galleries if gallery["images"]]


def _gallery(judged: Judged, title: str, sentence: str, indices: Iterable[int]) -> dict[str, Any]:
    assert judged.images is not None  # settled by whoever asks for a gallery
    shown = [_shown(judged, judged.images, int(index)) for index in indices]
    return {"title": title, "sentence": sentence, "images": shown}


def _shown(judged: Judged, images: ImageSet, index: int) -> dict[str, Any]:
    """Return one image with what it is and what the network said."""
    row, label = judged.probabilities[index], int(judged.labels[index])
    predicted = int(row.argmax())
    truth = judged.class_names[label]
    said, confidence = judged.class_names[predicted], percent(float(row[predicted]))
    return {
        "image": thumbnail(
            images.images[index],
            f"{images.name_of(index)}: truth {truth}, predicted {said}, confidence {confidence}",
        ),
        "truth": truth,
        "predicted": said,
        "confidence": confidence,
        "is_right": predicted == label,
        "name": images.name_of(index),
    }
