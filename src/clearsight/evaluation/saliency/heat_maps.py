"""`HeatMaps`: where in an image the evidence for a class is.

The method is HiResCAM, Draelos and Carin 2020, https://arxiv.org/abs/2011.08891: a layer's feature
maps times the gradient of the class's logit, summed over the channels, negative sums set to 0. If
one linear layer follows, these products add up to the logit, whereas Grad-CAM averages the
gradients (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391), which marks regions that the
network does not use.
"""

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.errors import ModelError
from clearsight.evaluation.saliency.layer_outputs import CONVOLUTIONS, LayerCall, LayerOutputs
from clearsight.models.backend import keras
from clearsight.models.graph import NORMALIZATIONS

METHOD = "HiResCAM"
_BATCH_SIZE = 64
_MIN_ROWS = 4  # and columns, of a layer's maps, if there is a layer with so many
# Layers whose output has passed an activation function if their input has.
_PASS_THROUGH = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping2D,
    keras.layers.UpSampling2D,
)


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """Where the evidence for a class is, in some images.

    Attributes:
        maps: float32 (N, H, W), 0..1, of the images' size: 1 at an image's strongest evidence for
            the class, 0 where there is none. All 0 if nothing in the image supports the class.
        classes: int64 (N,), the class of each map.
        layer_name: the layer that the evidence is computed at.
        grid: rows and columns of its output, which is the maps' true resolution.
        method: the method's name, for display.
    """

    maps: np.ndarray
    classes: np.ndarray
    layer_name: str
    grid: tuple[int, int]
    method: str = METHOD


def compute_heat_maps(outputs: LayerOutputs, images: np.ndarray, classes: np.ndarray) -> HeatMaps:
    """Compute where in each image the evidence for a class is.

    Compared with other methods by deletion (see `deletion_check`: area under the curve of the
    predicted class's probability, lower is better) on networks trained for 3 and 2 epochs on 5,000
    and 3,000 images of Fashion-MNIST, test accuracy 0.81, over 150 and 60 test images:

    | method | lesson, 7x7 maps | residual, 7x7 maps | residual, 3x3 maps |
    |---|---|---|---|
    | HiResCAM | 0.245 | 0.230 | 0.295 |
    | LayerCAM | 0.256 | 0.251 | 0.297 |
    | Grad-CAM++ | 0.328 | 0.348 | 0.299 |
    | Grad-CAM | 0.359 | 0.333 | 0.298 |
    | brightness alone | 0.367 | 0.358 | |
    | random patches | 0.47 | 0.43 | |

    Grad-CAM shows little more than where the image is bright, and maps as coarse as 3x3 show less
    than finer ones, which is why the last layer with at least 4 rows and columns is used. Maps of
    14x14 gave 0.249 to 0.264 for the lesson's network, 0.296 for its first convolution, and 0.290
    for the residual network's third convolution before its normalization.

    Args:
        outputs: of the network.
        images: float32 (N, H, W, C), as the network takes them.
        classes: integers (N,), 0..K-1, the class whose evidence is computed in each.

    Raises:
        ModelError: if the network has no convolution whose feature maps everything after it uses.
    """
    index = _choose_layer(outputs)
    found = [
        _evidence(outputs, index, images[start : start + _BATCH_SIZE], classes[start:])
        for start in range(0, len(images), _BATCH_SIZE)
    ]
    evidence = torch.cat(found).clamp(min=0)[:, None]
    size = images.shape[1:3]
    upsampled = torch.nn.functional.interpolate(evidence, size=size, mode="bilinear")[:, 0]
    highest = upsampled.amax(dim=(1, 2), keepdim=True)
    # Without evidence for the class, 0 / 1 leaves the map dark.
    maps = upsampled / torch.where(highest > 0, highest, torch.ones_like(highest))
    return HeatMaps(
        maps=maps.cpu().numpy(),
        classes=np.asarray(classes, dtype=np.int64),
        layer_name=outputs.calls[index].name,
        grid=_grid(outputs.calls[index]),
    )


def _evidence(
    outputs: LayerOutputs, index: int, images: np.ndarray, classes: np.ndarray
) -> torch.Tensor:
    """Return the evidence at each position of a layer's output: float32 (N, rows, columns)."""
    (number,) = outputs.calls[index].outputs
    with torch.no_grad():
        values = outputs.run({0: outputs.to_tensor(images)}, outputs.calls[: index + 1])
    with torch.enable_grad():
        activation = values[number].detach().requires_grad_()
        logits = outputs.logits({number: activation}, index + 1)
        labels = torch.as_tensor(np.array(classes[: len(images)], dtype=np.int64))
        chosen = logits.gather(1, labels.to(logits.device)[:, None]).sum()
        # The gradient with respect to the activation only: the weights get none.
        (gradient,) = torch.autograd.grad(chosen, activation)
    return (activation.detach() * gradient).sum(dim=-1)


def _choose_layer(outputs: LayerOutputs) -> int:
    """Return the index of the call at whose output the evidence is computed.

    It is the last call whose maps have at least 4 rows and columns and have passed an activation:
    before it, a convolution's output has values that the activation will remove.
    """
    calls = outputs.calls
    convolutions = [k for k, call in enumerate(calls) if isinstance(call.layer, CONVOLUTIONS)]
    first = min(convolutions, default=len(calls))
    found = [
        index
        for index in outputs.bottlenecks
        if index >= first and calls[index].has_maps and calls[index].outputs != (outputs.output,)
    ]
    if not found:
        raise ModelError(
            f"'{outputs.name}' should have a convolution whose feature maps everything after it "
            "uses, but has none: there are no heat maps."
        )
    activated = [index for index in found if _is_activated(outputs, calls[index])]
    fine = [index for index in activated if min(_grid(calls[index])) >= _MIN_ROWS]
    return (fine or activated or found)[-1]


def _is_activated(outputs: LayerOutputs, call: LayerCall) -> bool:
    layer = call.layer
    if isinstance(layer, CONVOLUTIONS):
        return layer.activation is not keras.activations.linear
    if isinstance(layer, NORMALIZATIONS):
        return False
    if isinstance(layer, _PASS_THROUGH):
        makers = [each for each in outputs.calls if each.outputs[0] == call.inputs[0]]
        return bool(makers) and _is_activated(outputs, makers[0])
    return True


def _grid(call: LayerCall) -> tuple[int, int]:
    rows, columns, _ = call.call.output_shape
    return rows, columns
