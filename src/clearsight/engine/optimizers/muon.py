"""`Muon`: Keras's optimizer of that name, for the kernels of convolutions too."""

from __future__ import annotations

import re
from typing import Any

from clearsight.models.backend import keras


@keras.saving.register_keras_serializable("clearsight")
class Muon(keras.optimizers.Muon):
    """Keras's Muon, which also orthogonalizes convolution kernels.

    A kernel (kh, kw, inputs, filters) is taken as the matrix (kh kw inputs, filters), as Muon's
    authors do; Keras's own class leaves all but matrices to Adam. Arguments are Keras's.

    Source: Jordan et al., https://kellerjordan.github.io/posts/muon/.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        if len(variable.shape) != 4:
            return super()._should_use_adamw(variable)
        return any(re.search(keyword, variable.path) for keyword in self.exclude_layers)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        if len(variable.shape) == 2:
            super()._muon_update_step(gradient, variable, lr, m)
            return
        ops = keras.ops
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        towards = ops.add(gradient, self.momentum * m) if self.nesterov else m
        matrix = ops.reshape(towards, (-1, variable.shape[-1]))
        change = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.reshape(change, variable.shape))
