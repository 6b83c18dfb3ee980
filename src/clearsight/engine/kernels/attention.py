"""Attention whose scores never leave the cache, forward and backward; see `attention.c`."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.dropout import can_drop
from clearsight.engine.kernels.library import call, has_kernel, scratch_size

# Keys and values of a head are in the cache as float32, in five copies: 1 MiB at a size of 64.
_MAX_HEAD_SIZE, _MAX_KEYS = 128, 1024


def can_attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rate: float) -> bool:
    """Return whether there is a kernel for these arguments of `attention`; shapes as there."""
    return (
        (rate == 0 or can_drop(query, rate))
        and query.dtype is key.dtype is value.dtype is torch.bfloat16
        and query.device.type == "cpu"
        and max(query.shape[3], value.shape[3]) <= _MAX_HEAD_SIZE
        and 0 < key.shape[1] <= _MAX_KEYS
        and has_kernel("attention")
    )


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    rate: float = 0.0,
    random_key: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the softmax of products of queries and keys, times the values.

    Args:
        query: bfloat16 (N, T, H, D), multiplied by the scale already.
        key: (N, S, K, D); each of its K heads is used by H / K heads of the query.
        value: (N, S, K, V).
        rate: the fraction of the probabilities that is dropped.
        random_key: int64 (1,), determines what is dropped; None if nothing is.

    Returns:
        bfloat16 (N, T, H, V).
    """
    attended: Any = _Attention.apply(query, key, value, rate, random_key)
    return attended


class _Attention(torch.autograd.Function):
    """The operation with its gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        rate: float,
        random_key: torch.Tensor | None,
    ) -> torch.Tensor:
        query, key, value = map(_in_rows, (query, key, value))
        num_images, num_queries, num_heads, size = query.shape
        ctx.sizes = (
            num_images, num_queries, num_heads, *key.shape[1:3], size, value.shape[3],
            query.stride(1), key.stride(1), value.stride(1),
        )  # fmt: skip
        ctx.rate = rate
        output = query.new_empty((num_images, num_queries, num_heads, value.shape[3]))
        log_sums = None
        if any(ctx.needs_input_grad):
            log_sums = query.new_empty((num_images, num_heads, num_queries), dtype=torch.float32)
        num_chunks = torch.get_num_threads()
        scratch = _scratch(query, ctx.sizes, num_chunks)
        call(
            "attention", query, key, value, random_key, output, log_sums, scratch, ctx.sizes, rate,
            num_chunks,
        )  # fmt: skip
        ctx.save_for_backward(query, key, value, random_key, output, log_sums)
        return output

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        query, key, value, random_key, output, log_sums = ctx.saved_tensors
        found = tuple(tensor.new_empty(tensor.shape) for tensor in (query, key, value))
        num_chunks = torch.get_num_threads()
        scratch = _scratch(query, ctx.sizes, num_chunks)
        call(
            "attention_backward", query, key, value, random_key, output, gradients[0].contiguous(),
            log_sums, *found, scratch, ctx.sizes, ctx.rate, num_chunks,
        )  # fmt: skip
        return *found, None, None


def _in_rows(values: torch.Tensor) -> torch.Tensor:
    """Return the values (N, T, H, D), copied unless the kernel can read their memory.

    It can if the heads of a position are contiguous and all positions, of all images, are equally
    far apart: also where queries, keys and values are columns of one matrix product.
    """
    positions, _, size = values.shape[1:]
    image_stride, position_stride, head_stride, value_stride = values.stride()
    is_row = (
        value_stride == 1 and head_stride == size and image_stride == positions * position_stride
    )
    return values if is_row else values.contiguous()


def _scratch(like: torch.Tensor, sizes: tuple[int, ...], num_chunks: int) -> torch.Tensor:
    shape = (num_chunks, scratch_size("attention", sizes))
    return like.new_empty(shape, dtype=torch.float32)
