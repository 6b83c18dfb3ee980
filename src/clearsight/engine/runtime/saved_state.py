"""`SavedState`: variables and random generators as they were before a step."""

from collections.abc import Iterable
from typing import Any

import torch

_ops: Any = torch  # Any, because its operations on lists have private names


class SavedState:
    """A copy of variables, and of the state of torch's random generators.

    Args:
        variables: Keras variables, possibly with repetitions.
    """

    def __init__(self, variables: Iterable[Any]) -> None:
        self._live = list({id(v.value): v.value.detach() for v in variables}.values())
        self._saved = [torch.empty_like(tensor) for tensor in self._live]
        self._generators: tuple[torch.Tensor, list[torch.Tensor]] | None = None

    def save(self) -> None:
        """Copy the state as it is now."""
        if self._live:
            _ops._foreach_copy_(self._saved, self._live)
        on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        self._generators = torch.get_rng_state(), on_gpu

    def restore(self) -> None:
        """Go back to the state that was last saved."""
        assert self._generators is not None
        if self._live:
            _ops._foreach_copy_(self._live, self._saved)
        on_cpu, on_gpu = self._generators
        torch.set_rng_state(on_cpu)
        if on_gpu:
            torch.cuda.set_rng_state_all(on_gpu)
