"""`EvaluationStep`: what a step of `evaluate` or `predict` does with a batch."""

from typing import Any

import torch

from clearsight.engine.program.program import Inputs, Tensors
from clearsight.engine.runtime.memory import is_out_of_memory, release_memory
from clearsight.engine.runtime.saved_state import SavedState
from clearsight.engine.steps import ModelStep, first_tensor
from clearsight.models.backend import keras


class EvaluationStep(ModelStep):
    """A step of `evaluate` or `predict`.

    Its weights are cast and folded once for all batches, or for each batch if `weights_may_change`:
    if a user's code between batches could change them.
    """

    def __init__(
        self, model: keras.Model, dtype: torch.dtype, *, weights_may_change: bool = False
    ) -> None:
        super().__init__(model, dtype, training=False)
        if not weights_may_change:
            self._program = self._program.freeze_weights()
        # A layer's first call may show that the model must be left to Keras.
        self._state: SavedState | None = SavedState(self._program.state)

    def test(self, inputs: Inputs, data: Any) -> Any:
        """Evaluate a batch; return the logs so far."""
        return self._track(self._forward(inputs, data), data)

    def predict(self, inputs: Inputs) -> Any:
        """Return the model's outputs for a batch."""
        return self._outputs(self.run_program(inputs))

    def run_program(self, inputs: Inputs) -> Tensors:
        """Run the program; if memory runs out, run it on each half of the batch."""
        num_images = len(first_tensor(inputs))
        try:
            return self._run_once(inputs)
        except (RuntimeError, MemoryError) as error:
            is_divisible = num_images > 1 and not self._program.runs_keras
            if not is_divisible or not is_out_of_memory(error):
                raise
        release_memory()
        halves = (slice(num_images // 2), slice(num_images // 2, None))
        parts = [self.run_program([v if v is None else v[h] for v in inputs]) for h in halves]
        return [torch.cat(values) for values in zip(*parts, strict=True)]

    def _run_once(self, inputs: Inputs) -> Tensors:
        """Run the program; if its first run fails, restore what that changed."""
        state, self._state = self._state, None
        if state is None:
            return super().run_program(inputs)
        state.save()
        try:
            return super().run_program(inputs)
        except Exception:
            state.restore()
            raise
