"""`LayerMaps`: the feature maps of each layer for one image, the most variable ones first."""

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.evaluation.saliency.layer_outputs import LayerCall, LayerOutputs, Values

NUM_SHOWN = 8


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """Some feature maps of one layer, for one image.

    Attributes:
        layer_name: the layer's name.
        kind: its class, e.g. "Conv2D".
        num_maps: how many maps it has.
        channels: int64 (k,), which of them are shown: those that vary most over the image, the
            most variable first.
        maps: float32 (k, rows, columns), the layer's output.
        images: uint8 (k, rows, columns), each map as an image: black is its lowest value, white
            its highest; all black if it is constant.
        num_constant: how many of all maps have the same value everywhere.
    """

    layer_name: str
    kind: str
    num_maps: int
    channels: np.ndarray
    maps: np.ndarray
    images: np.ndarray
    num_constant: int


def compute_feature_maps(outputs: LayerOutputs, image: np.ndarray) -> tuple[LayerMaps, ...]:
    """Return each layer's feature maps for an image, in the order in which the layers run.

    A layer that returns its input unchanged, like dropout in inference, is left out.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.

    Returns:
        One entry per layer whose output has rows and columns; may be empty.
    """
    with torch.no_grad():
        values = outputs.run({0: outputs.to_tensor(image[None])}, outputs.calls)
    return tuple(
        _layer_maps(call, values[call.outputs[0]][0].cpu().numpy())
        for call in outputs.calls
        if call.has_maps and not _is_unchanged(call, values)
    )


def _is_unchanged(call: LayerCall, values: Values) -> bool:
    returned = values[call.outputs[0]]
    return any(
        values[taken].shape == returned.shape and torch.equal(values[taken], returned)
        for taken in call.inputs
    )


def _layer_maps(call: LayerCall, values: np.ndarray) -> LayerMaps:
    spread = values.std(axis=(0, 1), dtype=np.float64)
    channels = np.argsort(-spread, kind="stable")[:NUM_SHOWN]
    maps = np.ascontiguousarray(values[..., channels].transpose(2, 0, 1), dtype=np.float32)
    lowest, highest = maps.min(axis=(1, 2)), maps.max(axis=(1, 2))
    span = (highest - lowest)[:, None, None]
    scaled = (maps - lowest[:, None, None]) / np.where(span > 0, span, 1)
    return LayerMaps(
        layer_name=call.name,
        kind=type(call.layer).__name__,
        num_maps=values.shape[-1],
        channels=channels,
        maps=maps,
        images=np.rint(255 * scaled).astype(np.uint8),
        num_constant=int((np.ptp(values, axis=(0, 1)) == 0).sum()),
    )
