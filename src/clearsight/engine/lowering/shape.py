"""Flatten, Reshape, Permute and RepeatVector."""

from typing import Any

import torch

from clearsight.engine.lowering.site import Site
from clearsight.engine.operations.operation import Function, Operation, Permute


def flatten(layer: Any, site: Site) -> list[Operation]:
    """Lower Flatten: a view, if memory is in Keras's order."""
    if layer.data_format == "channels_first" and site.rank > 2:
        return [Function(lambda values: values.movedim(1, -1).flatten(1))]
    if site.rank == 1:
        return [Function(lambda values: values.unsqueeze(-1))]
    return [Function(lambda values: values.flatten(1))]


def reshape(layer: Any, site: Site) -> list[Operation]:
    """Lower Reshape."""
    target = tuple(-1 if size is None else size for size in layer.target_shape)
    del site

    def apply(values: torch.Tensor) -> torch.Tensor:
        return values.reshape(values.shape[0], *target)

    return [Function(apply)]


def permute(layer: Any, site: Site) -> list[Operation]:
    """Lower Permute: a view."""
    del site
    return [Permute((0, *layer.dims))]


def repeat_vector(layer: Any, site: Site) -> list[Operation]:
    """Lower RepeatVector."""
    del site
    count = int(layer.n)
    return [Function(lambda values: values.unsqueeze(1).repeat_interleave(count, 1))]
