"""Fuses a convolution with the max pooling after it, where there is a kernel for both."""

from dataclasses import replace

import torch

from clearsight.engine.kernels.first_convolution import MIN_POOLED_CHANNELS
from clearsight.engine.operations.convolution import Convolution, PooledConvolution
from clearsight.engine.operations.operation import Axes
from clearsight.engine.operations.pooling import MaxPooling2x2
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program


def fuse_convolution_pooling(program: Program) -> Program:
    """Fuse each convolution with the 2x2 max pooling after it.

    With many channels only the gradients become faster, so these are fused in training only.
    """

    def fuse(convolution: Node, pooling: Node) -> tuple[Node, ...] | None:
        first, second = convolution.operation, pooling.operation
        if not isinstance(first, Convolution) or not isinstance(second, MaxPooling2x2):
            return None
        has_few_channels = first.kernel.shape[2] < MIN_POOLED_CHANNELS
        if not _has_kernel(first) or not (program.training or has_few_channels):
            return None
        both = PooledConvolution(first, second.rectified, input_axes=first.input_axes)
        return (replace(convolution, operation=both, output=pooling.output),)

    return rewrite_pairs(program, fuse)


def _has_kernel(convolution: Convolution) -> bool:
    return (
        convolution.dtype is torch.bfloat16
        and convolution.input_axes is Axes.CHANNELS_SECOND
        and {*convolution.strides, *convolution.dilation} == {1}
        and convolution.groups == 1
        and not convolution.is_depthwise
    )
