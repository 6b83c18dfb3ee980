"""DINOv2's small vision transformer, https://arxiv.org/abs/2304.07193, patches of 14x14 pixels.

It was trained without labels. The feature vector is the class token's. The weights are those of
https://huggingface.co/facebook/dinov2-small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.models.backbones.blocks import image_input, scale_as_imagenet, scale_channels
from clearsight.models.backbones.torch_weights import TorchWeights, Weights, as_float32

if TYPE_CHECKING:
    import keras

PATCH = 14  # rows and columns in pixels
_WIDTH, _HEADS, _BLOCKS, _EXPANSION = 384, 6, 12, 4
_EPSILON = 1e-6
_POSITIONS = "stem_positions"


def dinov2_block_patterns() -> tuple[str, ...]:
    """Return a regular expression for each block's layer names; the head is in the last block."""
    *lower, last = (f"block{number}_.+" for number in range(1, _BLOCKS + 1))
    return ("images|scaling|stem_.+", *lower, f"{last}|head_.+|features")


def build_dinov2(image_size: tuple[int, int]) -> keras.Model:
    """Build the network with random weights, for pixels 0..255 (N, H, W, 3).

    Both sides of the images are multiples of 14 pixels.
    """
    from clearsight.models.backend import keras

    layers = keras.layers
    num_patches = image_size[0] // PATCH * (image_size[1] // PATCH)
    images = image_input(image_size)
    patches = layers.Conv2D(_WIDTH, PATCH, strides=PATCH, name="stem_patches")(
        scale_as_imagenet(images)
    )
    # The class token before the patches is 0 here, and the first of the positions below.
    row = layers.Reshape((1, num_patches, _WIDTH), name="stem_row")(patches)
    row = layers.ZeroPadding2D(((0, 0), (1, 0)), name="stem_class_token")(row)
    tokens = layers.Reshape((num_patches + 1, _WIDTH), name="stem_tokens")(row)
    # One vector is added to each token. Keras has no layer for that alone: the factors are 1.
    positions = layers.EinsumDense(
        "btc,tc->btc",
        output_shape=(num_patches + 1, _WIDTH),
        bias_axes="tc",
        kernel_initializer="ones",
        name=_POSITIONS,
    )
    tokens = positions(tokens)
    for number in range(1, _BLOCKS + 1):
        tokens = _transformed(tokens, f"block{number}")
    tokens = layers.LayerNormalization(epsilon=_EPSILON, name="head_norm")(tokens)
    row = layers.Reshape((1, num_patches + 1, _WIDTH), name="head_row")(tokens)
    row = layers.Cropping2D(((0, 0), (0, num_patches)), name="head_class_token")(row)
    features = layers.Flatten(name="features")(row)
    return keras.Model(images, features, name="dinov2-small")


def _transformed(tokens: Any, name: str) -> Any:
    """Add attention and two dense layers, each with its own connection around it."""
    from clearsight.models.backend import keras

    layers = keras.layers
    normal = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_attention_norm")(tokens)
    attention = layers.MultiHeadAttention(_HEADS, _WIDTH // _HEADS, name=f"{name}_attention")
    attended = scale_channels(attention(normal, normal), f"{name}_attention_scale")
    tokens = layers.Add(name=f"{name}_attention_add")([tokens, attended])
    normal = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_dense_norm")(tokens)
    hidden = layers.Dense(_WIDTH * _EXPANSION, activation="gelu", name=f"{name}_expand")(normal)
    outer = layers.Dense(_WIDTH, name=f"{name}_project")(hidden)
    outer = scale_channels(outer, f"{name}_dense_scale")
    return layers.Add(name=f"{name}_dense_add")([tokens, outer])


def convert_dinov2(arrays: Mapping[str, np.ndarray]) -> Weights:
    """Turn the hub's weights by name into Keras's by variable path.

    The positions are those of the size that the network was trained at; see `fit_dinov2`.
    """
    patches = TorchWeights(arrays).affine("embeddings.patch_embeddings.projection")
    positions = arrays["embeddings.position_embeddings"][0].copy()
    positions[0] += arrays["embeddings.cls_token"][0, 0]
    weights = {
        **patches.keras_weights("stem_patches"),
        f"{_POSITIONS}/bias": as_float32(positions),
        f"{_POSITIONS}/kernel": np.ones_like(positions, dtype=np.float32),
        **_normalization(arrays, "head_norm", "layernorm"),
    }
    for number in range(1, _BLOCKS + 1):
        ours, hubs = f"block{number}", f"encoder.layer.{number - 1}"
        weights |= _normalization(arrays, f"{ours}_attention_norm", f"{hubs}.norm1")
        weights |= _attention(arrays, f"{ours}_attention", f"{hubs}.attention")
        weights |= _normalization(arrays, f"{ours}_dense_norm", f"{hubs}.norm2")
        weights |= _dense(arrays, f"{ours}_expand", f"{hubs}.mlp.fc1")
        weights |= _dense(arrays, f"{ours}_project", f"{hubs}.mlp.fc2")
        for scale, layer in (("attention", "layer_scale1"), ("dense", "layer_scale2")):
            factors = as_float32(arrays[f"{hubs}.{layer}.lambda1"])
            weights[f"{ours}_{scale}_scale/kernel"] = factors
    return weights


def fit_dinov2(weights: Mapping[str, np.ndarray], image_size: tuple[int, int]) -> Weights:
    """Interpolate the positions of a square of patches for images of another size, as published."""
    import torch

    positions = weights[f"{_POSITIONS}/bias"]
    side = round((len(positions) - 1) ** 0.5)
    size = (image_size[0] // PATCH, image_size[1] // PATCH)
    if size == (side, side):
        return dict(weights)
    of_patches = torch.from_numpy(positions[1:]).reshape(1, side, side, _WIDTH)
    resized = torch.nn.functional.interpolate(
        of_patches.permute(0, 3, 1, 2), size=size, mode="bicubic", align_corners=False
    )
    moved = resized.permute(0, 2, 3, 1).reshape(-1, _WIDTH).numpy()
    fitted = np.concatenate([positions[:1], moved])
    return {
        **weights,
        f"{_POSITIONS}/bias": as_float32(fitted),
        f"{_POSITIONS}/kernel": np.ones_like(fitted),
    }


def _normalization(arrays: Mapping[str, np.ndarray], ours: str, hubs: str) -> Weights:
    return {
        f"{ours}/gamma": as_float32(arrays[f"{hubs}.weight"]),
        f"{ours}/beta": as_float32(arrays[f"{hubs}.bias"]),
    }


def _dense(arrays: Mapping[str, np.ndarray], ours: str, hubs: str) -> Weights:
    return {
        f"{ours}/kernel": as_float32(arrays[f"{hubs}.weight"].T),
        f"{ours}/bias": as_float32(arrays[f"{hubs}.bias"]),
    }


def _attention(arrays: Mapping[str, np.ndarray], ours: str, hubs: str) -> Weights:
    """Return the weights of an attention, whose heads have an axis of their own in Keras."""
    size = _WIDTH // _HEADS
    weights = _dense(arrays, f"{ours}/attention_output", f"{hubs}.output.dense")
    kernel = f"{ours}/attention_output/kernel"
    weights[kernel] = weights[kernel].reshape(_HEADS, size, _WIDTH)
    for part in ("query", "key", "value"):
        dense = _dense(arrays, f"{ours}/{part}", f"{hubs}.attention.{part}")
        weights[f"{ours}/{part}/kernel"] = dense[f"{ours}/{part}/kernel"].reshape(
            _WIDTH, _HEADS, size
        )
        weights[f"{ours}/{part}/bias"] = dense[f"{ours}/{part}/bias"].reshape(_HEADS, size)
    return weights
