"""`Filters`: the first convolution's filters and the patches that each responds to most."""

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.evaluation.saliency.first_convolution import FirstConvolution, extract_patch
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs

NUM_SHOWN = 32
NUM_PATCHES = 5
_BATCH_SIZE = 64


@dataclass(frozen=True, eq=False)
class Filter:
    """One filter of the first convolution.

    Attributes:
        index: its output channel.
        kernel: float32 (rows, columns, C), its weights.
        image: uint8 (rows, columns, C), the kernel as an image: 128 is 0; 0 and 255 are minus and
            plus its largest absolute weight.
        patches: uint8 (k, rows, columns, C), the patches with the strongest responses, strongest
            first, at most one per image; black outside the image.
        responses: float32 (k,), the convolution's output for them, before its activation.
        corners: int64 (k, 3), for each patch: the image's index, and the row and column of the
            patch's upper left corner, negative outside the image.
    """

    index: int
    kernel: np.ndarray
    image: np.ndarray
    patches: np.ndarray
    responses: np.ndarray
    corners: np.ndarray


@dataclass(frozen=True)
class Filters:
    """The first convolution's filters.

    Attributes:
        layer_name: the convolution's name.
        num_filters: how many it has.
        shown: those with the largest weights, at most `NUM_SHOWN`.
    """

    layer_name: str
    num_filters: int
    shown: tuple[Filter, ...]


def describe_filters(outputs: LayerOutputs, images: np.ndarray, inputs: np.ndarray) -> Filters:
    """Return the first convolution's filters and the patches that each responds to most.

    Args:
        outputs: of the network.
        images: uint8 (N, H, W, C), the images to take patches from.
        inputs: float32 (N, H, W, C), the same images as the network takes them.

    Raises:
        ModelError: if no convolution takes the image itself.
    """
    convolution = FirstConvolution.of(outputs)
    kernel = convolution.kernel
    size = np.sqrt((kernel.astype(np.float64) ** 2).sum(axis=(0, 1, 2)))
    shown = np.argsort(-size, kind="stable")[:NUM_SHOWN]
    responses, positions, num_columns = _strongest_responses(convolution, inputs, shown)
    filters = []
    for column, index in enumerate(shown.tolist()):
        best = np.argsort(-responses[:, column], kind="stable")[:NUM_PATCHES]
        patches, corners = [], []
        for image in best.tolist():
            top, left = convolution.corner(*divmod(int(positions[image, column]), num_columns))
            top, left = top - convolution.shift[0], left - convolution.shift[1]
            corners.append((image, top, left))
            patches.append(extract_patch(images[image], top, left, convolution.windows))
        weights = kernel[..., index]
        largest = np.abs(weights).max() or 1.0
        filters.append(
            Filter(
                index=index,
                kernel=weights,
                image=np.rint(127.5 + 127.5 * weights / largest).astype(np.uint8),
                patches=np.stack(patches),
                responses=responses[best, column],
                corners=np.array(corners, dtype=np.int64),
            )
        )
    return Filters(convolution.call.name, kernel.shape[-1], tuple(filters))


def _strongest_responses(
    convolution: FirstConvolution, images: np.ndarray, shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return each image's strongest response to each filter in `shown`, and its position.

    Returns:
        float32 (N, F); int64 (N, F), positions counted row by row; and the number of columns.
    """
    strongest, num_columns = [], 1
    for start in range(0, len(images), _BATCH_SIZE):
        inputs, _ = convolution.input_and_output(images[start : start + _BATCH_SIZE])
        found = convolution.before_activation(inputs)
        num_columns = found.shape[2]
        chosen = torch.as_tensor(shown, device=found.device)
        strongest.append(found[..., chosen].flatten(1, 2).max(dim=1))
    responses, positions = (torch.cat(each).cpu().numpy() for each in zip(*strongest, strict=True))
    return responses, positions, num_columns
