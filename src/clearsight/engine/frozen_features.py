"""`FrozenFeatures`: what a network's frozen part computes for each image, kept between epochs."""

from __future__ import annotations

import zlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from clearsight.engine.batches import InMemoryBatches
from clearsight.engine.program.program import Inputs, Program, Tensors
from clearsight.models.backend import keras

_MAX_BYTES = 2**29  # 512 MiB


class FrozenFeatures:
    """The features of the images of one `fit`, as far as they fit into 512 MiB.

    In a batch of another size matrix products may be summed in another order, so those of an
    epoch's last, smaller batch are always computed, and never kept. The same is true of other
    positions in a batch, for some sizes of products in float32. So the first batch is computed in
    other orders too, and none are kept if any bit differs.

    Args:
        batches: the images, whose values are the same in every epoch.
        may_change: whether a user's code that runs between epochs could change them, or weights.
    """

    def __init__(self, batches: InMemoryBatches, *, may_change: bool) -> None:
        self._batches = batches
        self._may_change = may_change
        self._is_known = torch.zeros(batches.num_samples, dtype=torch.bool)
        self._stored: list[_Rows] | None = None
        self._depends_on_positions: bool | None = None  # None until the first batch
        self._key: Hashable = None

    def begin_epoch(self, frozen: Program, settings: Hashable) -> None:
        """Forget the features if the frozen part may compute others now.

        Args:
            frozen: the part, with constant weights.
            settings: everything else that it depends on.
        """
        key = None
        if self._may_change:
            weights = [weight for node in frozen.nodes for weight in node.weights or ()]
            images = keras.tree.flatten(self._batches.tensors)[0]
            key = (settings, *map(_checksum, [images, *weights]))
        if key != self._key:
            self._is_known[:] = False
            self._stored = self._depends_on_positions = None
        self._key = key

    def of_batch(self, frozen: Program, inputs: Inputs, images: Any) -> Tensors:
        """Return the features of a batch, computed if they are not all known.

        Args:
            frozen: the part that computes them.
            inputs: the inputs of that part.
            images: the batch as the `InMemoryBatches` have made it.
        """
        indices = self._batches.indices_of(images)
        if indices is None or len(indices) != self._batches.batch_size:
            return frozen(inputs)
        if self._stored is not None and bool(self._is_known[indices].all()):
            return [rows.at(indices) for rows in self._stored]
        features = frozen(inputs)
        if self._depends_on_positions is None and self._can_be_kept(features):
            self._depends_on_positions = _depends_on_positions(frozen, inputs, features)
        if self._stored is None and self._depends_on_positions is False:
            self._stored = [_Rows.like(f, self._batches.num_samples) for f in features]
        if self._stored is not None:
            for rows, feature in zip(self._stored, features, strict=True):
                rows.keep(indices, feature)
            self._is_known[indices] = True
        return features

    def _can_be_kept(self, features: Tensors) -> bool:
        size = sum(feature.nbytes for feature in features) / len(features[0])
        return size * self._batches.num_samples <= _MAX_BYTES and all(
            feature.device.type == "cpu"
            and (feature.is_contiguous() or _is_channels_last(feature))
            and len(feature) == self._batches.batch_size
            for feature in features
        )


def _depends_on_positions(frozen: Program, inputs: Inputs, features: Tensors) -> bool:
    """Return whether a program gives other bits for a batch whose images change places."""
    positions = torch.arange(len(features[0]))
    for order in (positions.flip(0), positions.roll(1)):
        moved = frozen([value if value is None else value[order] for value in inputs])
        if not all(torch.equal(a, b[order]) for a, b in zip(moved, features, strict=True)):
            return True
    return False


@dataclass(frozen=True, eq=False)
class _Rows:
    """One feature of all images, with its axes in their order in memory.

    Attributes:
        values: (N, ...).
        is_channels_last: whether they are (N, H, W, C) for a feature (N, C, H, W).
    """

    values: torch.Tensor
    is_channels_last: bool

    @classmethod
    def like(cls, feature: torch.Tensor, num_images: int) -> _Rows:
        is_last = _is_channels_last(feature)
        rows = feature.permute(0, 2, 3, 1) if is_last else feature
        return cls(rows.new_empty(num_images, *rows.shape[1:]), is_last)

    def keep(self, indices: torch.Tensor, feature: torch.Tensor) -> None:
        rows = feature.permute(0, 2, 3, 1) if self.is_channels_last else feature
        self.values.index_copy_(0, indices, rows)

    def at(self, indices: torch.Tensor) -> torch.Tensor:
        rows = self.values.index_select(0, indices)
        return rows.permute(0, 3, 1, 2) if self.is_channels_last else rows


def _is_channels_last(feature: torch.Tensor) -> bool:
    return (
        feature.ndim == 4
        and not feature.is_contiguous()
        and feature.is_contiguous(memory_format=torch.channels_last)
    )


def _checksum(values: Any) -> int:
    if values is None:
        return 0
    if isinstance(values, torch.Tensor):
        plain = values.detach().contiguous()
        values = plain.view(torch.uint8 if plain.ndim else plain.dtype).numpy()
    return zlib.crc32(np.ascontiguousarray(values).data)
