"""`Muon`: Keras's optimizer of that name, for the kernels of convolutions too."""

import re
from typing import Any

from clearsight.models.backend import keras
from clearsight.models.keras_internals.optimizers import OpenMuon


@keras.saving.register_keras_serializable("clearsight")
class Muon(OpenMuon):
    """Keras's Muon, which also orthogonalizes convolution kernels.

    A kernel (kh, kw, inputs, filters) is taken as the matrix (kh kw inputs, filters), as Muon's
    authors do; Keras's own class leaves all but matrices to Adam. Arguments are Keras's.

    Source: Jordan et al., https://kellerjordan.github.io/posts/muon/.
    """

    def leaves_to_adam(self, variable: Any) -> bool:
        """Return whether Adam updates this variable."""
        if len(variable.shape) != 4:
            return super().leaves_to_adam(variable)
        return any(re.search(keyword, variable.path) for keyword in self.exclude_layers)

    def update_matrix(self, gradient: Any, variable: Any, rate: Any, momentum: Any) -> None:
        """Update a matrix as Keras does, or a kernel as a matrix."""
        if len(variable.shape) == 2:
            super().update_matrix(gradient, variable, rate, momentum)
            return
        ops = keras.ops
        self.assign_add(momentum, ops.add(gradient, momentum * (self.momentum - 1)))
        towards = ops.add(gradient, self.momentum * momentum) if self.nesterov else momentum
        matrix = ops.reshape(towards, (-1, variable.shape[-1]))
        change = self.lr_adjust(rate * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.reshape(change, variable.shape))
