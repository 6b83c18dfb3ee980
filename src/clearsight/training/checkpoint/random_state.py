"""The state of every random generator that a training draws from."""

import random
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

Tensors = dict[str, torch.Tensor]
_NUMPY_WORDS = 624  # of its Mersenne Twister


@dataclass(frozen=True)
class RandomState:
    """The state of Python's, numpy's and torch's generators.

    Keras's own seeds are variables of the model and are saved with it.

    Attributes:
        tensors: torch's states uint8 (N,), one per device, numpy's uint32 (624,) and Python's
            int64 (625,).
        values: the rest of numpy's and Python's states, as plain numbers.
    """

    tensors: Tensors
    values: dict[str, Any]

    @classmethod
    def capture(cls) -> Self:
        """Read the state of all generators."""
        state: Any = np.random.get_state()
        _, keys, position, has_gauss, gauss = state
        version, words, gauss_next = random.getstate()
        tensors = {
            "torch": torch.get_rng_state(),
            "numpy": torch.from_numpy(np.asarray(keys, np.uint32).copy()),
            "python": torch.tensor(words, dtype=torch.int64),
        }
        if torch.cuda.is_available():
            for index, cuda_state in enumerate(torch.cuda.get_rng_state_all()):
                tensors[f"cuda.{index}"] = cuda_state
        numpy_values = [int(position), int(has_gauss), float(gauss)]
        return cls(tensors, {"numpy": numpy_values, "python": [version, gauss_next]})

    def restore(self) -> None:
        """Set all generators to this state."""
        torch.set_rng_state(self.tensors["torch"].clone())
        if torch.cuda.is_available():
            for index in range(torch.cuda.device_count()):
                if f"cuda.{index}" in self.tensors:
                    torch.cuda.set_rng_state(self.tensors[f"cuda.{index}"], index)
        np.random.set_state(self._numpy_state)
        random.setstate(self._python_state)

    def check(self) -> None:
        """Check that it is a state that `capture` may return, by setting generators of its own.

        Raises:
            ValueError: when it is none.
        """
        try:
            torch.Generator().set_state(self.tensors["torch"].clone())
            _, keys, position, *_ = self._numpy_state
            # numpy itself would read beyond its words from a later position.
            is_state = keys.dtype == np.uint32 and keys.shape == (_NUMPY_WORDS,)
            if not is_state or not 0 <= position <= _NUMPY_WORDS:
                raise ValueError("its state of numpy's random numbers is not valid")
            np.random.RandomState().set_state(self._numpy_state)
            random.Random().setstate(self._python_state)
        except (LookupError, TypeError, RuntimeError, OverflowError) as error:
            raise ValueError(f"its state of the random numbers is not valid ({error})") from error

    @property
    def _numpy_state(self) -> Any:
        position, has_gauss, gauss = self.values["numpy"]
        return "MT19937", self.tensors["numpy"].numpy(), position, has_gauss, gauss

    @property
    def _python_state(self) -> Any:
        version, gauss_next = self.values["python"]
        return version, tuple(self.tensors["python"].tolist()), gauss_next
