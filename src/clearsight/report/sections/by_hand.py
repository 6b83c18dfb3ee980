"""The numbers of the section that works a network's layers out by hand, for its script."""

from typing import Any

import numpy as np

from clearsight.evaluation.saliency.hands_on import SlidingWindow
from clearsight.evaluation.saliency.saliency import Saliency
from clearsight.evaluation.saliency.worked_layers import SoftmaxExample

_MAX_CLASSES = 10


def hands_on_numbers(saliency: Saliency) -> dict[str, Any] | None:
    """Return what the page's script computes with, as JSON-ready values; None if there is none."""
    by_hand, class_names = saliency.by_hand, saliency.class_names
    if by_hand is None:
        return None
    convolution, pooling, softmax = by_hand.convolution, by_hand.pooling_window, by_hand.softmax
    return {
        "convolution": None
        if convolution is None
        else {
            **_window(convolution.window),
            "kernels": [_numbers(kernel) for kernel in convolution.kernels],
            "biases": _numbers(convolution.biases),
            "activation": convolution.activation,
        },
        "pooling": None
        if pooling is None
        else {**_window(pooling.window), "isMax": pooling.is_max},
        "softmax": None if softmax is None else softmax_rows(softmax, class_names),
    }


def softmax_rows(softmax: SoftmaxExample, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Return the most probable classes, and the sum of the exponentials of all others."""
    order = np.argsort(-softmax.logits, kind="stable")
    shown, others = np.sort(order[:_MAX_CLASSES]).tolist(), order[_MAX_CLASSES:]
    return {
        "rows": [
            {
                "name": class_names[label],
                "logit": float(softmax.logits[label]),
                "exponential": float(softmax.exponentials[label]),
                "probability": float(softmax.probabilities[label]),
            }
            for label in shown
        ],
        "highest": float(softmax.logits.max()),
        "numOthers": len(others),
        "others": float(softmax.exponentials[others].sum()),
        "total": softmax.total,
    }


def _window(window: SlidingWindow) -> dict[str, Any]:
    return {
        "values": _numbers(window.values),
        "shape": window.values.shape,
        "corner": (window.top, window.left),
        "first": window.first,
        "count": window.count,
        "start": window.start,
        "size": window.size,
        "stride": window.stride,
        "dilation": window.dilation,
        "channels": window.channels.tolist(),
        "channel": window.channel,
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    """Return all values in order, with six digits, and None for the padding of a pooling."""
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values.ravel().tolist()]
