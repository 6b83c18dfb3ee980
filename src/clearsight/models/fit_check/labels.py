"""Mistakes in the labels that a loss gets."""

from __future__ import annotations

import numpy as np

from clearsight.data.arrays.checks import is_one_hot, label_range_mistakes
from clearsight.models.fit_check.known_loss import KnownLoss
from clearsight.models.fit_check.sample import Sample

_SUM_TOLERANCE = 1e-3


def label_mistakes(loss: KnownLoss, num_outputs: int, y: Sample) -> list[str]:
    """Return what is wrong with the labels of a network whose outputs are (N, num_outputs).

    Args:
        loss: that the network is compiled with.
        num_outputs: units of the last layer.
        y: labels.
    """
    mistake = _shape_mistake(loss, num_outputs, y)
    if mistake:
        return [mistake]
    if y.rows is None or not y.rows.size:
        return []
    if not y.is_finite:
        return [f"{y.name} should hold finite numbers, but holds NaN or infinity."]
    if loss.targets == "integers":
        return _integer_mistakes(loss, num_outputs, y.rows, y.name)
    if loss.targets == "one-hot" and not np.allclose(y.rows.sum(-1), 1, atol=_SUM_TOLERANCE):
        return ["Each row of one-hot labels should sum to 1, but some do not."]
    low, high = y.lowest_and_highest or (0.0, 0.0)
    if loss.targets == "fractions" and (low < 0 or high > 1):
        return [
            f"The loss {loss.name} expects labels between 0 and 1, but {y.name} runs from {low:g} "
            f"to {high:g}: number two classes 0 and 1; for more classes use "
            "sparse_categorical_crossentropy and one output unit per class."
        ]
    return []


def _shape_mistake(loss: KnownLoss, num_outputs: int, y: Sample) -> str:
    """Return a sentence about the shape of labels, "" if it is right."""
    has_one_number = len(y.shape) == 1 or y.shape[1:] == (1,)
    begins = f"The loss {loss.name} expects"
    if loss.targets in ("integers", "one-hot") and num_outputs == 1:
        return (
            f"{begins} one output unit per class, but the network ends in one unit: end with "
            "Dense(K, activation='softmax') for K classes, or use binary_crossentropy and "
            "Dense(1, activation='sigmoid') for two."
        )
    if loss.targets == "integers":
        if y.rows is not None and is_one_hot(y.rows):
            return (
                f"{begins} one integer per image, but {y.name} is one-hot with shape {y.shape}: "
                f"use {y.name}.argmax(axis=1), or the loss categorical_crossentropy."
            )
        return (
            ""
            if has_one_number
            else f"{begins} labels of shape (N,), but {y.name} has shape {y.shape}."
        )
    if has_one_number == (num_outputs == 1) and y.shape[1:] in ((), (num_outputs,)):
        return ""
    if loss.targets == "one-hot":
        if has_one_number:
            return (
                f"{begins} one-hot labels of shape (N, {num_outputs}), but {y.name} has shape "
                f"{y.shape}: use keras.utils.to_categorical({y.name}, {num_outputs}), or the loss "
                "sparse_categorical_crossentropy."
            )
        return (
            f"One-hot labels should have {num_outputs} columns, one per unit of the last layer, "
            f"but {y.name} has shape {y.shape}."
        )
    fix = (
        "for one of several classes per image use the loss sparse_categorical_crossentropy"
        if has_one_number
        else "end the network with as many units"
    )
    return (
        f"{begins} a number for each of the network's {num_outputs} outputs, so {y.name} of shape "
        f"(N, {num_outputs}), but {y.name} has shape {y.shape}: {fix}."
    )


def _integer_mistakes(loss: KnownLoss, num_classes: int, rows: np.ndarray, name: str) -> list[str]:
    if (rows != np.round(rows)).any():
        return [f"The loss {loss.name} expects whole numbers as labels, but {name} has fractions."]
    if loss.ignored is not None:
        rows = rows[rows != loss.ignored]
    fix = (
        f"the network ends in {num_classes} units, one per class; end it in more, or number the "
        f"classes from 0 with class_names, {name} = np.unique({name}, return_inverse=True)"
    )
    return label_range_mistakes(rows, num_classes, fix, name)
