"""Heat maps: where in a picture the evidence for a class lies.

The method is HiResCAM, Draelos and Carin 2020, https://arxiv.org/abs/2011.08891: each value of a
layer's maps times the gradient of the class's score by it, summed over the channels, what speaks
against the class set to 0. Where one linear layer follows, these products add up to the score; the
means that Grad-CAM takes of the gradients (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391)
mark places that the network makes no use of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.errors import ModelError
from clearsight.evaluation.eye.layer_outputs import CONVOLUTIONS, LayerOutputs, Step

METHOD = "HiResCAM"
_BATCH_SIZE = 64


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """Where the evidence for a class lies, for some pictures.

    Attributes:
        maps: float32 (N, H, W), 0..1, of the pictures' size: 1 at a picture's strongest evidence
            for the class, 0 where there is none. All 0 where nothing speaks for the class.
        classes: int64 (N,), the class that each map is for.
        layer_name: whose output the evidence was read from.
        grid: rows and columns of that output: how fine the maps really are.
        method: the method's name, to be shown.
    """

    maps: np.ndarray
    classes: np.ndarray
    layer_name: str
    grid: tuple[int, int]
    method: str = METHOD


def heat_maps(outputs: LayerOutputs, pictures: np.ndarray, classes: np.ndarray) -> HeatMaps:
    """Mark where in each picture the evidence for a class lies.

    MEASURED

    Args:
        outputs: of the network.
        pictures: float32 (N, H, W, C), as the network takes them.
        classes: integers (N,), 0..K-1, the class to look for in each.

    Raises:
        ModelError: when the network has no convolution whose maps everything goes through.
    """
    index = _layer(outputs)
    step = outputs.steps[index]
    found = [
        _evidence(outputs, index, pictures[start : start + _BATCH_SIZE], classes[start:])
        for start in range(0, len(pictures), _BATCH_SIZE)
    ]
    evidence = torch.cat(found).clamp(min=0)[:, None]
    rows, columns, _ = step.call.output_shape
    size = pictures.shape[1:3]
    upsampled = torch.nn.functional.interpolate(evidence, size=size, mode="bilinear")[:, 0]
    highest = upsampled.amax(dim=(1, 2), keepdim=True)
    # Where nothing speaks for the class, 0 / 1 leaves the map dark.
    maps = upsampled / torch.where(highest > 0, highest, torch.ones_like(highest))
    return HeatMaps(
        maps=maps.cpu().numpy(),
        classes=np.asarray(classes, dtype=np.int64),
        layer_name=step.name,
        grid=(rows, columns),
    )


def _evidence(
    outputs: LayerOutputs, index: int, pictures: np.ndarray, classes: np.ndarray
) -> torch.Tensor:
    """Return the evidence at each place of a step's output: float32 (N, rows, columns)."""
    (number,) = outputs.steps[index].outputs
    with torch.no_grad():
        values = outputs.run({0: outputs.tensor(pictures)}, outputs.steps[: index + 1])
    with torch.enable_grad():
        activation = values[number].detach().requires_grad_()
        scores = outputs.scores({number: activation}, index + 1)
        labels = torch.as_tensor(np.array(classes[: len(pictures)], dtype=np.int64))
        chosen = scores.gather(1, labels.to(scores.device)[:, None]).sum()
        # Gradients by the activation alone: the weights get none.
        (gradient,) = torch.autograd.grad(chosen, activation)
    return (activation.detach() * gradient).sum(dim=-1)


def _layer(outputs: LayerOutputs) -> int:
    """Return the number of the step whose output is read."""
    first = next(
        (
            index
            for index, step in enumerate(outputs.steps)
            if isinstance(step.call.layer, CONVOLUTIONS)
        ),
        len(outputs.steps),
    )
    found = [index for index in outputs.waists if index >= first and _is_before_end(outputs, index)]
    if not found:
        raise ModelError(
            f"'{outputs.name}' should have a convolution whose maps everything after it goes "
            "through, but has none: there are no heat maps of where it looks."
        )
    return found[-1]


def _is_before_end(outputs: LayerOutputs, index: int) -> bool:
    step: Step = outputs.steps[index]
    return step.is_map and step.outputs != (outputs.output,)
