"""Weights of torch's networks as Keras's: the order of axes, and normalizations folded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_STATISTICS = ("weight", "bias", "running_mean", "running_var")
Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Affine:
    """A convolution with a bias, or what is equal to one; float64, with torch's axes.

    Attributes:
        kernel: (filters, inputs, rows, columns); a depthwise one has 1 input.
        bias: (filters,).
    """

    kernel: np.ndarray
    bias: np.ndarray

    def then(self, factor: np.ndarray, offset: np.ndarray) -> Affine:
        """Return the convolution whose output is multiplied by and added to, per filter."""
        return Affine(self.kernel * factor[:, None, None, None], self.bias * factor + offset)

    def keras_weights(self, layer: str, *, is_depthwise: bool = False) -> Weights:
        """Return the weights of Keras's layer of this name, float32, by variable path."""
        axes = (2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0)
        return {
            f"{layer}/kernel": as_float32(self.kernel.transpose(axes)),
            f"{layer}/bias": as_float32(self.bias),
        }


@dataclass(frozen=True)
class TorchWeights:
    """The weights of a torch network.

    Attributes:
        arrays: by torch's names.
        epsilon: of its batch normalizations.
    """

    arrays: Mapping[str, np.ndarray]
    epsilon: float = 1e-5

    def affine(self, name: str) -> Affine:
        """Return a convolution; without a bias in torch, its bias is 0."""
        kernel = self.arrays[f"{name}.weight"].astype(np.float64)
        bias = self.arrays.get(f"{name}.bias")
        return Affine(kernel, np.zeros(len(kernel)) if bias is None else bias.astype(np.float64))

    def normalization(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return each channel's factor and offset by which moving statistics normalize."""
        weight, bias, mean, variance = (
            self.arrays[f"{name}.{part}"].astype(np.float64) for part in _STATISTICS
        )
        factor = weight / np.sqrt(variance + self.epsilon)
        return factor, bias - mean * factor

    def folded(self, convolution: str, normalization: str) -> Affine:
        """Return a convolution with the batch normalization behind it."""
        return self.affine(convolution).then(*self.normalization(normalization))


def as_float32(array: np.ndarray) -> np.ndarray:
    """Return a contiguous array of float32."""
    return np.ascontiguousarray(array, dtype=np.float32)
