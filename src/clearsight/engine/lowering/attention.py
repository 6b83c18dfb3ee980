"""MultiHeadAttention and GroupQueryAttention.

In bfloat16, queries, keys and values of the same input are projected by one product. In the other
types, Keras's operations run in Keras's order, which keeps its bits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from clearsight.engine.kernels.dropout import draw_key
from clearsight.engine.lowering import noise
from clearsight.engine.lowering.site import CannotLowerError, Site, TensorArgument
from clearsight.engine.lowering.unchanged import check_unchanged
from clearsight.engine.operations.attention import (
    ScoreSettings,
    attend,
    attend_as_keras,
    probabilities_as_keras,
)
from clearsight.engine.operations.operation import Operation, Weights, cast, value_of
from clearsight.models.keras_internals.attention import AttentionParts, parts_of_attention


@dataclass(frozen=True, eq=False, kw_only=True)
class _Attention(Operation):
    """Attention of one call.

    Attributes:
        attention: the parts of the layer.
        indices: of query, key and value among the call's inputs.
        mask: the index of the mask there, or the mask, or None.
        is_causal: whether no position attends to later ones.
        scores: how probabilities are made.
        dtype: what is computed in.
        num_inputs: number of the call's inputs.
    """

    attention: AttentionParts
    indices: tuple[int, int, int]
    mask: Any
    is_causal: bool
    scores: ScoreSettings
    dtype: torch.dtype
    num_inputs: int

    def mask_of(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """Return which positions attend to which, as Keras does: bool, (N, T, S) or as given."""
        query, _, value = (inputs[index] for index in self.indices)
        mask = inputs[self.mask.index] if isinstance(self.mask, TensorArgument) else self.mask
        mask = None if mask is None else mask.to(query.device, torch.bool)
        window = self.attention.window
        if self.is_causal or window is not None:
            shape = (query.shape[1], value.shape[1])
            allowed = torch.ones(shape, dtype=torch.bool, device=query.device)
            if self.is_causal:
                allowed = allowed.tril()
            if window is not None:
                allowed = allowed.triu(1 - window).tril(window - 1)
            mask = allowed[None] if mask is None else mask & allowed[None]
        if mask is not None:
            for _ in range(query.ndim + len(self.attention.axes) - mask.ndim):
                mask = mask.unsqueeze(-2 * len(self.attention.axes) - 1)
        return mask


class _Fused(_Attention):
    """Attention in 16 bits over all positions of the input."""

    def weights(self) -> Weights:
        """Return the kernel and the bias of each input, for all that is projected from it."""
        scales = (self.scores.scale, 1.0, 1.0)
        joined: list[torch.Tensor | None] = []
        for group in self._groups():
            parts = [(self.attention.projections[index], scales[index]) for index in group]
            kernels = [part.kernel.value.flatten(1) * scale for part, scale in parts]
            joined.append(torch.cat(kernels, 1).to(self.dtype))
            biases = [part.bias.value.reshape(-1) * s for part, s in parts if part.bias is not None]
            joined.append(torch.cat(biases).to(self.dtype) if biases else None)
        output = self.attention.output
        bias = value_of(output.bias)
        return (
            *joined,
            output.kernel.value.flatten(0, 1).flatten(1).to(self.dtype),
            cast(None if bias is None else bias.reshape(-1), self.dtype),
        )

    def apply(self, *args: Any) -> torch.Tensor:
        """Project, attend, and project back."""
        inputs, weights = args[: self.num_inputs], args[self.num_inputs :]
        projected: list[Any] = [None] * 3
        for number, group in enumerate(self._groups()):
            values = inputs[self.indices[group[0]]]
            product = _affine(values, weights[2 * number : 2 * number + 2], self.dtype)
            shapes = [tuple(self.attention.projections[index].kernel.shape[1:]) for index in group]
            parts = product.split([heads * size for heads, size in shapes], 1)
            for index, part, shape in zip(group, parts, shapes, strict=True):
                projected[index] = part.view(values.shape[0], -1, *shape)
        query, key, value = projected
        attended = attend(query, key, value, self.mask_of(inputs), self.scores)
        product = _affine(attended.flatten(2), weights[-2:], self.dtype)
        positions = inputs[self.indices[0]].shape[:-1]
        return product.reshape(*positions, *self.attention.output.kernel.shape[2:])

    def _groups(self) -> list[list[int]]:
        """Return 0 for query, 1 for key and 2 for value, those of one input together."""
        groups: dict[int, list[int]] = {}
        for index, source in enumerate(self.indices):
            groups.setdefault(source, []).append(index)
        return list(groups.values())


class _AsKeras(_Attention):
    """Attention by Keras's operations."""

    def weights(self) -> Weights:
        """Return kernel and bias of query, key, value and output."""
        parts = (*self.attention.projections, self.attention.output)
        pairs = ((part.kernel.value, value_of(part.bias)) for part in parts)
        return tuple(cast(weight, self.dtype) for pair in pairs for weight in pair)

    def apply(self, *args: Any) -> torch.Tensor:
        """Project, attend, and project back."""
        attention, scores = self.attention, self.scores
        inputs, weights = args[: self.num_inputs], args[self.num_inputs :]
        query, key, value = (
            self._project(part, inputs[index], weights[2 * number : 2 * number + 2])
            for number, (part, index) in enumerate(
                zip(attention.projections, self.indices, strict=True)
            )
        )
        repeats = query.shape[-2] // key.shape[-2]
        if repeats > 1:
            # Views, because torch exports repeat_interleave with an unknown size.
            key, value = (
                t.unsqueeze(3).expand(-1, -1, -1, repeats, -1).flatten(2, 3) for t in (key, value)
            )
        mask = self.mask_of(inputs)
        if not scores.is_explicit:
            is_causal = self.is_causal and self.mask is None and attention.window is None
            mask = None if is_causal else mask
            attended = attend_as_keras(query, key, value, mask, scores, is_causal=is_causal)
        else:
            query = query * torch.tensor(scores.scale, dtype=query.dtype)
            pair = (key, query) if attention.is_key_first else (query, key)
            products = torch.einsum(attention.products, *pair)
            axes = tuple(range(products.ndim - len(attention.axes), products.ndim))
            probabilities = probabilities_as_keras(products, axes, mask)
            if scores.drop is not None:
                probabilities = scores.drop(probabilities)
            attended = torch.einsum(attention.combination, probabilities, value)
        return self._project(attention.output, attended, weights[-2:])

    def _project(self, part: Any, values: torch.Tensor, weights: Sequence[Any]) -> torch.Tensor:
        kernel, bias = weights
        product = torch.einsum(part.equation, values.to(self.dtype), kernel)
        return product if bias is None else product + bias


def attention_layer(layer: Any, site: Site) -> list[Operation]:
    """Lower MultiHeadAttention and GroupQueryAttention."""
    attention = parts_of_attention(layer)
    if isinstance(attention, str):
        raise CannotLowerError(attention)
    for part in attention.layers:
        check_unchanged(part)
        if getattr(part, "quantization_mode", None) or getattr(part, "lora_enabled", False):
            raise CannotLowerError("it is quantized or has LoRA weights")
    arguments = site.arguments
    query, value = arguments["query"], arguments["value"]
    key, mask = arguments.get("key", value), arguments.get("attention_mask")
    if not all(isinstance(tensor, TensorArgument) for tensor in (query, value, key)):
        raise CannotLowerError("it is called on a constant")
    if mask is not None and not isinstance(mask, TensorArgument):
        mask = torch.as_tensor(mask)
    if mask is not None and not attention.is_key_first and mask.dtype not in ("bool", torch.bool):
        raise CannotLowerError("its attention_mask is not boolean")
    is_causal = bool(arguments.get("use_causal_mask", False))
    if (is_causal or attention.window is not None) and site.rank != 3:
        raise CannotLowerError(f"its mask is for 3 axes, its input has {site.rank}")
    drop = noise.dropout(attention.dropout, site)
    has_seed = attention.dropout.seed is not None
    operation: Operation = _operation_class(attention, site, mask)(
        attention=attention,
        indices=(query.index, key.index, value.index),
        mask=mask,
        is_causal=is_causal,
        scores=ScoreSettings(
            scale=1.0 / math.sqrt(attention.key_size),
            drop=drop[0].apply if drop else None,
            rate=float(attention.dropout.rate),
            draw_key=partial(noise.generator_key, attention.dropout) if has_seed else draw_key,
            is_explicit=attention.rate > 0 or site.rank != 3,
        ),
        dtype=site.dtype,
        num_inputs=len(site.input_shapes),
        changes_state=any(operation.changes_state for operation in drop),
    )
    return [operation]


def _operation_class(attention: AttentionParts, site: Site, mask: Any) -> type[_Attention]:
    takes_all = attention.axes == tuple(range(1, site.rank - 1))
    is_simple = site.rank == 3 or (takes_all and mask is None)
    return _Fused if site.dtype.itemsize == 2 and is_simple else _AsKeras


def _affine(values: torch.Tensor, weights: Sequence[Any], dtype: torch.dtype) -> torch.Tensor:
    kernel, bias = weights
    rows = values.to(dtype).reshape(-1, kernel.shape[0])
    return torch.mm(rows, kernel) if bias is None else torch.addmm(bias, rows, kernel)
