"""The first convolution's filters, beside the patches that they respond to most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.evaluation.saliency.first_convolution import FirstConvolution, patch_of
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs

NUM_SHOWN = 32
NUM_PATCHES = 5
_BATCH_SIZE = 64


@dataclass(frozen=True, eq=False)
class Filter:
    """One filter of the first convolution.

    Attributes:
        index: which output channel it makes.
        kernel: float32 (rows, columns, C), its weights.
        image: uint8 (rows, columns, C), the kernel drawn: 128 is 0, 0 and 255 are minus and plus
            its largest absolute weight.
        lowest: its lowest weight.
        highest: its highest weight.
        patches: uint8 (k, rows, columns, C), the patches that it responds to most, the strongest
            first, one an image at most; black where a patch reaches past the image's border.
        responses: float32 (k,), what the convolution gives for them, before its activation.
        places: int64 (k, 3), for each patch: which image, and the row and column of its upper
            left corner there, negative where it begins before the image.
    """

    index: int
    kernel: np.ndarray
    image: np.ndarray
    lowest: float
    highest: float
    patches: np.ndarray
    responses: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Filters:
    """The first convolution's filters.

    Attributes:
        layer_name: the convolution's name.
        num_filters: how many it has.
        shown: some of them or all, those first whose weights are largest.
    """

    layer_name: str
    num_filters: int
    shown: tuple[Filter, ...]


def filters_of(
    outputs: LayerOutputs,
    images: np.ndarray,
    inputs: np.ndarray,
    *,
    num_shown: int = NUM_SHOWN,
    num_patches: int = NUM_PATCHES,
) -> Filters:
    """Draw the first convolution's filters, each beside what it responds to most.

    Args:
        outputs: of the network.
        images: uint8 (N, H, W, C), the images to take patches from.
        inputs: float32 (N, H, W, C), the same as the network takes them.
        num_shown: how many filters, at most.
        num_patches: how many patches a filter, at most one an image.

    Raises:
        ModelError: when no convolution looks at the image itself.
    """
    convolution = FirstConvolution.of(outputs)
    kernel = convolution.kernel
    size = np.sqrt((kernel.astype(np.float64) ** 2).sum(axis=(0, 1, 2)))
    shown = np.argsort(-size, kind="stable")[:num_shown]
    strongest, spots, columns = _strongest(convolution, inputs, shown)
    found = []
    for place, index in enumerate(shown.tolist()):
        best = np.argsort(-strongest[:, place], kind="stable")[:num_patches]
        corners = []
        for image in best.tolist():
            row, column = divmod(int(spots[image, place]), columns)
            top, left = convolution.corner(row, column)
            corners.append((image, top - convolution.shift[0], left - convolution.shift[1]))
        weights = kernel[..., index]
        largest = np.abs(weights).max() or 1.0
        found.append(
            Filter(
                index=index,
                kernel=weights,
                image=np.rint(127.5 + 127.5 * weights / largest).astype(np.uint8),
                lowest=float(weights.min()),
                highest=float(weights.max()),
                patches=np.stack(
                    [
                        patch_of(images[image], top, left, convolution.windows)
                        for image, top, left in corners
                    ]
                ),
                responses=strongest[best, place],
                places=np.array(corners, dtype=np.int64),
            )
        )
    return Filters(convolution.step.name, kernel.shape[-1], tuple(found))


def _strongest(
    convolution: FirstConvolution, images: np.ndarray, shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return each image's strongest response to each filter, and where it lies.

    Returns:
        float32 (N, F), int64 (N, F) counted row by row, and the number of columns.
    """
    responses, spots, columns = [], [], 1
    chosen = torch.as_tensor(shown)
    for start in range(0, len(images), _BATCH_SIZE):
        incoming, _ = convolution.input_and_output(images[start : start + _BATCH_SIZE])
        found = convolution.without_activation(incoming)
        columns = found.shape[2]
        found = found[..., chosen.to(found.device)].flatten(1, 2)
        value, spot = found.max(dim=1)
        responses.append(value.cpu().numpy())
        spots.append(spot.cpu().numpy())
    return np.concatenate(responses), np.concatenate(spots), columns
