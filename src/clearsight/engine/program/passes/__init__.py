"""The table of passes: each rewrites a program into one that computes the same with less work.

To add one: a file with a function from program to program, and a row here.
"""

from collections.abc import Callable

from clearsight.engine.program.passes.drop_softmax import drop_softmax
from clearsight.engine.program.passes.fold_normalization import fold_normalization
from clearsight.engine.program.passes.fold_padding import fold_padding
from clearsight.engine.program.passes.fuse_convolution_activation import (
    fuse_convolution_activation,
)
from clearsight.engine.program.passes.fuse_convolution_pooling import fuse_convolution_pooling
from clearsight.engine.program.passes.fuse_normalization_activation import (
    fuse_normalization_activation,
)
from clearsight.engine.program.passes.fuse_normalization_addition import (
    fuse_normalization_addition,
)
from clearsight.engine.program.passes.fuse_relu_pooling import fuse_relu_pooling
from clearsight.engine.program.passes.move_relu import move_relu
from clearsight.engine.program.program import Program

PASSES: tuple[Callable[[Program], Program], ...] = (
    fold_padding,
    fuse_normalization_addition,
    fuse_normalization_activation,
    move_relu,
    fuse_relu_pooling,
    fuse_convolution_pooling,
    fold_normalization,
    fuse_convolution_activation,
    drop_softmax,
)
"""In the order in which they run."""
