"""Dense, EinsumDense and Embedding."""

from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.lowering.activation import activation_of
from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.operation import Function, Operation, Weights, cast, value_of


def dense(layer: Any, site: Site) -> list[Operation]:
    """Lower Dense: kernel (inputs, units), over the last axis of any rank."""
    if layer.quantization_mode is not None or layer.lora_enabled:
        raise CannotLowerError("it is quantized or has LoRA weights")
    kernel, bias = layer.kernel, layer.bias

    def weights() -> Weights:
        return cast(value_of(kernel), site.dtype), cast(value_of(bias), site.dtype)

    def multiply(
        values: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        rows = values.to(site.dtype).reshape(-1, kernel.shape[0])
        if bias is None or site.dtype is torch.bfloat16:
            product = torch.mm(rows, kernel) if bias is None else torch.addmm(bias, rows, kernel)
        else:
            product = torch.mm(rows, kernel) + bias  # Keras's order, as its float32 rounds
        return product.reshape(*values.shape[:-1], kernel.shape[1])

    return [Function(multiply, weights), *activation_of(layer)]


def einsum_dense(layer: Any, site: Site) -> list[Operation]:
    """Lower EinsumDense."""
    if layer.quantization_mode is not None or layer.lora_enabled:
        raise CannotLowerError("it is quantized or has LoRA weights")
    kernel, bias, equation = layer.kernel, layer.bias, layer.equation

    def weights() -> Weights:
        return cast(value_of(kernel), site.dtype), cast(value_of(bias), site.dtype)

    def multiply(
        values: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        product = torch.einsum(equation, values.to(site.dtype), kernel)
        return product if bias is None else product + bias

    return [Function(multiply, weights), *activation_of(layer)]


def embedding(layer: Any, site: Site) -> list[Operation]:
    """Lower Embedding of integers, which counts from the end below 0, as Keras does."""
    if layer.mask_zero:
        raise CannotLowerError("it makes a mask")
    if layer.quantization_mode is not None or layer.lora_enabled:
        raise CannotLowerError("it is quantized or has LoRA weights")
    variable = layer.embeddings

    def look_up(indices: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        indices = indices.to(torch.int32).long()
        indices = torch.where(indices < 0, indices + rows.shape[0], indices)
        return functional.embedding(indices, rows).to(site.dtype)

    return [Function(look_up, lambda: (value_of(variable),))]
