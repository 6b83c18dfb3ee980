"""Networks of inverted residual blocks, stage by stage, for Keras and for PyTorch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Blocks of a pointwise, a depthwise and another pointwise convolution.

    Attributes:
        expansion: how many times wider the depthwise convolution is than its block's input.
        channels: of each block's output.
        stride: of the first block.
    """

    expansion: int
    channels: int
    num_blocks: int
    stride: int
    kernel_size: int = 3


MOBILENET_STAGES = (  # Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)

LITE0_STAGES = (  # of EfficientNet-B0 (Tan and Le 2019, https://arxiv.org/abs/1905.11946, table 1)
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 40, 2, 2, kernel_size=5),
    Stage(6, 80, 3, 2),
    Stage(6, 112, 3, 1, kernel_size=5),
    Stage(6, 192, 4, 2, kernel_size=5),
    Stage(6, 320, 1, 1),
)
