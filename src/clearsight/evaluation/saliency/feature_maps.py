"""What each layer makes of one image: its most telling feature maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.evaluation.saliency.layer_outputs import LayerOutputs, Step, Values

NUM_SHOWN = 8


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """Some feature maps of one layer, for one image.

    Attributes:
        layer_name: the layer's name.
        kind: its class, e.g. "Conv2D".
        num_maps: how many maps it gives.
        channels: int64 (k,), which of them are shown: those that vary most over the image, the
            most variable first.
        maps: float32 (k, rows, columns), as the layer gives them.
        images: uint8 (k, rows, columns), each map drawn: black its lowest, white its highest
            value; black throughout where it is even.
        lowest: float32 (k,), each map's lowest value.
        highest: float32 (k,), its highest.
        num_even: how many of all maps have one value everywhere and say nothing of this image.
    """

    layer_name: str
    kind: str
    num_maps: int
    channels: np.ndarray
    maps: np.ndarray
    images: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    num_even: int


def feature_maps(
    outputs: LayerOutputs, image: np.ndarray, num_shown: int = NUM_SHOWN
) -> tuple[LayerMaps, ...]:
    """Show what the layers make of an image, in the order in which they run.

    A layer that passes on what it was given, as dropout does in prediction, is left out.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.
        num_shown: how many maps of each layer, at most.

    Returns:
        One entry a layer with rows and columns; none where no layer has them.
    """
    with torch.no_grad():
        values = outputs.run({0: outputs.tensor(image[None])}, outputs.steps)
    return tuple(
        _layer_maps(step, values[step.outputs[0]][0].cpu().numpy(), num_shown)
        for step in outputs.steps
        if step.is_map and not _is_passed_on(step, values)
    )


def _is_passed_on(step: Step, values: Values) -> bool:
    given = values[step.outputs[0]]
    return any(
        values[taken].shape == given.shape and torch.equal(values[taken], given)
        for taken in step.inputs
    )


def _layer_maps(step: Step, values: np.ndarray, num_shown: int) -> LayerMaps:
    spread = values.std(axis=(0, 1), dtype=np.float64)
    channels = np.argsort(-spread, kind="stable")[:num_shown]
    maps = np.ascontiguousarray(values[..., channels].transpose(2, 0, 1), dtype=np.float32)
    lowest, highest = maps.min(axis=(1, 2)), maps.max(axis=(1, 2))
    span = (highest - lowest)[:, None, None]
    drawn = (maps - lowest[:, None, None]) / np.where(span > 0, span, 1)
    return LayerMaps(
        layer_name=step.name,
        kind=type(step.call.layer).__name__,
        num_maps=values.shape[-1],
        channels=channels,
        maps=maps,
        images=np.rint(255 * drawn).astype(np.uint8),
        lowest=lowest,
        highest=highest,
        num_even=int((np.ptp(values, axis=(0, 1)) == 0).sum()),
    )
